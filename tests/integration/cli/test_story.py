"""What the commands tell of one execution beside its steps, in processes of their own."""

import json

import pytest

pytestmark = pytest.mark.e2e


def test_where_the_time_went_and_what_the_duration_consists_of(ask):
    """R116, R153: waits between attempts, child executions, critical path and slack."""
    text = ask("show", "exec-a1", "--waits", "--critical-path").out
    assert text.endswith(
        """
Where its time went
  self          1.50 s   75.0 %  steps at work
  child       400.0 ms   20.0 %  only child executions
  queue           0 ns    0.0 %  steps in a queue
  back-off    100.0 ms    5.0 %  between attempts
  gap             0 ns    0.0 %  nothing
STEP     ATTEMPTS     TOTAL      SELF  STEPS     CHILD  QUEUE  BACK-OFF
extract         1  500.0 ms  500.0 ms      -         -      -         -
load            2    1.50 s    1.00 s      -  400.0 ms      -  100.0 ms

Critical path (2.00 s of 2.00 s)
WHAT      STEP                   ATTEMPT  DURATION
self      extract                      1  500.0 ms
self      load                         1  400.0 ms
back-off  load                         2  100.0 ms
self      load                         2  200.0 ms
child     archive exec-c3-child        -  400.0 ms
self      load                         2  400.0 ms
"""
    )
    document = json.loads(ask("show", "exec-a1", "--waits", "--format", "json").out)
    assert document["waits"]["waits"]["back_off_ns"] == 100_000_000
    assert "critical_path" not in document

"""What the commands tell of one execution beside its steps, in processes of their own."""

import json
import subprocess
import sys
import time

import pytest

from stepscope_collector.cli.server import run_server
from tests.integration.cli import history

pytestmark = pytest.mark.e2e

COMPARED = """\
Left   exec-b2-failed  etl  failed
Right  exec-a1-ok  nightly-report  success

Facts
FIELD                 LEFT        RIGHT
workflow_id           etl         nightly-report
workflow_name         etl         nightly-report
workflow_version      -           1.4.0
trigger_type          -           schedule
user_id               -           ada
tags                  -           nightly, eu
status                failed      success
duration_ns           1.00 s      2.00 s
error_type            ValueError  -
error_message         bad row     -
attempt_count         2           3
failed_attempt_count  2           1

Params, inputs and outputs
KIND    PATH    LEFT  RIGHT
input   $.day   -     "2026-02-28"
output  $.rows  -     3

Path
  the same for 0 steps, then import on the left, extract on the right

Steps
STEP     CHANGE      STATUS            ATTEMPTS      LEFT     RIGHT  DIFFERENCE  INPUT       OUTPUT  ERROR
extract  only right  - → success          - → 1         -  500.0 ms           -  -           -       -
import   only left   failed → -           1 → -    1.00 s         -           -  -           -       ValueError: bad row → -
load     changed     failed → success     1 → 2  700.0 ms    1.00 s   +300.0 ms  only right  -       ValueError: bad row → -

Logs
LEFT  RIGHT  LEVEL  STEP     LINE
   0      3  INFO   extract  line <n>
"""


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


def test_two_executions_side_by_side(ask):
    """R152: params, path, per-step status and duration, version."""
    result = ask("compare", "exec-b2", "exec-a1")
    assert (result.code, result.err) == (0, "")
    assert result.out == COMPARED
    same = ask("compare", "exec-a1", "exec-a1")
    assert same.out.endswith(
        "the same 2 steps\n\nSteps\n2 more steps are the same but for the time\n"
    )
    assert "extract  same" in ask("compare", "exec-a1", "exec-a1", "--all").out


def test_without_a_success_to_compare_with_one_must_be_named(ask):
    """R060: with one id, the last success of the same workflow is meant."""
    result = ask("compare", "exec-b2")
    assert (result.code, result.out) == (7, "")
    assert "no execution of workflow 'etl' succeeded before 'exec-b2-failed'" in result.err


def test_what_goes_with_failure(ask):
    """R153: cohorts, with counts and support so that rare values do not shout."""
    result = ask("cohorts", "--min-count", "1")
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        "Cohort   status in (failed, timed_out): 2\n"
        "Against  status = success: 2\n"
        "\n"
        "nothing goes with the cohort for sure: no value, or too few executions have it\n"
    )
    nobody = ask("cohorts", "--workflow", "nobody").out
    assert nobody.endswith(": 0\n\nnothing to compare: one of them has no execution\n")
    document = json.loads(ask("cohorts", "--min-count", "2", "--format", "json").out)
    assert [(row["trait"], row["value"], row["lift"]) for row in document["lifts"]] == [
        ("workflow", "etl", 2.0)
    ]


def test_the_tree_above_and_below_an_execution(ask):
    """issue #7: children and parent tree."""
    text = ask("show", "exec-c3", "--tree").out
    assert text.endswith(
        """
Tree (2)
   EXECUTION        WORKFLOW        STATUS   STARTED                        DURATION  ERROR
   exec-a1-ok       nightly-report  success  2026-03-01 15:05:09.100+02:00    2.00 s
>    exec-c3-child  archive         success  2026-03-01 15:05:10.300+02:00  400.0 ms
"""
    )


@pytest.mark.timeout(120)
def test_a_server_that_stops_ends_those_who_follow(tmp_path):
    """R067: a stream holds up no stop, and who follows is told."""
    with run_server(tmp_path, tmp_path / "log") as endpoints:
        now = time.time_ns()
        marker = history.execution(
            0xF1, "live", "nightly", 0, 0, number=2, parent=1, stepscope__live__phase="started",
            stepscope__live__start_time_unix_nano=now,
        )  # fmt: skip
        marker["startTimeUnixNano"] = marker["endTimeUnixNano"] = str(now)
        history.send_spans(endpoints.otlp_http, [marker])
        history.send_logs(endpoints.otlp_http, [history.log(0xF1, "live", 1, 0, "first")])
        follower = subprocess.Popen(
            [sys.executable, "-m", "stepscope_collector", "logs", "live", "-f", "--format",
             "ndjson", "--server", f"http://{endpoints.web}"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert json.loads(follower.stdout.readline())["body"] == "first"
    with follower:
        rest, errors = follower.communicate(timeout=40)
    assert (follower.returncode, rest) == (9, "")
    assert "no answer from" in errors

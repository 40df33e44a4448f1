"""What workflows take, per day: view workflow_space."""

import json

from tests.strategies.workflows import execution, step
from tests.unit.collector.taking import payload, taking
from tests.unit.collector.test_retention import payload_of_logs


def test_what_workflows_take_is_told_per_day():
    """R089: a report per workflow and day, of rows and bytes."""
    params = json.dumps({"note": "ä" * 100}, ensure_ascii=False)
    sent = [
        execution("etl", "a", trace="a", attributes={"stepscope.params": params}),
        step("load", "a", trace="a"),
        execution("etl", "b", trace="b"),
        execution("mail", "c", trace="c"),
    ]
    with taking() as take:
        take.take(payload(*sent))
        take.take(payload_of_logs("twelve bytes", "a"), "logs")
        rows = take.rows(
            "select workflow_name, count, span_count, payload_count, payload_bytes, log_count, log_bytes "
            "from workflow_space order by workflow_name"
        )
        days = take.rows(
            "select distinct day_at = day_of(started_at) from executions, workflow_space"
        )
    assert days == [(True,)]
    logged = len("twelve bytes") + len("a")  # the attribute that names the execution
    assert rows == [
        ("etl", 2, 3, 1, len(params.encode()), 1, logged),
        ("mail", 1, 1, 0, 0, 0, 0),
    ]

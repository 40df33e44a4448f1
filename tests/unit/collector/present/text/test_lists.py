"""Tables of lists, as golden text."""

import datetime

from stepscope_collector.present.text.lists import (
    dialect_table,
    execution_table,
    log_lines,
    sql_table,
    step_stats_table,
    workflow_stats_table,
)
from stepscope_collector.present.text.tables import Screen
from tests.unit.collector.present.text.history import execution

CET = datetime.timezone(datetime.timedelta(hours=1))


def test_the_list_of_executions():
    """ours: golden text."""
    rows = [
        execution(execution_id="a1"),
        execution(
            execution_id="b2", status="failed", workflow_name="etl", failed_attempt_count=2,
            error_type="ValueError", error_message="no rows\nin table",
        ),
        execution(execution_id="c3", status="running", ended_at=None, duration_ns=None,
                  started_at=None),
    ]  # fmt: skip
    assert execution_table(rows, Screen(), CET) == (
        "STATUS   EXECUTION  WORKFLOW        STARTED                        DURATION      ATTEMPTS  ERROR\n"
        "success  a1         nightly-report  2026-03-01 14:05:09.100+01:00    2.00 s             3\n"
        "failed   b2         etl             2026-03-01 14:05:09.100+01:00    2.00 s  3 (2 failed)  ValueError: no rows in table\n"
        "running  c3         nightly-report  -                                     -             3\n"
    )


def test_what_has_not_ended_has_no_attempts_to_count_yet():
    """issue #5: 0 attempts beside a step that runs would be wrong."""
    rows = [execution(execution_id="a1", ended_at=None, status="running", attempt_count=0),
            execution(execution_id="b2", attempt_count=0)]  # fmt: skip
    lines = execution_table(rows, Screen(), CET).splitlines()
    assert [line.split()[-1] for line in lines[1:]] == ["-", "0"]


def test_dialects_with_where_their_profile_comes_from():
    """issue #5: stepscope dialects lists profiles, what they fill and how many executions each mapped."""
    row = {"dialect": "celery", "description": "Celery", "version": "0.1.0", "origin": "shipped",
           "source": "celery.toml", "execution_count": 12, "span_count": 345,
           "not_emitted": {"input": "why", "output": "why"}}  # fmt: skip
    own = row | {"dialect": "jobs", "origin": "own", "source": "p/jobs.toml", "not_emitted": {}}
    gone = row | {"dialect": "old", "origin": "none", "description": None, "version": None,
                  "source": None, "not_emitted": None}  # fmt: skip
    assert dialect_table([row, own, gone], Screen()) == (
        "DIALECT  ENGINE  PROFILE        EXECUTIONS  SPANS  NOT EMITTED\n"
        "celery   Celery  shipped 0.1.0          12    345  input, output\n"
        "jobs     Celery  p/jobs.toml            12    345\n"
        "old              none                   12    345\n"
    )


def test_statistics_per_workflow_and_per_step():
    """ours: golden text."""
    counts = {"count": 4, "success": 3, "failed": 1, "running": 0, "success_rate": 0.75}
    durations = {"p50_ns": 1_500_000, "p95_ns": 2e9, "p99_ns": 2e9, "max_ns": 2_000_000_000}
    row = {"workflow_id": "w", "workflow_name": "W", "other": 0, **counts, **durations}
    assert workflow_stats_table([row], Screen()) == (
        "WORKFLOW  COUNT  SUCCESS  FAILED  RUNNING  OTHER    RATE     P50     P95     P99     MAX\n"
        "W             4        3       1        0      0  75.0 %  1.5 ms  2.00 s  2.00 s  2.00 s\n"
    )
    step = {**row, "step_name": "load", "retries": 2, "total_ns": 8e9}
    assert step_stats_table([step], Screen()) == (
        "WORKFLOW  STEP  COUNT  SUCCESS  FAILED  RUNNING  RETRIES    RATE     P50     P95     P99   TOTAL\n"
        "w         load      4        3       1        0        2  75.0 %  1.5 ms  2.00 s  2.00 s  8.00 s\n"
    )


def test_log_records_are_lines_with_time_severity_and_step():
    """R101: level and step of a log line; R066: without the colours of its program."""
    rows = [
        {"logged_at": "2026-03-01T13:05:09.1Z", "severity_text": "INFO", "severity_number": 9,
         "body": "one\ntwo", "step_name": "load", "event_name": None},
        {"logged_at": None, "severity_text": None, "severity_number": 17, "body": "\x1b[1mbad\x1b[m \x1b",
         "step_name": None, "event_name": None},
        {"logged_at": None, "severity_text": None, "severity_number": 0, "body": None,
         "step_name": None, "event_name": "checkpoint"},
    ]  # fmt: skip
    assert log_lines(rows, Screen(), CET) == (
        "2026-03-01 14:05:09.100+01:00 INFO  [load] one\n    two\n- ERROR bad \\x1b\n-       checkpoint\n"
    )
    assert "\x1b[1;31mERROR\x1b[0m" in log_lines(rows, Screen(is_coloured=True), CET)


def test_results_of_sql_align_numbers_and_cut_nothing_without_a_terminal():
    """ours: golden text."""
    rows = [[1, "x", None, True, 0.1], [1000, "a\nb", None, False, 1e20]]
    assert sql_table(["n", "text", "none", "flag", "real"], rows, Screen()) == (
        "   n  text  none  flag    real\n"
        "   1  x     -     true     0.1\n"
        "1000  a b   -     false  1e+20\n"
    )

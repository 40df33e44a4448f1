"""One execution in full, as golden text."""

import datetime

from stepscope_collector.present.text.execution import execution_text
from stepscope_collector.present.text.story import outlook_text
from stepscope_collector.present.text.tables import Screen
from tests.unit.collector.present.text.history import TRACE, execution, payload, step

CET = datetime.timezone(datetime.timedelta(hours=1))
STACK = 'Traceback (most recent call last):\n  File "etl.py", line 3, in load\nValueError: bad row'
FAILED = {"status": "failed", "error_type": "ValueError", "error_message": "bad row"}


def failed_document() -> dict:
    outer = step(1, "import", 0, 2000, **FAILED, error_stack="outer stack")
    inner = step(
        2, "load", 500, 1900, parent_span_id="0000000000000001", **FAILED, error_stack=STACK
    )
    return {
        "execution": execution(**FAILED, tags=["nightly", "eu"], user_id="ada", exit_code=1),
        "steps": [outer, inner],
        "attempts": [outer, inner],
        "payloads": [
            payload("output", "null", "0000000000000002"),
            payload("input", '{"rows": 3}', "0000000000000002"),
            payload("input", '{"day": "2026-02-28"}'),
            payload("params", "a\nb\nc\nd", media_type="text/plain", size_bytes=4096,
                    is_truncated=True),
        ],
        "children": [execution(execution_id="child-1", workflow_name="child")],
        "logs": [{"logged_at": "2026-03-01T13:05:09.1Z", "severity_text": "INFO", "body": "hi"}],
    }  # fmt: skip


def test_a_failed_execution_shows_error_stack_inputs_outputs_steps_and_children():
    """R028: what flowed through each step, where it failed, which inputs, how long."""
    assert (
        execution_text(failed_document(), Screen(), zone=CET, max_body_lines=3)
        == f"""\
Execution {TRACE}
  status        failed
  workflow      nightly-report
  version       1.4.0
  trigger       schedule
  user          ada
  service       reports
  dialect       stepscope
  exit code     1
  started       2026-03-01 14:05:09.100+01:00
  ended         2026-03-01 14:05:11.100+01:00
  duration      2.00 s
  tags          nightly, eu
  trace         {TRACE}

Error
  ValueError: bad row
  raised in step load
  Traceback (most recent call last):
    File "etl.py", line 3, in load
  ValueError: bad row

Params (cut by the sender; 4.0 KiB whole)
  a
  b
  c
  … 1 more lines; --full shows them

Input
  {{
    "day": "2026-02-28"
  }}

Steps (2)
STEP    STATUS  DURATION  TIME                      ERROR
import  failed    2.00 s  ████████████████████████  ValueError: bad row
  load  failed    1.40 s  ······█████████████████·  ValueError: bad row

Step load: input
  {{
    "rows": 3
  }}

Step load: output
  null

Child executions (1)
STATUS   EXECUTION  WORKFLOW  STARTED                        DURATION  ATTEMPTS  ERROR
success  child-1    child     2026-03-01 14:05:09.100+01:00    2.00 s         3

Logs
2026-03-01 14:05:09.100+01:00 INFO  hi
"""
    )


def test_a_running_execution_says_when_it_was_last_seen():
    """ours: an end is never invented."""
    text = execution_text(
        {"execution": execution(status="running", ended_at=None, duration_ns=None)},
        Screen(),
        zone=CET,
    )
    assert "  last seen     2026-03-01 14:05:11.100+01:00\n  duration      -\n" in text
    assert "ended" not in text


def test_the_stack_of_the_execution_itself_comes_before_that_of_steps():
    """ours: an error raised outside every step has its stack on the execution."""
    document = failed_document()
    document["execution"]["error_stack"] = "own stack"
    text = execution_text(document, Screen(), zone=CET)
    assert "  ValueError: bad row\n  own stack\n" in text
    assert "raised in step" not in text


def test_json_that_was_cut_is_shown_as_it_came():
    """ours: half a document is still worth reading."""
    document = {"execution": execution(), "payloads": [payload("input", '{"a": [1, 2')]}
    assert 'Input\n  {"a": [1, 2\n' in execution_text(document, Screen())


def test_payloads_of_earlier_attempts_and_large_attributes_have_titles():
    """R116: each attempt is a row; ours: an attribute is named by its key."""
    first = step(1, "fetch", 0, 500, step_id="fetch", **FAILED)
    second = step(2, "fetch", 1000, 2000, step_id="fetch", attempt=2)
    document = {
        "execution": execution(),
        "steps": [second],
        "attempts": [first, second],
        "payloads": [
            payload("input", "1", first["span_id"]),
            payload("attribute", '"x"', key="http.body"),
        ],
    }
    text = execution_text(document, Screen())
    assert "\nStep fetch attempt 1: input\n  1\n" in text
    assert '\nAttribute http.body\n  "x"\n' in text


def test_the_same_content_is_shown_once():
    """ours: live markers repeat their span, retries mostly get the same input again."""
    first = step(1, "fetch", 0, 500, step_id="fetch", **FAILED)
    second = step(2, "fetch", 1000, 2000, step_id="fetch", attempt=2)
    other = step(3, "other", 0, 1)
    document = {
        "execution": execution(),
        "steps": [second, other],
        "attempts": [first, second, other],
        "payloads": [
            payload("params", "1", "00000000000000ff"),
            payload("params", "1"),
            payload("input", "2", first["span_id"]),
            payload("input", "2", second["span_id"]),
            payload("input", "2", other["span_id"]),
        ],
    }
    text = execution_text(document, Screen())
    assert text.count("Params\n") == 1
    assert text.count("Step fetch: input\n") == 1
    assert text.count("Step other: input\n") == 1
    assert "attempt 1: input" not in text


def test_params_that_are_the_input_are_shown_once():
    """issue #5: Params and Input held the same."""
    same = [payload("params", '{"day": 1}'), payload("input", '{"day": 1}')]
    text = execution_text({"execution": execution(), "payloads": same}, Screen())
    assert text.count('"day"') == 1
    assert "Params and input\n" in text
    differ = [payload("params", '{"day": 1}'), payload("input", '{"day": 2}')]
    text = execution_text({"execution": execution(), "payloads": differ}, Screen())
    assert "Params\n" in text
    assert "Input\n" in text


def test_what_the_engine_does_not_emit_is_said_instead_of_a_blank():
    """issue #5: "not emitted" is an answer; surfaces say so instead of showing blanks."""
    missing = [
        {"field": field, "reason": reason, "dialect": "celery", "engine": "Celery"}
        for field, reason in (("input", "not on the spans"), ("user_id", "nobody is named"))
    ]
    shown = execution(dialect="celery")
    text = execution_text({"execution": shown, "not_emitted": missing}, Screen())
    assert "  user          not emitted by Celery\n" in text
    assert text.endswith(
        "\nNot emitted by Celery\n  input    not on the spans\n  user id  nobody is named\n"
    )
    assert "ot emitted" not in execution_text({"execution": shown, "not_emitted": []}, Screen())


def test_the_native_status_is_shown_when_it_says_more():
    """issue #2: the sender's own word."""
    shown = execution(dialect="airflow", status_native="upstream_failed")
    assert "  native status upstream_failed\n" in execution_text({"execution": shown}, Screen())
    for hidden in (
        execution(status_native="failure"),
        execution(dialect="airflow", status_native="success"),
    ):
        assert "native" not in execution_text({"execution": hidden}, Screen())


def test_nothing_a_sender_wrote_reaches_the_terminal_as_an_escape_sequence():
    """ours: names, messages, stacks and bodies come from strangers."""
    evil = "\x1b]0;owned\x07"
    document = failed_document()
    document["execution"] |= {"execution_id": evil, "user_id": evil, "error_message": evil,
                              "tags": [evil]}  # fmt: skip
    document["steps"][0] |= {"step_name": evil, "error_stack": evil, "error_type": evil}
    document["payloads"] = [payload("input", evil), payload("attribute", "1", key=evil)]
    document["logs"][0] |= {"body": evil, "step_name": evil, "severity_text": evil}
    document["children"][0] |= {"workflow_name": evil}
    assert "\x1b" not in execution_text(document, Screen())


def test_a_wait_in_a_queue_is_shown():
    """issue #3: queue/wait time when the sender gives it."""
    queued = execution(queued_at="2026-03-01T13:05:09.000000000Z", wait_ns=100_000_000)
    text = execution_text({"execution": queued}, Screen(), zone=CET)
    assert "  queued        2026-03-01 14:05:09.000+01:00, 100.0 ms before its start\n" in text
    text = execution_text({"execution": {**queued, "wait_ns": None}}, Screen(), zone=CET)
    assert "  queued        2026-03-01 14:05:09.000+01:00\n" in text


def test_what_is_known_of_the_workflow_stands_beside_the_facts() -> None:
    """R060: time left of what goes on, last success of what failed."""
    estimate = {
        "reason": None, "left_p50_ns": 90 * 10**9, "left_p90_ns": 200 * 10**9, "longer_count": 45,
        "history_count": 60,
    }  # fmt: skip
    success = {
        "execution_id": "good", "started_at": "2026-03-01T13:05:09.100000000Z",
        "duration_ns": 2_000_000_000,
    }  # fmt: skip
    lines = outlook_text({"estimate": estimate, "last_success": success}, datetime.UTC)
    assert lines == [
        "  time left     about 1 m 30 s, nine of ten end within 3 m 20 s"
        " (of 45 that took longer, among 60 successes)\n",
        "  last success  good, 2026-03-01 13:05:09.100+00:00, 2.00 s\n",
    ]
    unknown = {**estimate, "reason": "too few: 2 of 9"}
    assert outlook_text({"estimate": unknown}, None) == [
        "  time left     not known: too few: 2 of 9\n"
    ]
    assert outlook_text({}, None) == []

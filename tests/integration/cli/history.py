"""A small history with fixed ids and times, as OTLP/JSON requests."""

import json
import urllib.request
from typing import Any

START_NS = 1_772_370_309_100_000_000
"""2026-03-01T13:05:09.1Z"""
MS = 1_000_000
STACK = 'Traceback (most recent call last):\n  File "etl.py", line 3, in load\nValueError: bad row'


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(each) for each in value]}}
    return {"stringValue": value}


def _attributes(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def span(
    trace: int, number: int, parent: int, name: str, start_ms: int, end_ms: int, **attributes: Any
) -> dict[str, Any]:
    """A span; `error` and `stack` among the attributes make it a failed one."""
    error, stack = attributes.pop("error", None), attributes.pop("stack", None)
    result: dict[str, Any] = {
        "traceId": f"{trace:032x}",
        "spanId": f"{number:016x}",
        "parentSpanId": f"{parent:016x}" if parent else "",
        "name": name,
        "kind": 1,
        "startTimeUnixNano": str(START_NS + start_ms * MS),
        "endTimeUnixNano": str(START_NS + end_ms * MS),
        "status": {},
    }
    keys = {key.replace("__", "."): value for key, value in attributes.items()}
    if error is not None:
        kind, message = error
        keys["error.type"] = kind
        result["status"] = {"code": 2, "message": message}
        event = {"exception.type": kind, "exception.message": message}
        if stack is not None:
            event["exception.stacktrace"] = stack
        result["events"] = [
            {"timeUnixNano": result["endTimeUnixNano"], "name": "exception",
             "attributes": _attributes(event)}
        ]  # fmt: skip
    result["attributes"] = _attributes(keys)
    return result


def execution(
    trace: int, execution_id: str, workflow: str, start_ms: int, end_ms: int, **attributes: Any
) -> dict[str, Any]:
    """The span of an execution: span id 1 of its trace, unless `number` says otherwise."""
    return span(
        trace, attributes.pop("number", 1), attributes.pop("parent", 0), workflow, start_ms, end_ms,
        stepscope__span__role="execution", workflow__execution__id=execution_id,
        workflow__name=workflow, **attributes,
    )  # fmt: skip


def step(
    trace: int, execution_id: str, number: int, name: str, start_ms: int, end_ms: int,
    **attributes: Any,
) -> dict[str, Any]:  # fmt: skip
    """The span of one attempt of a step."""
    return span(
        trace, number, attributes.pop("parent", 1), name, start_ms, end_ms,
        stepscope__span__role="step", workflow__execution__id=execution_id,
        workflow__task__name=name, **attributes,
    )  # fmt: skip


def log(trace: int, execution_id: str, span_id: int, at_ms: int, body: str) -> dict[str, Any]:
    """A log record of severity INFO."""
    return {
        "timeUnixNano": str(START_NS + at_ms * MS),
        "severityNumber": 9,
        "severityText": "INFO",
        "body": {"stringValue": body},
        "traceId": f"{trace:032x}",
        "spanId": f"{span_id:016x}",
        "attributes": _attributes({"workflow.execution.id": execution_id}),
    }


def spans() -> list[dict[str, Any]]:
    """Four executions: a success with a retry, its child, a failure in a step, one outside steps."""
    bad_row = ("ValueError", "bad row")
    return [
        execution(0xA1, "exec-a1-ok", "nightly-report", 0, 2000, workflow__version="1.4.0",
                  workflow__trigger__type="schedule", enduser__id="ada",
                  stepscope__tags=["nightly", "eu"], stepscope__input='{"day":"2026-02-28"}',
                  stepscope__output='{"rows":3}'),
        step(0xA1, "exec-a1-ok", 2, "extract", 0, 500, stepscope__step__index=0),
        step(0xA1, "exec-a1-ok", 3, "load", 500, 900, workflow__task__id="load-1",
             stepscope__step__index=1, stepscope__step__attempt=1, stepscope__step__max_attempts=3,
             error=("TimeoutError", "no answer"), stack="stack of the first try"),
        step(0xA1, "exec-a1-ok", 4, "load", 1000, 2000, workflow__task__id="load-1",
             stepscope__step__index=1, stepscope__step__attempt=2, stepscope__step__max_attempts=3,
             stepscope__input='{"rows":3}'),
        execution(0xA1, "exec-c3-child", "archive", 1200, 1600, number=5, parent=4,
                  stepscope__execution__parent_id="exec-a1-ok",
                  stepscope__execution__root_id="exec-a1-ok"),
        execution(0xB2, "exec-b2-failed", "etl", 5000, 6000, error=bad_row),
        step(0xB2, "exec-b2-failed", 2, "import", 5000, 6000, error=bad_row, stack="outer"),
        step(0xB2, "exec-b2-failed", 3, "load", 5200, 5900, parent=2, error=bad_row, stack=STACK),
        execution(0xD4, "exec-d4-bare", "etl", 7000, 7100, error=("KeyError", "'x'"),
                  stack="own stack"),
    ]  # fmt: skip


def logs() -> list[dict[str, Any]]:
    """Three records of the first execution."""
    return [log(0xA1, "exec-a1-ok", 2, 100 * n, f"line {n}") for n in range(3)]


def send_spans(http: str, sent: list[dict[str, Any]], scope_name: str = "stepscope") -> None:
    """Deliver spans, of the Stepscope SDK if not told else, to OTLP/HTTP at `http`, HOST:PORT."""
    scope = {"scope": {"name": scope_name, "version": "0.1.0"}, "spans": sent}
    _post(http, "traces", {"resourceSpans": [{"resource": _RESOURCE, "scopeSpans": [scope]}]})


def send_logs(http: str, sent: list[dict[str, Any]]) -> None:
    """Deliver log records to OTLP/HTTP at `http`, HOST:PORT."""
    scope = {"scope": {"name": "logger"}, "logRecords": sent}
    _post(http, "logs", {"resourceLogs": [{"resource": _RESOURCE, "scopeLogs": [scope]}]})


_RESOURCE = {"attributes": _attributes({"service.name": "reports"})}


def _post(http: str, signal: str, document: dict[str, Any]) -> None:
    request = urllib.request.Request(
        f"http://{http}/v1/{signal}",
        json.dumps(document).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as response:
        answer = json.loads(response.read() or b"{}")
    assert not answer.get("partialSuccess"), answer

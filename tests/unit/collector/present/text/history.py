"""One small history as the read API gives it, with fixed ids and times."""

from typing import Any

TRACE = "0af7651916cd43dd8448eb211c80319c"


def execution(**changes: Any) -> dict[str, Any]:
    """A row of the view `executions`."""
    return {
        "execution_id": TRACE,
        "workflow_id": "nightly-report",
        "workflow_name": "nightly-report",
        "workflow_version": "1.4.0",
        "project": None,
        "dialect": "stepscope",
        "service_name": "reports",
        "trigger_type": "schedule",
        "user_id": None,
        "tags": None,
        "status": "success",
        "status_native": None,
        "started_at": "2026-03-01T13:05:09.100000000Z",
        "ended_at": "2026-03-01T13:05:11.100000000Z",
        "duration_ns": 2_000_000_000,
        "last_seen_at": "2026-03-01T13:05:11.100000000Z",
        "error_type": None,
        "error_message": None,
        "exit_code": None,
        "parent_execution_id": None,
        "root_execution_id": TRACE,
        "trace_id": TRACE,
        "span_id": "00000000000000e0",
        "attempt_count": 3,
        "failed_attempt_count": 0,
        "span_count": 4,
        "ingested_at": "2026-03-01T13:05:12.000000000Z",
        "updated_at": "2026-03-01T13:05:12.000000000Z",
    } | changes


def step(number: int, name: str, start_ms: int, end_ms: int | None, **changes: Any) -> dict:
    """A row of the views `steps` and `attempts`; times in ms after the start of the execution."""

    def at(ms: int) -> str:
        second, millisecond = divmod(100 + ms, 1000)
        return f"2026-03-01T13:05:{9 + second:02d}.{millisecond:03d}000000Z"

    span_id = f"{number:016x}"
    return {
        "execution_id": TRACE,
        "step_id": span_id,
        "step_name": name,
        "step_type": None,
        "step_index": number,
        "attempt": 1,
        "max_attempts": None,
        "attempt_count": 1,
        "status": "success" if end_ms is not None else "running",
        "started_at": at(start_ms),
        "first_started_at": at(start_ms),
        "ended_at": None if end_ms is None else at(end_ms),
        "last_seen_at": at(start_ms if end_ms is None else end_ms),
        "duration_ns": None if end_ms is None else (end_ms - start_ms) * 1_000_000,
        "error_type": None,
        "error_message": None,
        "error_stack": None,
        "span_id": span_id,
        "parent_span_id": "00000000000000e0",
    } | changes


def payload(kind: str, body: str, span_id: str = "00000000000000e0", **changes: Any) -> dict:
    """A row of the view `payloads`."""
    return {
        "execution_id": TRACE,
        "span_id": span_id,
        "kind": kind,
        "key": f"stepscope.{kind}",
        "media_type": "application/json",
        "body": body,
        "size_bytes": len(body),
        "is_truncated": False,
    } | changes

"""What is written, checked, and put together with what is known into records."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from stepscope_collector.compat.document import MAX_ID_BYTES
from stepscope_collector.compat.record import OUTCOMES, ErrorRecord, ExecutionRecord, StepRecord
from stepscope_collector.compat.spans import execution_span_id, step_span_id
from stepscope_collector.errors import BadRequest
from stepscope_collector.importing.older.rows import Extras

__all__ = [
    "changed_execution",
    "changed_step",
    "corrected",
    "extras_of",
    "new_execution",
    "new_step",
]

Row = Mapping[str, Any]
_MS: Final = 1_000_000
_MAX_MS: Final = (2**63 - 1) // _MS
_WORDS: Final = {"running": "running", "success": "success", "error": "failed"}
_STEP_WORDS: Final = {**_WORDS, "skipped": "skipped"}


def new_execution(given: Row, execution_id: str, now_ns: int) -> ExecutionRecord:
    """The execution that `create_execution` makes.

    Raises:
        BadRequest: a value is not as it must be; the message names it.
    """
    started = _time(given, "started_at", now_ns // _MS * _MS)  # so that durations come out whole
    status = _status(given, _WORDS, "running")
    workflow_id = _text(given, "workflow_id")
    return ExecutionRecord(
        execution_id=_text(given, "id", execution_id),
        workflow_id=workflow_id,
        workflow_name=_text(given, "workflow_name", workflow_id),
        status=status,
        started_ns=started,
        ended_ns=_end(given, status, started, now_ns),
        trigger_type=_text(given, "trigger_type", "manual"),
        trigger_data=_json(given, "trigger_data"),
        error=_error(given),
        metadata=_json(given, "metadata"),
    )


def changed_execution(state: Row, given: Row, now_ns: int) -> ExecutionRecord:
    """The execution of `state` after an update; an end is never taken back (R015).

    Raises:
        BadRequest: a value is not as it must be; the message names it.
    """
    before = "running" if state["ended_ns"] is None else str(state["status"])
    asked = _status(given, _WORDS, before)
    status = asked if asked in OUTCOMES else before
    if status == "running" and ({"completed_at", "duration_ms"} & given.keys()):
        raise BadRequest("an execution that goes on has no end", hint="give its status, too")
    if status == "running" and ({"error_message", "error_stack"} & given.keys()):
        raise BadRequest("an execution that goes on has no error", hint="give its status, too")
    started, ended = int(state["started_ns"]), state["ended_ns"]
    if ended is None or {"completed_at", "duration_ms"} & given.keys():
        ended = _end(given, status, started, now_ns)
    if ended is not None and state["ended_ns"] is not None:
        ended = max(int(ended), int(state["ended_ns"]))
    error = _error({
        "error_message": state["error_message"], "error_stack": state["error_stack"],
        **{name: given[name] for name in ("error_message", "error_stack") if name in given},
    })  # fmt: skip
    return ExecutionRecord(
        execution_id=state["execution_id"],
        workflow_id=state["workflow_id"],
        workflow_name=state["workflow_name"],
        status=status,
        started_ns=started,
        ended_ns=None if ended is None else int(ended),
        trigger_type=state["trigger_type"],
        trigger_native=state["trigger_native"],
        trigger_data=_json(given, "trigger_data", state["trigger_data"]),
        error=error,
        metadata=_json(given, "metadata", state["metadata"]),
    )


def extras_of(state: Row, now_ns: int) -> Extras:
    """What is known of an execution beside its record, to be said again.

    The newest span counts, and of one that goes on only the newest marker is kept. Params that a span has
    told stay known.

    Args:
        state: of query `records/state`.
        now_ns: its sign of life, if it goes on.
    """
    return Extras(
        exit_code=state["exit_code"],
        binary_path=state["binary_path"],
        user_id=state["user_id"],
        project=state["project"],
        output=state["output"],
        params=state["params"] if state["ended_ns"] is None else None,
        seen_ns=now_ns,
    )


def corrected(record: ExecutionRecord, state: Row) -> tuple[ExecutionRecord, int]:
    """The record, and the revision of its span that wins over the one that ended the execution."""
    own = execution_span_id(record.execution_id).hex()
    before = state["span_id"] or ""
    if before[:12] == own[:12]:
        return record, (int(before[12:], 16) + 1) % 2**16
    # That span is somebody else's: of two with the same end the greater id wins, and a later end always.
    ended = record.ended_ns
    if ended is not None and ended == int(state["ended_ns"]):
        ended += 1
    return replace(record, ended_ns=ended), 0


def new_step(given: Row, step_id: str, index: int, now_ns: int) -> StepRecord:
    """The step that `add_step` makes.

    Raises:
        BadRequest: a value is not as it must be; the message names it.
    """
    own = _text(given, "id", step_id)
    node_id = _text(given, "node_id")
    started = _time(given, "started_at", now_ns // _MS * _MS)  # so that durations come out whole
    status = _status(given, _STEP_WORDS, "running")
    place = given.get("step_index", index)
    if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < 2**31:
        raise BadRequest(f"step_index is no place from 0 on: {place!r}")
    return StepRecord(
        step_id=own,
        node_id=node_id,
        name=_text(given, "node_name", node_id),
        type=_text(given, "node_type", "unknown"),
        index=place,
        status=status,
        started_ns=started,
        ended_ns=_end(given, status, started, now_ns),
        input=_json(given, "input_data"),
        output=_json(given, "output_data"),
        error=_error(given),
        record_id=own,
    )


def changed_step(state: Row, given: Row, now_ns: int) -> StepRecord:
    """The step of `state` after an update; an end is never taken back (R015).

    Raises:
        BadRequest: a value is not as it must be; the message names it.
    """
    known = StepRecord(
        step_id=state["step_id"],
        node_id=state["node_id"],
        name=state["step_name"],
        type=state["step_type"],
        index=int(state["step_index"]),
        status="running" if state["ended_ns"] is None else str(state["status"]),
        started_ns=None if state["started_ns"] is None else int(state["started_ns"]),
        ended_ns=None if state["ended_ns"] is None else int(state["ended_ns"]),
        input=state["input"],
        output=state["output"],
        error=_error(state),
        record_id=None if state["record_id"] != state["step_id"] else state["record_id"],
        attempt=_attempt(state),
    )
    asked = _status(given, _STEP_WORDS, known.status)
    status = asked if known.ended_ns is None or asked in OUTCOMES else known.status
    started = known.started_ns or now_ns
    changed = replace(
        known,
        status=status,
        input=_json(given, "input_data", known.input),
        output=_json(given, "output_data", known.output),
        error=_error(given) if "error_message" in given else known.error,
    )
    if known.ended_ns is None:
        return replace(changed, started_ns=started, ended_ns=_end(given, status, started, now_ns))
    if {"completed_at", "duration_ms"} & given.keys():
        changed = replace(changed, ended_ns=_end(given, status, started, now_ns))
    return changed


def _attempt(state: Row) -> int:
    """The number of our try: that of the step where it is ours, one more where another sender's goes on.

    Of two tries with one number either might count as the final one.
    """
    own = step_span_id(state["execution_id"], state["step_id"]).hex()
    is_ours = state["span_id"] == own
    return int(state["attempt"]) + (0 if is_ours or state["ended_ns"] is not None else 1)


def _text(given: Row, name: str, otherwise: str | None = None) -> str:
    value = given.get(name)
    if value is None and otherwise is not None:
        return otherwise
    if not isinstance(value, str) or not value:
        raise BadRequest(f"{name} is no text: {value!r}")
    if len(value.encode("utf-8", "replace")) > MAX_ID_BYTES:
        raise BadRequest(f"{name} is longer than {MAX_ID_BYTES} bytes")
    return value


def _status(given: Row, words: Mapping[str, str], otherwise: str) -> str:
    value = given.get("status")
    if value is None:
        return otherwise
    if value not in words:
        raise BadRequest(f"status is {value!r}, none of {', '.join(words)}")
    return words[value]


def _time(given: Row, name: str, otherwise_ns: int) -> int:
    value = given.get(name)
    if value is None:
        return otherwise_ns
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _MAX_MS:
        raise BadRequest(f"{name} is no time in ms since 1970: {value!r}")
    return value * _MS


def _end(given: Row, status: str, started_ns: int, now_ns: int) -> int | None:
    """When it ended: as told, else from the duration, else now; None: it goes on."""
    if status not in OUTCOMES:
        return None
    lasted = given.get("duration_ms")
    if lasted is not None:
        if isinstance(lasted, bool) or not isinstance(lasted, int) or not 0 <= lasted <= _MAX_MS:
            raise BadRequest(f"duration_ms is no duration in ms: {lasted!r}")
        now_ns = min(started_ns + lasted * _MS, 2**63 - 1)
    return _time(given, "completed_at", now_ns)


def _error(given: Row) -> ErrorRecord | None:
    message, stack = given.get("error_message"), given.get("error_stack")
    for name, value in (("error_message", message), ("error_stack", stack)):
        if value is not None and not isinstance(value, str):
            raise BadRequest(f"{name} is no text: {value!r}")
    return None if message is None and stack is None else ErrorRecord(message or "", stack)


def _json(given: Row, name: str, otherwise: str | None = None) -> str | None:
    if name not in given:
        return otherwise
    if given[name] is None:
        return None
    try:
        return json.dumps(given[name], ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequest(f"{name} cannot be kept as JSON: {error}") from error

"""The document that generated workflows of design 001 post when an execution ends (R047).

    {id, workflowId, workflowName, status, startedAt, completedAt?, durationMs?, trigger: {type, data},
     nodeExecutions: [{nodeId, nodeName, nodeType, status, startedAt?, completedAt?, durationMs?, input,
     output?, error?: {message, stack?}}], error?: {message, stack?, nodeId?}}

Times are ISO 8601; without a zone they are UTC, as `datetime.utcnow().isoformat()` writes them. Members
that it does not know are kept as metadata.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from stepscope_collector.compat.record import OUTCOMES, ErrorRecord, ExecutionRecord, StepRecord
from stepscope_collector.errors import BadRequest

__all__ = ["MAX_ID_BYTES", "TRIGGERS", "read_document", "status_of", "time_of"]

MAX_ID_BYTES: Final = 512
"""Longest id that is taken (R102)."""

TRIGGERS: Final = {"http": "webhook", "scheduled": "schedule"}
"""Words of design 001 for a trigger → ours (R036); all others are kept."""

_MILLI_NS: Final = 1_000_000
_MAX_NS: Final = 2**63 - 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EXECUTION: Final = (
    "id", "workflowId", "workflowName", "status", "startedAt", "completedAt", "durationMs", "trigger",
    "nodeExecutions", "error", "metadata",
)  # fmt: skip
_NODE: Final = (
    "id", "nodeId", "nodeName", "nodeType", "status", "startedAt", "completedAt", "durationMs", "input",
    "output", "error", "metadata",
)  # fmt: skip
_STATUSES: Final = {
    "pending": "queued", "queued": "queued", "running": "running", "success": "success",
    "completed": "success", "error": "failed", "failed": "failed", "timeout": "timed_out",
    "timed_out": "timed_out", "cancelled": "cancelled", "canceled": "cancelled",
    "skipped": "skipped", "partial": "partial",
}  # fmt: skip


def read_document(body: bytes, new_id: str) -> ExecutionRecord:
    """The execution that a document tells of.

    Args:
        body: the document, JSON.
        new_id: id of the execution when the document has none.

    Raises:
        BadRequest: it is none; the message names the member that is wrong, as a path.
    """
    try:
        found = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is no JSON: {error}", hint="see docs/compat.md") from error
    if not isinstance(found, dict):
        raise BadRequest("the body is no JSON object", hint="see docs/compat.md")
    members = _Members("", found)
    started = members.time("startedAt")
    if started is None:
        raise members.wrong("startedAt", "is missing")
    status = members.status("status")
    ended = members.end(started) if status in OUTCOMES else None
    if status in OUTCOMES and ended is None:
        raise members.wrong(
            "completedAt", f"is missing, and status {found['status']!r} means that it has ended"
        )
    trigger = members.child("trigger")
    native = None if trigger is None else trigger.text("type")
    workflow_id = members.text("workflowId")
    execution_id = new_id if found.get("id") is None else members.text("id")
    return ExecutionRecord(
        execution_id=execution_id,
        workflow_id=workflow_id,
        workflow_name=members.text("workflowName", workflow_id),
        status=status,
        started_ns=started,
        ended_ns=ended,
        trigger_type=None if native is None else TRIGGERS.get(native, native),
        trigger_native=native if native in TRIGGERS else None,
        trigger_data=None if trigger is None else trigger.payload("data"),
        error=members.error(),
        metadata=members.metadata(_EXECUTION),
        steps=_steps(members, started),
    )


def status_of(word: object) -> str | None:
    """The canonical status of a word of design 001 or ours; None: it is none."""
    return _STATUSES.get(word.lower()) if isinstance(word, str) else None


def time_of(value: object) -> int | None:
    """Nanoseconds of an ISO 8601 time; None: it is none, or before 1970 or after 2262."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    nanoseconds = (moment - _EPOCH) // timedelta(microseconds=1) * 1000
    return nanoseconds if 0 < nanoseconds <= _MAX_NS else None


def _steps(members: "_Members", execution_start: int) -> tuple[StepRecord, ...]:
    told = members.values.get("nodeExecutions")
    if told is None:
        return ()
    if not isinstance(told, list):
        raise members.wrong("nodeExecutions", "is no list")
    steps: list[StepRecord] = []
    used: set[str] = set()
    for index, each in enumerate(told):
        path = f"nodeExecutions[{index}]"
        if not isinstance(each, dict):
            raise BadRequest(f"{path} is no object", hint="see docs/compat.md")
        step = _step(_Members(f"{path}.", each), index, execution_start, used)
        used.add(step.step_id)
        steps.append(step)
    return tuple(steps)


def _step(members: "_Members", index: int, execution_start: int, used: set[str]) -> StepRecord:
    status = members.status("status")
    node_id = members.text("nodeId")
    started = members.time("startedAt")
    ended = members.end(started) if status in OUTCOMES else None
    if status in OUTCOMES and ended is None:
        # Neither time was kept in its table for every node: it stands at the start, without length.
        ended = started or execution_start
    if started is None and ended is not None:
        started = max(ended - (members.milliseconds("durationMs") or 0) * _MILLI_NS, 1)
    return StepRecord(
        step_id=_free(node_id, used),
        node_id=node_id,
        name=members.text("nodeName", node_id),
        type=members.text("nodeType", "unknown"),
        index=index,
        status=status,
        started_ns=started if status != "queued" else None,
        ended_ns=ended,
        input=members.payload("input"),
        output=members.payload("output"),
        error=members.error(),
        metadata=members.metadata(_NODE),
    )


def _free(node_id: str, used: set[str]) -> str:
    """The node's id, with a number where the node was carried out before in this execution."""
    name, count = node_id, 1
    while name in used:
        count += 1
        name = f"{node_id}#{count}"
    return name


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON value")


@dataclass(frozen=True, slots=True)
class _Members:
    """Members of an object, and where it stands in the document."""

    path: str
    values: Mapping[str, Any]

    def wrong(self, name: str, what: str) -> BadRequest:
        return BadRequest(f"{self.path}{name} {what}", hint="see docs/compat.md")

    def text(self, name: str, otherwise: str | None = None) -> str:
        value = self.values.get(name)
        if value is None and otherwise is not None:
            return otherwise
        if value is None:
            raise self.wrong(name, "is missing")
        if not isinstance(value, str):
            raise self.wrong(name, f"is no text: {_short(value)}")
        if not value:
            raise self.wrong(name, "is empty")
        if len(value.encode("utf-8", "replace")) > MAX_ID_BYTES:
            raise self.wrong(name, f"is longer than {MAX_ID_BYTES} bytes")
        return value

    def status(self, name: str) -> str:
        value = self.values.get(name)
        if value is None:
            raise self.wrong(name, "is missing")
        if (status := status_of(value)) is None:
            raise self.wrong(name, f"is {_short(value)}, none of {', '.join(_STATUSES)}")
        return status

    def time(self, name: str) -> int | None:
        value = self.values.get(name)
        if value is None:
            return None
        if (moment := time_of(value)) is None:
            raise self.wrong(name, f"is no ISO 8601 time from 1970 to 2262: {_short(value)}")
        return moment

    def milliseconds(self, name: str) -> int | None:
        value = self.values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(name, f"is no number: {_short(value)}")
        if not 0 <= value < _MAX_NS // _MILLI_NS:
            raise self.wrong(name, f"is out of range: {_short(value)}")
        return int(value)

    def end(self, started: int | None) -> int | None:
        ended, lasted = self.time("completedAt"), self.milliseconds("durationMs")
        if ended is None and started is not None and lasted is not None:
            ended = min(started + lasted * _MILLI_NS, _MAX_NS)
        return ended

    def child(self, name: str) -> "_Members | None":
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.wrong(name, f"is no object: {_short(value)}")
        return _Members(f"{self.path}{name}.", value)

    def payload(self, name: str) -> str | None:
        if name not in self.values:
            return None
        return self._json(name, self.values[name])

    def error(self) -> ErrorRecord | None:
        found = self.child("error")
        if found is None:
            return None
        words = {name: found.values.get(name) for name in ("message", "stack", "nodeId")}
        for name, value in words.items():
            if value is not None and not isinstance(value, str):
                raise found.wrong(name, f"is no text: {_short(value)}")
        return ErrorRecord(words["message"] or "", words["stack"], words["nodeId"])

    def metadata(self, known: tuple[str, ...]) -> str | None:
        """What `metadata` holds, with the members that nobody knows; None: nothing."""
        told = self.values.get("metadata")
        if told is not None and not isinstance(told, dict):
            told = {"metadata": told}
        further = {name: value for name, value in self.values.items() if name not in known}
        both = (told or {}) | further
        return self._json("metadata", both) if both else None

    def _json(self, name: str, value: Any) -> str:
        try:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        except (ValueError, RecursionError) as error:
            raise self.wrong(name, f"cannot be kept as JSON: {error}") from error


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."

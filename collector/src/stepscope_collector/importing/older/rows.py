"""Rows of older designs to records. Pure.

The designs call the same things by different names; a row is a mapping from column to value, and each
thing is looked for under all its names. What nobody knows is kept as metadata.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from stepscope_collector.compat.document import TRIGGERS, status_of
from stepscope_collector.compat.record import OUTCOMES, ErrorRecord, ExecutionRecord, StepRecord

__all__ = ["Extras", "Line", "Unreadable", "read_execution", "time_ns"]

Row = Mapping[str, Any]

MAX_ID_BYTES: Final = 512
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_NS: Final = 2**63 - 1
_LEAST_MS: Final = 100_000_000_000
"""Numbers from here on are milliseconds, below seconds: the year 5138, or 1973."""

_STARTED: Final = ("started_at", "start_time")
_ENDED: Final = ("completed_at", "end_time", "ended_at", "finished_at")
_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "id": ("id", "handle_id", "execution_id"),
    "workflow_id": ("workflow_id",),
    "workflow_name": ("workflow_name",),
    "status": ("status",),
    "started": _STARTED,
    "ended": _ENDED,
    "duration": ("duration_ms",),
    "trigger": ("trigger_type", "trigger"),
    "trigger_data": ("trigger_data",),
    "message": ("error_message", "error"),
    "stack": ("error_stack",),
    "error_node": ("error_node_id",),
    "metadata": ("metadata",),
    "exit_code": ("exit_code",),
    "binary_path": ("binary_path",),
    "user": ("user_id", "created_by"),
    "project": ("project_id",),
    "output": ("final_output",),
    "input": ("input",),
    "created": ("created_at",),
    "updated": ("updated_at",),
}
_STEP_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "id": ("id",),
    "execution": ("execution_id",),
    "node_id": ("node_id", "component_id"),
    "name": ("node_name", "component_name", "name"),
    "type": ("node_type", "component_type", "type"),
    "index": ("step_index", "position"),
    "status": ("status",),
    "started": _STARTED,
    "ended": _ENDED,
    "duration": ("duration_ms",),
    "input": ("input_data", "input"),
    "output": ("output_data", "output"),
    "message": ("error_message", "error"),
    "stack": ("error_stack",),
}
_DURATIONS: Final = ("duration_ms", "duration")


class Unreadable(Exception):
    """A row that makes no execution; says why."""


@dataclass(frozen=True, slots=True)
class Line:
    """A log record. `sequence` None: not told."""

    sequence: int | None
    at_ns: int
    body: str
    event_name: str | None = None
    level: str | None = None
    stream: str | None = None


@dataclass(frozen=True, slots=True)
class Extras:
    """What an execution has beside its record."""

    exit_code: int | None = None
    binary_path: str | None = None
    user_id: str | None = None
    project: str | None = None
    output: str | None = None
    """JSON text."""
    params: str | None = None
    """JSON text of an object."""
    seen_ns: int | None = None
    """Last sign of life of one that goes on."""
    lines: Sequence[Line] = field(default=())


def read_execution(
    row: Row, steps: Sequence[Row], zone: tzinfo, *, is_stepped_by_id: bool
) -> tuple[ExecutionRecord, Extras]:
    """The execution that a row and those of its steps tell of.

    Args:
        row: of the execution.
        steps: of its steps, in their order.
        zone: of times that name none.
        is_stepped_by_id: steps have ids of their own that are unique in all; else the node's id is.

    Raises:
        Unreadable: no id, workflow, start or status that is one.
    """
    found = _Found(row, _NAMES, zone)
    execution_id = found.id("id")
    started = found.time("started") or found.time("created")
    if started is None:
        raise Unreadable(f"{_STARTED[0]}={found.get('started')!r} is no time")
    status = found.status()
    records = _steps(steps, zone, is_stepped_by_id=is_stepped_by_id)
    ended = _end(found, status, started, records)
    if ended is None and status in OUTCOMES:
        # An end at the start without exit code: design 002 wrote this for what it had lost sight of.
        status = "running"
    workflow_id = found.text("workflow_id") or found.text("workflow_name")
    if workflow_id is None:
        raise Unreadable("it names no workflow")
    native = found.text("trigger")
    record = ExecutionRecord(
        execution_id=execution_id,
        workflow_id=workflow_id,
        workflow_name=found.text("workflow_name") or workflow_id,
        status=status,
        started_ns=started,
        ended_ns=ended,
        trigger_type=None if native is None else TRIGGERS.get(native, native),
        trigger_native=native if native in TRIGGERS else None,
        trigger_data=found.json("trigger_data"),
        error=found.error(),
        metadata=found.metadata(),
        steps=records,
    )
    seen = [found.time("updated"), *(at for s in records for at in (s.started_ns, s.ended_ns))]
    extras = Extras(
        exit_code=found.integer("exit_code"),
        binary_path=found.text("binary_path"),
        user_id=found.text("user"),
        project=found.text("project"),
        output=found.json("output"),
        seen_ns=max((at for at in seen if at is not None), default=None),
    )
    return record, extras


def _end(found: "_Found", status: str, started: int, steps: Sequence[StepRecord]) -> int | None:
    """When it ended; None: it goes on, or was lost sight of."""
    if status not in OUTCOMES:
        return None
    ended, lasted = found.time("ended"), found.integer("duration")
    is_lost = (
        status == "failed"
        and ended == started
        and "start_time" in found.row
        and found.integer("exit_code") is None
    )
    if is_lost:
        return None
    if ended is None and lasted is not None:
        ended = started + lasted * 1_000_000
    if ended is None:
        ended = max((s.ended_ns for s in steps if s.ended_ns is not None), default=started)
    return min(ended, _MAX_NS)


def _steps(rows: Sequence[Row], zone: tzinfo, *, is_stepped_by_id: bool) -> tuple[StepRecord, ...]:
    records: list[StepRecord] = []
    used: set[str] = set()
    for index, row in enumerate(rows):
        found = _Found(row, _STEP_NAMES, zone)
        node_id = found.text("node_id") or found.text("name") or found.text("id") or str(index)
        own = found.text("id") if is_stepped_by_id else None
        step_id = _free(own or node_id, used)
        used.add(step_id)
        started, ended = found.time("started"), found.time("ended")
        lasted, status = found.integer("duration"), found.status()
        if status in OUTCOMES:
            if ended is None and started is not None:
                ended = started + (lasted or 0) * 1_000_000
            if ended is None:
                raise Unreadable(f"step {node_id!r} has ended and has no time")
        else:
            ended = None
        told = found.integer("index")
        records.append(
            StepRecord(
                step_id=step_id,
                node_id=node_id,
                name=found.text("name") or node_id,
                type=found.text("type") or "unknown",
                index=index if told is None else told,
                status=status,
                started_ns=started if status != "queued" else None,
                ended_ns=ended,
                input=found.json("input"),
                output=found.json("output"),
                error=found.error(),
                metadata=found.metadata(),
                record_id=own,
            )
        )
    return tuple(records)


def _free(name: str, used: set[str]) -> str:
    free, count = name, 1
    while free in used:
        count += 1
        free = f"{name}#{count}"
    return free


@dataclass(frozen=True, slots=True)
class _Found:
    """A row whose things are looked for under their names."""

    row: Row
    names: Mapping[str, tuple[str, ...]]
    zone: tzinfo

    def get(self, what: str) -> Any:
        for name in self.names[what]:
            if self.row.get(name) is not None:
                return self.row[name]
        return None

    def text(self, what: str) -> str | None:
        value = self.get(what)
        if value is None or value == "":
            return None
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        return value if isinstance(value, str) else _dumped(value)

    def id(self, what: str) -> str:
        found = self.text(what)
        if found is None:
            raise Unreadable("it has no id")
        if len(found.encode("utf-8", "replace")) > MAX_ID_BYTES:
            raise Unreadable(f"its id is longer than {MAX_ID_BYTES} bytes")
        return found

    def status(self) -> str:
        word = str(self.get("status") or "")
        plain = "queued" if word.lower() == "notstarted" else status_of(word)
        if plain is None and word.lower() == "retrying":
            plain = "running"
        if plain is None:
            raise Unreadable(f"status={word!r} is none that is known")
        return plain

    def time(self, what: str) -> int | None:
        return time_ns(self.get(what), self.zone)

    def integer(self, what: str) -> int | None:
        value = self.get(what)
        try:
            number = int(value) if value is not None else None
        except (TypeError, ValueError, OverflowError):
            return None
        return number if number is None or abs(number) < 2**31 else None

    def json(self, what: str) -> str | None:
        """As JSON text: text that is JSON as it is, all else made JSON."""
        value = self.get(what)
        if value is None:
            return None
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        if isinstance(text, str):
            try:
                json.loads(text)
            except (ValueError, RecursionError):
                return _dumped(text)
            return text
        return _dumped(text)

    def error(self) -> ErrorRecord | None:
        value = self.get("message")
        node = self.text("error_node") if "error_node" in self.names else None
        if isinstance(value, Mapping):  # in documents of design 001
            words = {name: value.get(name) for name in ("message", "stack", "nodeId", "node_id")}
            told = {name: None if word is None else str(word) for name, word in words.items()}
            return ErrorRecord(
                told["message"] or "", told["stack"], told["nodeId"] or told["node_id"]
            )
        message, stack = self.text("message"), self.text("stack")
        if message is None and stack is None and node is None:
            return None
        return ErrorRecord(message or "", stack, node)

    def metadata(self) -> str | None:
        """The column of that name, and the columns that nobody knows; None: nothing."""
        known = {name for names in self.names.values() for name in names} | {*_DURATIONS}
        further = {
            name: value if not isinstance(value, bytes) else value.hex()
            for name, value in self.row.items()
            if name not in known and value is not None
        }
        told = self.json("metadata") if "metadata" in self.names else None
        if not further:
            return told
        try:
            own = json.loads(told or "{}")
        except ValueError:
            own = {}
        return _dumped({**(own if isinstance(own, dict) else {"metadata": own}), **further})


_FRACTION: Final = re.compile(r"(:\d\d\.\d{6})\d+")


def time_ns(value: object, zone: tzinfo) -> int | None:
    """Nanoseconds since the epoch; None: it is no time, or none from 1970 to 2262.

    Args:
        value: seconds or milliseconds since the epoch, or ISO 8601.
        zone: of a text that names none.
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        if value != value or abs(value) > 1e16:
            return None
        number = int(value * (1_000_000 if value >= _LEAST_MS else 1_000_000_000))
        return number if 0 < number <= _MAX_NS else None
    if not isinstance(value, str):
        return None
    if re.fullmatch(r"\d{9,14}", value):
        return time_ns(int(value), zone)
    try:
        moment = datetime.fromisoformat(_FRACTION.sub(r"\1", value.strip()))
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    nanoseconds = (moment - _EPOCH) // timedelta(microseconds=1) * 1000
    return nanoseconds if 0 < nanoseconds <= _MAX_NS else None


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)

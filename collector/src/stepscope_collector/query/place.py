"""One execution by its id: its row, as view `executions` has it, and where all else of it lies."""

import re
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Final

from stepscope_collector.errors import NotFound
from stepscope_collector.query.live import MAX_NS, Clock, duration_of, span_hex, time_of
from stepscope_collector.query.load import parsed, sql
from stepscope_collector.query.rows import Cursor, Execution, fetch

__all__ = ["Place", "find", "is_trace_id", "locate", "not_found", "program_of"]

_TRACE_ID: Final = re.compile(r"[0-9a-fA-F]{32}")
_UUID7: Final = re.compile(
    r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-7[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}"
)
_LAST_NS: Final = MAX_NS - 1
"""MAX_NS is infinity to DuckDB."""
_NEAR_NS: Final = 3600 * 10**9
"""An execution begins so long at most before or after its id is made, as a rule; else all are looked through."""


@dataclass(frozen=True)
class Place:
    """A row of stored.executions; between its bounds lie the rows of the execution."""

    execution_id: str
    workflow_id: str | None
    workflow_name: str | None
    execution_name: str | None
    workflow_version: str | None
    project: str | None
    dialect: str | None
    service_name: str | None
    trigger_type: str | None
    user_id: str | None
    session_id: str | None
    tags: Any
    status: str | None
    status_native: str | None
    queued_unix_nano: int | None
    started_at: int | None
    started_unix_nano: int | None
    final_end_unix_nano: int | None
    last_seen_unix_nano: int
    silence_ns: int | None
    error_type: str | None
    error_message: str | None
    exit_code: int | None
    parent_execution_id: str | None
    retry_of_execution_id: str | None
    continued_from_execution_id: str | None
    try_count: int | None
    root_execution_id: str | None
    trace_id: str
    final_span_id: int | None
    attempt_count: int
    failed_attempt_count: int
    span_count: int
    ingested_at: int
    updated_at: int
    first_unix_nano: int
    last_start_unix_nano: int
    now_ns: int
    lost_after_ns: int

    @property
    def bounds(self) -> dict[str, Any]:
        """Parameters of statements that read between the bounds."""
        return {
            "execution_id": self.execution_id,
            "first_unix_nano": self.first_unix_nano,
            "last_start_unix_nano": self.last_start_unix_nano,
        }

    @property
    def clock(self) -> Clock:
        """What tells whether a part of it is lost."""
        return Clock(self.now_ns, self.lost_after_ns)

    @cached_property
    def execution(self) -> Execution:
        """The execution, as of the transaction that located it."""
        begun = self.started_unix_nano
        return Execution(
            execution_id=self.execution_id,
            workflow_id=_first(self.workflow_id, self.workflow_name, "unknown"),
            workflow_name=_first(self.workflow_name, self.workflow_id, "unknown"),
            execution_name=self.execution_name,
            workflow_version=self.workflow_version,
            project=self.project,
            dialect=_first(self.dialect, "otel"),
            service_name=self.service_name,
            trigger_type=self.trigger_type,
            user_id=self.user_id,
            session_id=self.session_id,
            tags=self.tags,
            status=self._status(),
            status_native=self.status_native,
            queued_at=time_of(self.queued_unix_nano),
            wait_ns=duration_of(self.queued_unix_nano, begun),
            started_at=self.started_at,
            ended_at=time_of(self.final_end_unix_nano),
            duration_ns=duration_of(
                self.first_unix_nano if begun is None else begun, self.final_end_unix_nano
            ),
            last_seen_at=time_of(self.last_seen_unix_nano),
            error_type=self.error_type,
            error_message=self.error_message,
            exit_code=self.exit_code,
            parent_execution_id=self.parent_execution_id,
            retry_of_execution_id=self.retry_of_execution_id,
            continued_from_execution_id=self.continued_from_execution_id,
            try_count=self.try_count,
            root_execution_id=_first(self.root_execution_id, self.execution_id),
            trace_id=self.trace_id.replace("-", ""),
            span_id=span_hex(self.final_span_id),
            attempt_count=self.attempt_count,
            failed_attempt_count=self.failed_attempt_count,
            span_count=self.span_count,
            ingested_at=self.ingested_at,
            updated_at=self.updated_at,
        )

    def _status(self) -> str:
        if self.final_end_unix_nano is not None:
            return _first(self.status, "unknown")
        seen, silence = self.last_seen_unix_nano, self.silence_ns
        if self.started_unix_nano is None and _first(self.dialect, "otel") == "otel":
            return self.clock.live_status(seen, silence, "unknown")
        return self.clock.open_status(self.status, seen, silence, "lost")


def _first(*values: str | None) -> str:
    """The first one that is there, as coalesce has it."""
    return next(value for value in values if value is not None)


def find(reader: Cursor, execution_id: str) -> Place | None:
    """Where the execution with exactly this id lies; None: there is none."""
    if (around := _made_around(execution_id)) is not None:
        asked = {"id": execution_id, "from_ns": around[0], "until_ns": around[1]}
        near = parsed(reader, "executions/locate near", _locate_near())
        for place in fetch(reader, Place, near, asked):
            if place.execution_id == execution_id:
                return place
    reader.execute(parsed(reader, "executions/rows_of"), {"id": execution_id})
    for (row,) in reader.fetchall():
        (place,) = fetch(reader, Place, parsed(reader, "executions/locate"), {"row": row})
        if place.execution_id == execution_id:
            return place
    return None


@cache
def _locate_near() -> str:
    """Rows of a time by their key: one statement, since few row groups are read whole."""
    by_row, near = "rowid = $row", sql("executions/near").strip()
    return sql("executions/locate").replace(by_row, near)


def _made_around(execution_id: str) -> tuple[int, int] | None:
    """Between which times, ns since the epoch, an execution with this id likely began; None: the id does not tell.

    A UUIDv7 (RFC 9562 section 5.7), which our own SDK makes when an execution begins, tells milliseconds.
    """
    if not _UUID7.fullmatch(execution_id):
        return None
    made_ns = min(int(execution_id[:8] + execution_id[9:13], 16) * 1_000_000, _LAST_NS)
    return max(0, made_ns - _NEAR_NS), min(made_ns + _NEAR_NS, _LAST_NS)


def locate(reader: Cursor, written: str) -> Place:
    """Where the execution with this id lies, else the first one of the trace with this id.

    Raises:
        NotFound: there is none.
    """
    if (place := find(reader, written)) is not None:
        return place
    if is_trace_id(written):
        reader.execute(sql("executions/of_trace"), {"trace_id": written})
        if found := reader.fetchall():
            return locate(reader, found[0][0])
    raise not_found(written)


def program_of(reader: Cursor, place: Place) -> str | None:
    """The program that the execution stood for (R062); None: it has no exit code, or nobody told."""
    if place.exit_code is None or place.final_span_id is None:
        return None
    reader.execute(sql("executions/program"), {**place.bounds, "span_id": place.final_span_id})
    return next((program for (program,) in reader.fetchall()), None)


def is_trace_id(written: str) -> bool:
    """Whether it may be the id of a trace."""
    return _TRACE_ID.fullmatch(written) is not None


def not_found(written: str) -> NotFound:
    """The error for an execution that is not there, or not for who asks."""
    return NotFound(f"no execution with the id {written!r}", hint="GET /api/executions lists them")

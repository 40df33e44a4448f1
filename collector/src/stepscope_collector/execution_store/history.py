"""`ExecutionHistory`: the functions of design 002 on executions, their log lines and parameters (R070)."""

import json
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Any, Final

from stepscope_collector.compat.document import MAX_ID_BYTES
from stepscope_collector.compat.record import OUTCOMES, ErrorRecord, ExecutionRecord
from stepscope_collector.errors import BadRequest, NotFound
from stepscope_collector.execution_store.changes import corrected, extras_of
from stepscope_collector.execution_store.connection import HistoryConnection
from stepscope_collector.importing.older.requests import Requests, line_of
from stepscope_collector.importing.older.rows import Extras, Line, time_ns

__all__ = ["ExecutionHistory", "HistoryExecution", "HistoryLog"]

_WORDS: Final = {
    "NotStarted": "running", "Running": "running", "Completed": "success", "Failed": "failed",
}  # fmt: skip
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class HistoryExecution:
    """A row of `compat_002.executions`; times are RFC 3339 in UTC."""

    id: str
    workflow_id: str
    workflow_name: str
    status: str
    """NotStarted, Running, Completed or Failed."""
    start_time: str
    end_time: str | None
    """None: it goes on, or is lost."""
    exit_code: int | None
    binary_path: str | None
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class HistoryLog:
    """A row of `compat_002.execution_logs`."""

    execution_id: str
    sequence: int
    timestamp: str
    log_type: str
    """Name of the event; RawOutput: a line of text."""
    log_data: Any
    """Of an event what it said, of a line {type, message, level, stream}."""


class ExecutionHistory(HistoryConnection):
    """Executions, log lines and parameters as design 002 kept them; arguments as `ExecutionStore`."""

    def insert_execution(  # noqa: PLR0913 the columns of design 002
        self,
        workflow_id: str,
        workflow_name: str | None = None,
        *,
        id: str | None = None,  # noqa: A002  # the column
        status: str = "Running",
        start_time: str | float | None = None,
        end_time: str | float | None = None,
        exit_code: int | None = None,
        binary_path: str | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> str:
        """Store an execution as soon as it begins (R073); its id, a new one unless given.

        Args:
            workflow_id: its workflow.
            workflow_name: None: as workflow_id.
            id: with it, a repetition is the same execution.
            status: Running, Completed or Failed; NotStarted is kept as Running.
            start_time: ISO 8601 (UTC unless it says otherwise) or seconds since 1970; None: now.
            end_time: the same; None: now, if the status is one of an end.
            exit_code: of its process.
            binary_path: program that it runs.
            params: as `insert_params`.

        Raises:
            BadRequest: a value that is not as it must be.
        """
        now = time.time_ns()
        word = _status(status)
        execution_id = str(uuid.uuid4()) if id is None else _id("id", id)
        own = _id("workflow_id", workflow_id)
        record = ExecutionRecord(
            execution_id=execution_id,
            workflow_id=own,
            workflow_name=workflow_name or own,
            status=word,
            started_ns=_time("start_time", start_time, now),
            ended_ns=_time("end_time", end_time, now) if word in OUTCOMES else None,
            trigger_type="manual",
        )
        extras = Extras(
            exit_code=_exit_code(exit_code),
            binary_path=binary_path,
            params=_json("params", dict(params)) if params else None,
            seen_ns=now,
        )
        with self._lock:
            self._send_execution(record, extras)
        return execution_id

    def update_execution(
        self,
        execution_id: str,
        *,
        status: str | None = None,
        end_time: str | float | None = None,
        exit_code: int | None = None,
        error_message: str | None = None,
    ) -> None:
        """Change what is given (R074); without changes: a sign of life. An end is not taken back.

        Raises:
            NotFound: there is no such execution.
            BadRequest: a value that is not as it must be.
        """
        with self._lock:
            self._change(execution_id, status, end_time, exit_code, error_message, {})

    def get_execution(self, execution_id: str) -> HistoryExecution | None:
        """The execution; None: there is none."""
        rows = self._rows("history_some", {"ids": [execution_id]})
        return HistoryExecution(**rows[0]) if rows else None

    def list_executions(
        self, limit: int = 10, offset: int = 0, workflow_id: str | None = None
    ) -> list[HistoryExecution]:
        """Executions, newest first, without their logs and payloads (R072, R075).

        Raises:
            BadRequest: a negative number.
        """
        _not_negative(limit=limit, offset=offset)
        asked = {"workflow_id": workflow_id, "limit": limit, "offset": offset}
        with self._lock:
            ids = [row["id"] for row in self._rows("history_page", asked)]
            rows = self._rows("history_some", {"ids": ids}) if ids else []
        found = {row["id"]: HistoryExecution(**row) for row in rows}
        return [found[each] for each in ids if each in found]

    def insert_log(
        self,
        execution_id: str,
        log_data: Any,
        log_type: str = "RawOutput",
        *,
        sequence: int | None = None,
        timestamp: str | float | None = None,
    ) -> None:
        """Store a log line; as `insert_logs` with one."""
        entry = {"log_type": log_type, "log_data": log_data, "sequence": sequence}
        self.insert_logs(execution_id, [{**entry, "timestamp": timestamp}])

    def insert_logs(self, execution_id: str, logs: Iterable[Mapping[str, Any]]) -> None:
        """Store log lines in one commit (R065, R066, R081).

        Args:
            execution_id: the execution; it may be stored later.
            logs: each with `log_data`; `log_type` (RawOutput: a line of text, or {message, level,
                stream}; else the name of an event, its data JSON); `sequence` (None: in order of
                time); `timestamp` (None: now).

        Raises:
            BadRequest: a value that is not as it must be.
        """
        now = time.time_ns()
        lines = []
        for place, entry in enumerate(logs):
            at = _time("timestamp", entry.get("timestamp"), now + place)
            sequence = entry.get("sequence")
            if sequence is not None and (
                isinstance(sequence, bool) or not isinstance(sequence, int)
            ):
                raise BadRequest(f"sequence is no whole number: {sequence!r}")
            kind, data = str(entry.get("log_type") or "RawOutput"), entry.get("log_data")
            text = data if isinstance(data, str) else _json("log_data", data)
            lines.append(line_of(sequence, at, kind, text))
        with self._lock:
            self._send_lines(_id("execution_id", execution_id), lines)

    def get_logs(self, execution_id: str, limit: int | None = None) -> list[HistoryLog]:
        """The last `limit` log lines in order of their sequence, None: all (R065, R071).

        Raises:
            BadRequest: a negative number.
        """
        _not_negative(limit=limit or 0)
        rows = self._rows("history_logs", {"id": execution_id, "limit": limit})
        return [HistoryLog(**{**row, "log_data": _loaded(row["log_data"])}) for row in rows]

    def insert_params(self, execution_id: str, params: Mapping[str, Any]) -> None:
        """Store parameters; those of the same names are replaced, the others stay (R064).

        Raises:
            NotFound: there is no such execution.
            BadRequest: a value that cannot be kept as JSON.
        """
        with self._lock:
            self._change(execution_id, None, None, None, None, params)

    def get_params(self, execution_id: str) -> dict[str, Any]:
        """The parameters by name; none when there is no such execution."""
        found: dict[str, Any] = {}
        for row in self._rows("history_params", {"id": execution_id}):
            found[row["param_name"]] = json.loads(row["param_json"])
        return found

    def cleanup_old_executions(self, days: float = 30) -> int:
        """Remove executions that ended longer ago; how many (R082). Running and pinned ones stay.

        Raises:
            BadRequest: days is not above 0.
        """
        with self._lock:
            asked = {"max_age": f"{round(days * _DAY_MS)}ms"}
            pruned = self._client.send("POST", "/api/admin/prune", asked)["prune"]
        return int(pruned["erased"]["executions"])

    # The way to the history

    def _change(
        self,
        execution_id: str,
        status: str | None,
        end_time: str | float | None,
        exit_code: int | None,
        error_message: str | None,
        params: Mapping[str, Any],
    ) -> None:
        now = time.time_ns()
        rows = self._rows("state", {"id": execution_id})
        if not rows:
            raise NotFound(f"no execution with the id {execution_id!r}")
        state = rows[0]
        before = "running" if state["ended_ns"] is None else str(state["status"])
        asked = before if status is None else _status(status)
        word = asked if asked in OUTCOMES else before
        ended = None if state["ended_ns"] is None else int(state["ended_ns"])
        if ended is None and word in OUTCOMES:
            ended = _time("end_time", end_time, now)
        message = state["error_message"] if error_message is None else error_message
        has_error = (message, state["error_stack"]) != (None, None)
        record = ExecutionRecord(
            execution_id=state["execution_id"],
            workflow_id=state["workflow_id"],
            workflow_name=state["workflow_name"],
            status=word,
            started_ns=int(state["started_ns"]),
            ended_ns=ended,
            trigger_type=state["trigger_type"],
            trigger_native=state["trigger_native"],
            trigger_data=state["trigger_data"],
            error=ErrorRecord(message or "", state["error_stack"]) if has_error else None,
            metadata=state["metadata"],
        )
        known = json.loads(state["params"] or "{}")
        merged = {**known, **params}
        extras = extras_of(state, now)
        if exit_code is not None:
            extras = replace(extras, exit_code=_exit_code(exit_code))
        if params:
            extras = replace(extras, params=_json("params", merged))
        if state["ended_ns"] is None:
            self._send_execution(record, extras)
        elif (word, exit_code, error_message, merged) != (before, None, None, known):
            record, revision = corrected(record, state)
            self._send_execution(record, extras, revision)

    def _send_lines(self, execution_id: str, lines: Iterable[Line]) -> None:
        requests = Requests()
        for piece in (*requests.add_lines(execution_id, lines, 0), *requests.end(0)):
            self._client.post_otlp("logs", piece.payload)


def _status(word: object) -> str:
    if word not in _WORDS:
        raise BadRequest(f"status is {word!r}, none of {', '.join(_WORDS)}")
    return _WORDS[str(word)]


def _id(name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise BadRequest(f"{name} is no text: {value!r}")
    if len(value.encode("utf-8", "replace")) > MAX_ID_BYTES:
        raise BadRequest(f"{name} is longer than {MAX_ID_BYTES} bytes")
    return value


def _time(name: str, value: object, otherwise_ns: int) -> int:
    if value is None:
        return otherwise_ns
    found = time_ns(value, UTC)
    if found is None:
        raise BadRequest(f"{name} is no time, neither ISO 8601 nor seconds since 1970: {value!r}")
    return found


def _exit_code(value: object) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        if value is None or abs(value) < 2**31:
            return value
    raise BadRequest(f"exit_code is no whole number of 32 bits: {value!r}")


def _json(name: str, value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequest(f"{name} cannot be kept as JSON: {error}") from error


def _loaded(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return text


def _not_negative(**numbers: int) -> None:
    for name, number in numbers.items():
        if number < 0:
            raise BadRequest(f"{name}={number} is negative")

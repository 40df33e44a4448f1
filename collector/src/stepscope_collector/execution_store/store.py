"""`ExecutionStore`: create, update, get, query and delete executions and their steps (R014 to R022)."""

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from stepscope_collector.compat.record import ExecutionRecord, StepRecord
from stepscope_collector.compat.spans import request_of
from stepscope_collector.errors import BadRequest, Conflict, NotFound
from stepscope_collector.execution_store.changes import (
    changed_execution,
    changed_step,
    corrected,
    extras_of,
    new_execution,
    new_step,
)
from stepscope_collector.execution_store.connection import HistoryConnection
from stepscope_collector.execution_store.records import (
    ExecutionStats,
    ExecutionStep,
    ExecutionWithSteps,
    WorkflowExecution,
    execution_of,
    stats_of,
    step_of,
)
from stepscope_collector.importing.older.rows import Extras
from stepscope_collector.query.nearest import unknown

__all__ = ["ExecutionStore"]

_CREATE: Final = (
    "id", "workflow_id", "workflow_name", "trigger_type", "trigger_data", "status", "started_at",
    "completed_at", "duration_ms", "error_message", "error_stack", "metadata",
)  # fmt: skip
_UPDATE: Final = (
    "status", "completed_at", "duration_ms", "error_message", "error_stack", "metadata", "trigger_data",
)  # fmt: skip
_ADD: Final = (
    "id", "execution_id", "node_id", "node_type", "node_name", "step_index", "started_at",
    "completed_at", "duration_ms", "status", "input_data", "output_data", "error_message",
)  # fmt: skip
_CHANGE: Final = (
    "status", "completed_at", "duration_ms", "input_data", "output_data", "error_message",
)  # fmt: skip
_ORDERS: Final = ("started_at", "duration_ms")
_DIRECTIONS: Final = {"asc": 1, "desc": -1}
_STATUSES: Final = ("running", "success", "error")
_MS: Final = 1_000_000


class ExecutionStore(HistoryConnection):
    """Executions and steps as design 000 kept them; arguments and errors as of `HistoryConnection`."""

    # Executions

    def create_execution(self, **execution: Any) -> str:
        """Store a new execution; its id, a new one unless `id` is given (R014).

        Args:
            execution: fields of `WorkflowExecution`. Needed: workflow_id. Default: workflow_name
                its id, trigger_type manual, status running, started_at now.

        Raises:
            BadRequest: a field there is not, or a value that is not as it must be.
        """
        _check(execution, _CREATE)
        now = time.time_ns()
        record = new_execution(execution, str(uuid.uuid4()), now)
        with self._lock:
            self._send_execution(record, Extras(seen_ns=now))
        return record.execution_id

    def update_execution(self, execution_id: str, **changes: Any) -> None:
        """Change what is given, and nothing else (R015). Without changes: a sign of life.

        An execution that has ended stays ended, and its end is not made earlier. One that goes on
        and says nothing for `executions.lost_after_s` is shown as lost, until it says something.

        Args:
            execution_id: the execution.
            changes: status, completed_at, duration_ms, error_message, error_stack, metadata,
                trigger_data. What ends without a time ends now.

        Raises:
            NotFound: there is no such execution.
            BadRequest: a field that cannot be changed, or a value that is not as it must be.
        """
        _check(changes, _UPDATE)
        now = time.time_ns()
        with self._lock:
            state = self._state(execution_id)
            record = changed_execution(state, changes, now)
            extras = extras_of(state, now)
            if state["ended_ns"] is None:
                self._send_execution(record, extras)
            elif changes:
                newest, revision = corrected(record, state)
                self._send_execution(newest, extras, revision)

    def get_execution(self, execution_id: str) -> WorkflowExecution | None:
        """The execution; None: there is none (R016)."""
        rows = self._rows("one", {"id": execution_id})
        return execution_of(rows[0]) if rows else None

    def get_execution_with_steps(self, execution_id: str) -> ExecutionWithSteps | None:
        """The execution with its steps in order; None: there is none (R013)."""
        execution = self.get_execution(execution_id)
        if execution is None:
            return None
        return ExecutionWithSteps(execution, tuple(self.get_steps_for_execution(execution_id)))

    def query_executions(  # noqa: PLR0913 the filters of design 000
        self,
        *,
        workflow_id: str | None = None,
        status: str | None = None,
        trigger_type: str | None = None,
        started_after: int | None = None,
        started_before: int | None = None,
        limit: int = 100,
        offset: int = 0,
        order_by: str = "started_at",
        order_dir: str = "desc",
    ) -> list[WorkflowExecution]:
        """The executions that hold all filters, in order (R010, R011, R012).

        Rows without a value come last in either direction; ties are in order of id.

        Args:
            workflow_id: of this workflow.
            status: running, success or error.
            trigger_type: started by this.
            started_after: started then or later, ms.
            started_before: started before then, ms.
            limit: executions at most.
            offset: executions to pass over.
            order_by: started_at or duration_ms.
            order_dir: asc or desc.

        Raises:
            BadRequest: an order or status there is not, or a negative number.
        """
        if status is not None and status not in _STATUSES:
            raise unknown("status", status, _STATUSES)
        if order_by not in _ORDERS:
            raise unknown("order", order_by, _ORDERS)
        if order_dir not in _DIRECTIONS:
            raise unknown("direction", order_dir, _DIRECTIONS)
        if limit < 0 or offset < 0:
            raise BadRequest(f"limit={limit} or offset={offset} is negative")
        asked = {
            "workflow_id": workflow_id, "status": status, "trigger_type": trigger_type,
            "after_ms": started_after, "before_ms": started_before, "order_by": order_by,
            "sign": _DIRECTIONS[order_dir], "limit": limit, "offset": offset,
        }  # fmt: skip
        with self._lock:
            ids = [row["id"] for row in self._rows("page", asked)]
            rows = self._rows("some", {"ids": ids}) if ids else []
        by_id = {row["id"]: execution_of(row) for row in rows}
        return [by_id[each] for each in ids if each in by_id]

    def delete_execution(self, execution_id: str) -> bool:
        """Remove every trace of the execution and its steps (R017); False: there was none."""
        with self._lock:
            try:
                self._client.send("DELETE", f"/api/executions/{quote(execution_id, safe='')}")
            except NotFound:
                return False
        return True

    # Steps

    def add_step(self, **step: Any) -> str:
        """Store a step of an execution; its id, a new one unless `id` is given (R018).

        Args:
            step: fields of `ExecutionStep`. Needed: execution_id and node_id. Default: node_name
                its id, node_type unknown, status running, started_at now, step_index the next one.

        Raises:
            NotFound: there is no such execution.
            BadRequest: a field there is not, or a value that is not as it must be.
        """
        _check(step, _ADD)
        now = time.time_ns()
        with self._lock:
            execution = self._record(step.get("execution_id"))
            known = self._rows("steps", {"id": execution.execution_id})
            index = max((int(row["step_index"]) for row in known), default=-1) + 1
            record = new_step(step, str(uuid.uuid4()), index, now)
            self._send_step(execution, record)
        return record.record_id or record.step_id

    def update_step(self, step_id: str, **changes: Any) -> None:
        """Change what is given, and nothing else (R018). A step that has ended stays ended.

        To correct one that has ended, the token needs the scope admin.

        Args:
            step_id: the step.
            changes: status, completed_at, duration_ms, input_data, output_data, error_message.
                What ends without a time ends now.

        Raises:
            NotFound: there is no such step.
            BadRequest: a field that cannot be changed, or a value that is not as it must be.
            Conflict: it has ended, and another sender told so: what that said stays.
        """
        _check(changes, _CHANGE)
        now = time.time_ns()
        with self._lock:
            state = self._step_state(step_id)
            record = changed_step(state, changes, now)
            execution = self._record(state["execution_id"])
            if state["ended_ns"] is None:
                self._send_step(execution, record)
            elif record != changed_step(state, {}, now):
                self._correct_step(execution, record, step_id)

    def get_steps_for_execution(self, execution_id: str) -> list[ExecutionStep]:
        """The steps in order of step_index; none when there is no such execution."""
        return [step_of(row) for row in self._rows("steps", {"id": execution_id})]

    # Upkeep

    def cleanup_old_executions(self, max_age_ms: int) -> int:
        """Remove executions that ended longer ago; how many (R019). Running and pinned ones stay.

        Raises:
            BadRequest: the age is not above 0.
        """
        with self._lock:
            asked = {"max_age": f"{max_age_ms}ms"}
            pruned = self._client.send("POST", "/api/admin/prune", asked)["prune"]
        return int(pruned["erased"]["executions"])

    def cleanup_by_count(self, max_count: int, workflow_id: str | None = None) -> int:
        """Remove all but the newest executions, of one workflow or of all together; how many (R020).

        Running ones count among the newest, and stay in any case.

        Raises:
            BadRequest: the count is negative.
        """
        if max_count < 0:
            raise BadRequest(f"max_count={max_count} is negative")
        with self._lock:
            rows = self._rows("beyond", {"workflow_id": workflow_id, "keep": max_count})
            return sum(self.delete_execution(row["execution_id"]) for row in rows)

    def get_execution_stats(self, workflow_id: str | None = None) -> ExecutionStats:
        """Counts and durations, of one workflow or of all, counted now (R022)."""
        return stats_of(self._rows("stats", {"workflow_id": workflow_id})[0])

    # The way to the history

    def _send(self, payload: bytes) -> None:
        self._client.post_otlp("traces", payload)

    def _send_step(self, execution: ExecutionRecord, step: StepRecord) -> None:
        self._send(request_of(execution, steps=[step], has_execution=False))

    def _correct_step(self, execution: ExecutionRecord, step: StepRecord, step_id: str) -> None:
        payload = request_of(execution, steps=[step], has_execution=False)
        try:
            self._client.correct_spans(payload)
        except NotFound as error:
            raise Conflict(
                f"step {step_id!r} has ended and stays as it is",
                hint="another sender wrote it; only its own spans can tell something else",
            ) from error

    def _state(self, execution_id: object) -> dict[str, Any]:
        rows = self._rows("state", {"id": execution_id})
        if not rows:
            raise NotFound(f"no execution with the id {execution_id!r}")
        return rows[0]

    def _record(self, execution_id: object) -> ExecutionRecord:
        return changed_execution(self._state(execution_id), {}, time.time_ns())

    def _step_state(self, step_id: str) -> dict[str, Any]:
        found = self._rows("step_execution", {"id": step_id})[0]["execution_id"]
        # Steps that came otherwise are known as execution:step, and both may have colons.
        parts: Sequence[str] = step_id.split(":")
        ids = [":".join(parts[:end]) for end in range(1, len(parts))]
        rows = self._rows("step_state", {"id": step_id, "ids": ids if found is None else [found]})
        if not rows:
            raise NotFound(f"no step with the id {step_id!r}")
        return rows[0]


def _check(given: Mapping[str, Any], known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            raise unknown("field", name, known)

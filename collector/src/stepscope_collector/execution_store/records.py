"""What the store gives: the rows of design 000, JSON as values. Times are ms since 1970-01-01 UTC."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = [
    "ExecutionStats",
    "ExecutionStep",
    "ExecutionWithSteps",
    "WorkflowExecution",
    "execution_of",
    "stats_of",
    "step_of",
]

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WorkflowExecution:
    """One execution; None in `completed_at`: it goes on."""

    id: str
    workflow_id: str
    workflow_name: str
    trigger_type: str
    trigger_data: Any
    status: str
    """running, success or error."""
    started_at: int
    completed_at: int | None
    duration_ms: int | None
    error_message: str | None
    error_stack: str | None
    metadata: Any


@dataclass(frozen=True, slots=True)
class ExecutionStep:
    """One step; None in `completed_at`: it goes on."""

    id: str
    execution_id: str
    node_id: str
    node_type: str
    node_name: str
    step_index: int
    started_at: int | None
    completed_at: int | None
    duration_ms: int | None
    status: str
    """running, success, error or skipped."""
    input_data: Any
    output_data: Any
    error_message: str | None


@dataclass(frozen=True, slots=True)
class ExecutionWithSteps:
    """One execution and its steps in order (R013)."""

    execution: WorkflowExecution
    steps: tuple[ExecutionStep, ...]


@dataclass(frozen=True, slots=True)
class ExecutionStats:
    """Counts, and durations of what has ended in ms (R022); None: nothing has."""

    total: int
    success: int
    failed: int
    running: int
    success_rate: float | None
    """Share of success among the ended, 0 to 1."""
    avg_ms: float | None
    min_ms: float | None
    max_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


def execution_of(row: Row) -> WorkflowExecution:
    """The execution that a row of compat_000.workflow_executions is."""
    return WorkflowExecution(**_read(row, ("trigger_data", "metadata")))


def step_of(row: Row) -> ExecutionStep:
    """The step that a row of compat_000.execution_steps is."""
    return ExecutionStep(**_read(row, ("input_data", "output_data")))


def stats_of(row: Row) -> ExecutionStats:
    """The statistics that a row is."""
    return ExecutionStats(**row)


def _read(row: Row, documents: tuple[str, ...]) -> dict[str, Any]:
    read = {name: None if row[name] is None else json.loads(row[name]) for name in documents}
    return dict(row) | read

"""What questions answer: one dataclass per view, its fields the columns of the view.

Times (`*_at`) are nanoseconds since the epoch, UTC, and durations (`*_ns`) nanoseconds; None in
`ended_at` and `duration_ns` means not ended. Ids are lower-case hexadecimal.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

__all__ = [
    "Attempt",
    "Cursor",
    "Dialect",
    "ErrorStep",
    "Execution",
    "LogRecord",
    "NotEmitted",
    "Payload",
    "StatusCount",
    "Step",
    "StepStats",
    "Workflow",
    "WorkflowStats",
    "fetch",
]


class Cursor(Protocol):
    """What a question needs of a DuckDB cursor."""

    @property
    def description(self) -> Any:
        """One sequence per column of the result, its name first."""

    def execute(self, query: Any, parameters: Any = ...) -> Any:
        """Run one statement: its text, or what `parsed` makes of it."""

    def extract_statements(self, query: str) -> list[Any]:
        """The statements of a text."""

    def fetchall(self) -> list[Any]:
        """The rows of the result."""


Row = TypeVar("Row")


def fetch(cursor: Cursor, row: type[Row], statement: Any, params: Mapping[str, Any]) -> list[Row]:
    """The rows of `statement`, a text or `parsed`, each as a `row`; its columns are the fields of `row`."""
    cursor.execute(statement, dict(params))
    names = [column[0] for column in cursor.description]
    return [row(**dict(zip(names, values, strict=True))) for values in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Execution:
    """One row of view `executions`."""

    execution_id: str
    workflow_id: str
    workflow_name: str
    execution_name: str | None
    workflow_version: str | None
    project: str | None
    dialect: str
    service_name: str | None
    trigger_type: str | None
    user_id: str | None
    session_id: str | None
    tags: Any
    """List of tags, None: no tags."""
    status: str
    status_native: str | None
    queued_at: int | None
    wait_ns: int | None
    started_at: int | None
    ended_at: int | None
    duration_ns: int | None
    last_seen_at: int | None
    error_type: str | None
    error_message: str | None
    exit_code: int | None
    parent_execution_id: str | None
    retry_of_execution_id: str | None
    continued_from_execution_id: str | None
    try_count: int | None
    root_execution_id: str
    trace_id: str
    span_id: str | None
    attempt_count: int
    failed_attempt_count: int
    span_count: int
    ingested_at: int
    updated_at: int

    def __post_init__(self) -> None:
        if isinstance(self.tags, str):
            object.__setattr__(self, "tags", json.loads(self.tags))


@dataclass(frozen=True, slots=True)
class StatusCount:
    """How many executions have a status."""

    status: str
    count: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One row of view `attempts`."""

    execution_id: str
    step_id: str
    step_name: str
    step_type: str | None
    step_index: int | None
    attempt: int
    max_attempts: int | None
    is_expected_retry: bool | None
    status: str
    status_native: str | None
    queued_at: int | None
    wait_ns: int | None
    started_at: int | None
    ended_at: int | None
    duration_ns: int | None
    last_seen_at: int | None
    error_type: str | None
    error_message: str | None
    error_stack: str | None
    dialect: str
    trace_id: str
    span_id: str | None
    parent_span_id: str | None
    ingested_at: int


@dataclass(frozen=True, slots=True)
class Step:
    """One row of view `steps`."""

    execution_id: str
    step_index: int
    step_id: str
    step_name: str
    step_type: str | None
    attempt: int
    attempt_count: int
    max_attempts: int | None
    is_expected_retry: bool | None
    status: str
    status_native: str | None
    queued_at: int | None
    wait_ns: int | None
    first_started_at: int | None
    started_at: int | None
    ended_at: int | None
    duration_ns: int | None
    last_seen_at: int | None
    error_type: str | None
    error_message: str | None
    error_stack: str | None
    dialect: str
    trace_id: str
    span_id: str | None
    parent_span_id: str | None
    ingested_at: int


@dataclass(frozen=True, slots=True)
class ErrorStep:
    """The step that made an execution fail (R033)."""

    step_id: str
    step_name: str
    attempt: int
    span_id: str | None
    error_type: str | None
    error_message: str | None


@dataclass(frozen=True, slots=True)
class Payload:
    """One row of view `payloads`."""

    execution_id: str
    trace_id: str
    span_id: str | None
    kind: str
    key: str
    media_type: str
    body: str
    size_bytes: int
    sha256: str | None
    is_truncated: bool
    ingested_at: int


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One row of view `execution_logs`."""

    execution_id: str
    sequence: int
    logged_at: int | None
    severity_number: int
    severity_text: str | None
    event_name: str | None
    body: str | None
    attributes: dict[str, str | None] | None
    step_id: str | None
    step_name: str | None
    trace_id: str | None
    span_id: str | None
    ingested_at: int


@dataclass(frozen=True, slots=True)
class Dialect:
    """One row of view `dialects`."""

    dialect: str
    description: str | None
    version: str | None
    origin: str
    source: str | None
    priority: int | None
    execution_count: int
    span_count: int
    last_started_at: int | None
    fills: Any
    """Fields; None: it is not in force."""
    not_emitted: dict[str, str | None] | None
    loaded_at: int | None


@dataclass(frozen=True, slots=True)
class NotEmitted:
    """Something that the engine of an execution does not emit."""

    field: str
    reason: str
    dialect: str
    engine: str


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow, and the execution of it that started last."""

    workflow_id: str
    workflow_name: str
    count: int
    running: int
    failed: int
    first_started_at: int | None
    last_started_at: int | None
    last_status: str
    last_execution_id: str
    last_version: str | None
    project: str | None
    service_name: str | None


@dataclass(frozen=True, slots=True)
class WorkflowStats:
    """One row of view `workflow_stats`."""

    workflow_id: str
    workflow_name: str
    count: int
    success: int
    failed: int
    running: int
    other: int
    success_rate: float | None
    min_ns: int | None
    mean_ns: float | None
    max_ns: int | None
    p50_ns: float | None
    p95_ns: float | None
    p99_ns: float | None
    first_started_at: int | None
    last_started_at: int | None


@dataclass(frozen=True, slots=True)
class StepStats:
    """One row of view `step_stats`."""

    workflow_id: str
    step_name: str
    count: int
    success: int
    failed: int
    running: int
    retries: int
    success_rate: float | None
    min_ns: int | None
    mean_ns: float | None
    max_ns: int | None
    total_ns: int | None
    time_ratio: float | None
    p50_ns: float | None
    p95_ns: float | None
    p99_ns: float | None

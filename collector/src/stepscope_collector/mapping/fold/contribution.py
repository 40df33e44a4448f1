"""One contribution: what one span says about an execution, a step or a try."""

from typing import Any, Final, NamedTuple

__all__ = ["BASE", "DIRECT_CONTRIBUTION", "OPEN_STATUSES", "Contribution"]

OPEN_STATUSES: Final = frozenset({"queued", "running", "waiting", "retrying"})
"""A span with one of these has ended, but what it speaks of has not."""


_DIRECT: Final = -1


class Contribution(NamedTuple):
    """A row of the select that `CompiledMapping.contributions` makes; times in ns since the epoch.

    The first eleven come from the span, the rest are the fields of its profile.
    """

    span_number: int
    """Number of the span in the table `evidence`."""
    trace: str
    """32 hex digits."""
    span_id: int
    parent_span_id: int
    """0: root."""
    name: str
    start_unix_nano: int
    end_unix_nano: int
    """0: not ended."""
    dialect: str
    service_name: str | None
    execution_before: str
    """The execution it was stored with; the trace id when it is new."""
    rule: int | None
    """Index of the rule of its profile that it met; None: none, -1: its profile is direct."""
    role: str | None
    execution_id: str | None
    """The id the span itself names."""
    step_id: str | None
    step_name: str | None
    step_type: str | None
    step_index: int | None
    attempt: int | None
    max_attempts: int | None
    is_expected_retry: bool | None
    status: str | None
    status_native: str | None
    error_type: str | None
    error_message: str | None
    workflow_id: str | None
    workflow_name: str | None
    workflow_version: str | None
    project: str | None
    trigger_type: str | None
    user_id: str | None
    tags: str | None
    parent_execution_id: str | None
    root_execution_id: str | None
    exit_code: int | None
    error_stack: str | None
    execution_name: str | None
    session_id: str | None
    retry_of_execution_id: str | None
    continued_from_execution_id: str | None
    started_unix_nano: int | None
    """Where the span's own start is not that of what it speaks of."""
    ended_unix_nano: int | None
    queued_unix_nano: int | None
    is_open: bool | None
    """The span has an end, but what it speaks of goes on."""
    open_span_id: int | None
    """The span is a placeholder of this one, which goes on."""
    open_parent_span_id: int | None
    """Parent of the span that it is a placeholder of."""
    failed_tries: list[dict[str, Any]] | None
    """Tries that failed before the one this span ends with: ended_unix_nano, error_type, _message."""
    event_steps: list[dict[str, Any]] | None
    """Steps that are only events of this span: at_unix_nano, name, type."""

    @property
    def is_direct(self) -> bool:
        """Its profile is direct: its step stands in stored.spans itself."""
        return self.rule == _DIRECT

    @property
    def node(self) -> tuple[str, int]:
        """The span it speaks of."""
        return self.trace, self.span_id if self.open_span_id is None else self.open_span_id

    @property
    def parent(self) -> int:
        """Parent of the span it speaks of, 0: root."""
        if self.open_span_id is None:
            return self.parent_span_id
        return self.open_parent_span_id or 0

    @property
    def started(self) -> int:
        """When what it speaks of began."""
        return self.start_unix_nano if self.started_unix_nano is None else self.started_unix_nano

    @property
    def ended(self) -> int:
        """When what it speaks of ended; 0: it goes on."""
        if self.is_open or self.open_span_id is not None:
            return 0
        return self.end_unix_nano if self.ended_unix_nano is None else self.ended_unix_nano

    @property
    def seen(self) -> int:
        """Its newest sign of life."""
        return max(self.start_unix_nano, self.end_unix_nano, self.ended)

    @property
    def order(self) -> tuple[int, int, int, str, int, str]:
        """An order by time; the rest tells apart what begins and ends together."""
        return (
            self.started,
            self.end_unix_nano,
            self.span_id,
            self.name,
            self.attempt or 0,
            self.status or "",
        )


BASE: Final = """s.span_number, trace_hex(s.trace_id), s.span_id, s.parent_span_id, s.name,
    s.start_time_unix_nano, s.end_time_unix_nano, s.dialect, s.service_name, s.execution_before"""
"""Columns of `evidence` that stand first in a contribution."""

DIRECT_CONTRIBUTION: Final = f"""
select
    {BASE}, {_DIRECT}, s.role, s.own_execution_id, s.step_id, s.step_name, s.step_type,
    s.step_index, s.attempt, s.max_attempts, s.is_expected_retry, s.status, s.status_native,
    s.error_type, s.error_message, s.workflow_id, s.workflow_name, s.workflow_version, s.project,
    s.trigger_type, s.user_id, s.tags, s.parent_execution_id, s.root_execution_id, s.exit_code,
    null, null, null, null, null,
    case when s.live_phase is not null then
        try_cast(s.attributes['stepscope.live.start_time_unix_nano'] as ubigint) end,
    null, try_cast(s.attributes['stepscope.execution.enqueued_unix_nano'] as ubigint), null,
    case when s.live_phase is not null then s.parent_span_id end,
    case when s.live_phase is not null then
        try_cast('0x' || s.attributes['stepscope.live.parent_span_id'] as ubigint) end,
    null, null
from evidence s"""
"""The contributions of spans whose profile is direct: what is stored of them says it."""

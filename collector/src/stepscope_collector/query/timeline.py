"""What happened when in one execution: tries of steps, child executions, and what lies in what."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from stepscope_collector.query.attempts import attempts_of
from stepscope_collector.query.load import sql
from stepscope_collector.query.place import locate
from stepscope_collector.query.rows import Attempt, Cursor, Execution, fetch

__all__ = ["LIVE", "ChildTime", "Timeline", "TreePlace", "Try", "read_timeline", "steps_above"]

LIVE: Final = frozenset({"queued", "running", "waiting", "retrying"})
"""Statuses of what goes on."""


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt of a step. An attempt that goes on ends where the timeline does."""

    step_id: str
    step_name: str
    attempt: int
    queued_at: int | None
    started_at: int
    ended_at: int
    """At `started_at` or later."""


@dataclass(frozen=True, slots=True)
class ChildTime:
    """A child execution, from its queueing or start to its end."""

    execution_id: str
    workflow_name: str
    above: str | None
    """The step that started it; None: the execution itself, or nobody tells."""
    begun_at: int
    ended_at: int
    status: str = "unknown"
    has_ended: bool = True
    """False: `ended_at` is the last sign of life, or the time it was asked for."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """One execution in time, in nanoseconds since the epoch."""

    execution: Execution
    from_ns: int
    until_ns: int
    """Its end; of one that goes on the time it was asked for, of a lost one its last sign of life."""
    tries: list[Try]
    above: Mapping[str, str]
    """Step → the step it lies in; steps at the top have none."""
    children: list[ChildTime]


@dataclass(frozen=True, slots=True)
class TreePlace:
    """A span in its place; `step_id` None: no attempt of a step."""

    trace_id: object
    span_id: int
    parent_span_id: int
    step_id: str | None


@dataclass(frozen=True, slots=True)
class _ChildRow:
    execution_id: str
    workflow_name: str
    status: str
    begun_at: int | None
    ended_at: int | None
    last_seen_at: int | None
    trace_id: object
    parent_span_id: int | None


def read_timeline(reader: Cursor, execution_id: str, now_ns: int) -> Timeline:
    """The timeline of an execution as of `now_ns`.

    Args:
        reader: inside a read-only transaction.
        execution_id: as `locate` takes it.
        now_ns: end of what goes on, nanoseconds since the epoch.

    Raises:
        NotFound: there is no such execution.
    """
    place = locate(reader, execution_id)
    execution = place.execution
    from_ns = place.first_unix_nano if execution.started_at is None else execution.started_at
    until_ns = _end(execution, from_ns, now_ns)
    attempts = attempts_of(reader, place)
    spans = fetch(reader, TreePlace, sql("executions/span_tree"), place.bounds)
    by_id = {"execution_id": place.execution_id}
    children = fetch(reader, _ChildRow, sql("executions/child_times"), by_id)
    nearest = _Nearest(spans)
    return Timeline(
        execution,
        from_ns,
        until_ns,
        [
            Try(
                row.step_id,
                row.step_name,
                row.attempt,
                row.queued_at,
                row.started_at,
                _end(row, row.started_at, until_ns),
            )
            for row in attempts
            if row.started_at is not None
        ],
        steps_above(spans),
        [
            ChildTime(
                row.execution_id,
                row.workflow_name,
                nearest.step(row.trace_id, row.parent_span_id),
                row.begun_at,
                _end(row, row.begun_at, now_ns),
                row.status,
                row.ended_at is not None,
            )
            for row in children
            if row.begun_at is not None
        ],
    )


def _end(row: Execution | Attempt | _ChildRow, begin_ns: int, now_ns: int) -> int:
    end_ns = row.ended_at
    if end_ns is None:
        end_ns = now_ns if row.status in LIVE else row.last_seen_at
    return max(begin_ns, begin_ns if end_ns is None else end_ns)


_Key: TypeAlias = tuple[object, int | None]


def steps_above(spans: Iterable[TreePlace]) -> dict[str, str]:
    """Step → the nearest other step around it; those without one are left out.

    Spans between them that are no steps are passed over. A parent that was not received, and a
    circle of parents, is the top.
    """
    spans = list(spans)
    nearest = _Nearest(spans)
    found: dict[str, str] = {}
    for span in spans:
        if span.step_id is not None and span.step_id not in found:
            above = nearest.step(span.trace_id, span.parent_span_id, span.step_id)
            if above is not None:
                found[span.step_id] = above
    return found


class _Nearest:
    """Finds the step a span lies in; climbs over each span once."""

    def __init__(self, spans: Iterable[TreePlace]) -> None:
        self._by_id: dict[_Key, TreePlace] = {(span.trace_id, span.span_id): span for span in spans}
        self._known: dict[_Key, tuple[str | None, str | None]] = {}

    def step(
        self, trace_id: object, parent_span_id: int | None, own: str | None = None
    ) -> str | None:
        """The step of the span `parent_span_id`, or of the nearest one above, that is not `own`."""
        first, second = self._climb((trace_id, parent_span_id))
        return second if first is not None and first == own else first

    def _climb(self, key: _Key) -> tuple[str | None, str | None]:
        """The nearest step from the span at `key` upwards, and the nearest other one above that."""
        way = []
        while key not in self._known:
            self._known[key] = (None, None)  # what a circle ends at
            span = self._by_id.get(key)
            if span is None:
                break
            way.append((key, span))
            key = (span.trace_id, span.parent_span_id)
        first, second = self._known[key]
        for passed, span in reversed(way):
            if span.step_id is not None and span.step_id != first:
                first, second = span.step_id, first
            self._known[passed] = first, second
        return first, second

"""Where the time of an execution went: work, child executions, queues, back-off, gaps."""

from dataclasses import dataclass

from stepscope_collector.query.load import sql
from stepscope_collector.query.rows import Cursor, fetch
from stepscope_collector.query.timeline import Timeline, read_timeline
from stepscope_collector.store import Database

__all__ = ["StepWaits", "Waits", "execution_waits", "waits_of"]


@dataclass(frozen=True, slots=True)
class Waits:
    """Where the time of an execution went; the parts from `self_ns` on sum to `total_ns`."""

    execution_id: str
    from_at: int
    until_at: int
    wait_ns: int | None
    """In a queue before its start, not part of the total."""
    total_ns: int
    self_ns: int
    child_ns: int
    queue_ns: int
    back_off_ns: int
    gap_ns: int


@dataclass(frozen=True, slots=True)
class StepWaits:
    """Where the time of a step went; the parts from `self_ns` on sum to `total_ns`."""

    step_id: str
    step_name: str
    above_step_id: str | None
    attempt_count: int
    total_ns: int
    self_ns: int
    steps_ns: int
    child_ns: int
    queue_ns: int
    back_off_ns: int


@dataclass(frozen=True, slots=True)
class _Parts:
    step_id: str | None
    total_ns: int
    self_ns: int
    steps_ns: int
    child_ns: int
    queue_ns: int
    back_off_ns: int
    gap_ns: int


def execution_waits(
    database: Database, execution_id: str, *, now_ns: int
) -> tuple[Waits, list[StepWaits]]:
    """Where the time of an execution went, and that of each of its steps in order of their start.

    Args:
        database: what is read.
        execution_id: of the execution, or of its trace.
        now_ns: until when an execution that goes on is told, nanoseconds since the epoch.

    Raises:
        NotFound: there is no such execution.
    """
    with database.read() as connection:
        reader: Cursor = connection
        timeline = read_timeline(reader, execution_id, now_ns)
        return waits_of(reader, timeline)


def waits_of(reader: Cursor, timeline: Timeline) -> tuple[Waits, list[StepWaits]]:
    """The parts of a timeline, see `sql/executions/waits.sql` for what counts as which."""
    params = {
        "tries": [
            {
                "step_id": row.step_id,
                "above": timeline.above.get(row.step_id),
                "queued_at": row.queued_at,
                "started_at": row.started_at,
                "ended_at": row.ended_at,
            }
            for row in timeline.tries
        ],
        "children": [
            {"above": row.above, "begun_at": row.begun_at, "ended_at": row.ended_at}
            for row in timeline.children
        ],
        "from_ns": timeline.from_ns,
        "until_ns": timeline.until_ns,
    }
    rows = fetch(reader, _Parts, sql("executions/waits"), params)
    parts = {row.step_id: row for row in rows}
    return _whole(timeline, parts.get(None, _NOTHING)), _steps(timeline, parts)


_NOTHING = _Parts(None, 0, 0, 0, 0, 0, 0, 0)


def _whole(timeline: Timeline, parts: _Parts) -> Waits:
    return Waits(
        timeline.execution.execution_id,
        timeline.from_ns,
        timeline.until_ns,
        timeline.execution.wait_ns,
        int(parts.total_ns),
        int(parts.self_ns),
        int(parts.child_ns),
        int(parts.queue_ns),
        int(parts.back_off_ns),
        int(parts.gap_ns),
    )


def _steps(timeline: Timeline, parts: dict[str | None, _Parts]) -> list[StepWaits]:
    counts: dict[str, int] = {}
    names: dict[str, str] = {}
    for row in timeline.tries:
        counts[row.step_id] = counts.get(row.step_id, 0) + 1
        names[row.step_id] = row.step_name
    steps = []
    for step_id, count in counts.items():
        of_step = parts.get(step_id, _NOTHING)
        steps.append(
            StepWaits(
                step_id,
                names[step_id],
                timeline.above.get(step_id),
                count,
                int(of_step.total_ns),
                int(of_step.self_ns),
                int(of_step.steps_ns),
                int(of_step.child_ns),
                int(of_step.queue_ns),
                int(of_step.back_off_ns),
            )
        )
    return steps

"""How much longer an execution will go on, from how long its workflow took before."""

from dataclasses import dataclass
from typing import Final

from stepscope_collector.query.load import sql
from stepscope_collector.query.place import locate
from stepscope_collector.query.rows import Cursor, Execution, fetch
from stepscope_collector.query.timeline import LIVE
from stepscope_collector.store import Database

__all__ = ["LEAST_COUNT", "NEWEST", "Estimate", "execution_estimate"]

NEWEST: Final = 1000
"""Successes of the workflow that are looked at: the newest, since workflows change."""
LEAST_COUNT: Final = 5
"""With fewer that took longer nothing is said: their 90th percentile would be the slowest of all."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """How much longer an execution will go on; null where nothing can be said, `reason` says why."""

    execution_id: str
    elapsed_ns: int | None
    """Since its start; None: it has not started."""
    left_p50_ns: int | None
    """Half of those in the history that took longer than it has until now had ended after this time."""
    left_p90_ns: int | None
    """Nine of ten had."""
    longer_count: int
    """So many successes took longer than it has until now: what the answer rests on."""
    history_count: int
    """So many successes of the workflow were looked at."""
    reason: str | None


@dataclass(frozen=True, slots=True)
class _Rest:
    history_count: int
    longer_count: int
    p50_ns: int | None
    p90_ns: int | None


def execution_estimate(database: Database, execution_id: str, *, now_ns: int) -> Estimate:
    """How much longer an execution will go on, as of `now_ns`.

    Raises:
        NotFound: there is no such execution.
    """
    with database.read() as connection:
        reader: Cursor = connection
        execution = locate(reader, execution_id).execution
        elapsed = _elapsed(execution, now_ns)
        params = {
            "workflow_id": execution.workflow_id,
            "execution_id": execution.execution_id,
            "elapsed_ns": elapsed or 0,
            "newest": NEWEST,
        }
        rest = fetch(reader, _Rest, sql("executions/estimate"), params)[0]
    reason = _reason(execution, rest)
    return Estimate(
        execution.execution_id,
        elapsed,
        rest.p50_ns if reason is None else None,
        rest.p90_ns if reason is None else None,
        rest.longer_count,
        rest.history_count,
        reason,
    )


def _elapsed(execution: Execution, now_ns: int) -> int | None:
    if execution.started_at is None:
        return None
    if execution.status in LIVE:
        return max(0, now_ns - execution.started_at)
    return execution.duration_ns


def _reason(execution: Execution, rest: _Rest) -> str | None:
    if execution.status not in LIVE:
        return "it does not go on"
    if execution.started_at is None:
        return "it has not started"
    if rest.longer_count < LEAST_COUNT:
        return (
            f"too few: {rest.longer_count} of {rest.history_count} successes took longer than it has"
            f" until now, {LEAST_COUNT} are needed"
        )
    return None

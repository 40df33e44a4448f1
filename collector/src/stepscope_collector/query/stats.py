"""Counts and exact duration quantiles per workflow and per step.

The rows equal views `workflow_stats` and `step_stats`; with filters, over the chosen executions.
"""

from collections.abc import Mapping

from stepscope_collector.query.filters import compile_start, put
from stepscope_collector.query.load import sql
from stepscope_collector.query.narrow import narrowed, read_for
from stepscope_collector.query.rows import Cursor, StepStats, WorkflowStats, fetch
from stepscope_collector.store import Database

__all__ = ["step_stats", "workflow_stats"]

_MAX_UBIGINT = 2**64 - 1


def workflow_stats(
    database: Database, filters: Mapping[str, str], *, now_ns: int, timeout_s: float | None = None
) -> list[WorkflowStats]:
    """One row per workflow over the executions that hold all `filters`, most executions first.

    Raises:
        BadRequest: an unknown filter, or a value that does not fit it.
        QueryTimeout: a filter that looks into more than executions took longer than `timeout_s`.
    """
    with read_for(database, filters, now_ns, timeout_s) as connection:
        conditions = narrowed(connection, filters, now_ns)
        statement = put(sql("stats/workflows"), conditions)
        return fetch(connection, WorkflowStats, statement, conditions.params)


def step_stats(
    database: Database, filters: Mapping[str, str], *, now_ns: int, timeout_s: float | None = None
) -> list[StepStats]:
    """One row per workflow and step over the executions that hold all `filters`, most time first.

    Raises:
        BadRequest: an unknown filter, or a value that does not fit it.
        QueryTimeout: a filter that looks into more than executions took longer than `timeout_s`.
    """
    with read_for(database, filters, now_ns, timeout_s) as connection:
        reader: Cursor = connection
        conditions = narrowed(reader, filters, now_ns)
        first, last = 0, _MAX_UBIGINT
        # Spans are stored in order of arrival, so a scan of them can be narrowed.
        if (span := compile_start(filters, now_ns)) is not None:
            reader.execute(put(sql("stats/bounds"), span), dict(span.params))
            first, last = reader.fetchall()[0]
            if first is None:
                return []
        params = {
            **conditions.params,
            "first_unix_nano": first,
            "last_start_unix_nano": last,
        }
        return fetch(reader, StepStats, put(sql("stats/steps"), conditions), params)

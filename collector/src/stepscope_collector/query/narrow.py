"""Filters, compiled with what the history says of the spans they can be about."""

from collections.abc import Mapping
from contextlib import AbstractContextManager

from stepscope_collector.query.filters import Conditions, compile_filter, compile_start, put
from stepscope_collector.query.load import sql
from stepscope_collector.query.rows import Cursor
from stepscope_collector.store import Connection, Database

__all__ = ["narrowed", "read_for"]


def read_for(
    database: Database,
    filters: Mapping[str, str],
    now_ns: int,
    timeout_s: float | None,
    *,
    is_costly: bool = False,
) -> AbstractContextManager[Connection]:
    """A connection to ask with `filters`: of QueryTimeout after `timeout_s` when they may take long.

    With `is_costly` what is asked takes long whatever the filters say.

    Raises:
        BadRequest: as of compile_filter.
    """
    if timeout_s and (is_costly or compile_filter(filters, now_ns).is_costly):
        return database.read_user_sql(timeout_s)
    return database.read()


def narrowed(reader: Cursor, filters: Mapping[str, str], now_ns: int) -> Conditions:
    """The conditions that all `filters` hold, as quick as their times let them be.

    A filter that looks into spans and says when executions started reads the spans of that time only.

    Raises:
        BadRequest: as of compile_filter.
    """
    conditions = compile_filter(filters, now_ns)
    start = compile_start(filters, now_ns) if conditions.is_costly else None
    if start is None:
        return conditions
    reader.execute(put(sql("stats/bounds"), start), dict(start.params))
    first, last = reader.fetchall()[0]
    # No execution started then: no span either.
    return compile_filter(filters, now_ns, bounds=(first or 0, last or 0))

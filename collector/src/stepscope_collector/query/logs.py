"""Log records of one execution, in order of their sequence (R065)."""

from collections.abc import Mapping
from typing import Any, Final

from stepscope_collector.errors import BadRequest
from stepscope_collector.query.load import sql
from stepscope_collector.query.rows import Cursor, LogRecord, fetch

__all__ = ["MAX_LOGS", "count_dropped", "read_logs"]

MAX_LOGS: Final = 100_000
"""Log records in one answer at most."""

_BEFORE_ALL: Final = -(2**63)
_LAST: Final = 2**63 - 1


def read_logs(
    reader: Cursor,
    bounds: Mapping[str, Any],
    *,
    after: int | None = None,
    before: int | None = None,
    limit: int = MAX_LOGS,
    is_tail: bool = False,
    since_ns: int | None = None,
) -> list[LogRecord]:
    """Records with a sequence between `after` and `before`: the first `limit` of them, or the last ones.

    Args:
        reader: inside a read-only transaction.
        bounds: `Place.bounds` of the execution.
        after: None: from the first record on.
        before: None: to the last record.
        limit: records at most, 0 or more; counts up to MAX_LOGS + 1 unless `since_ns` is given.
        is_tail: cut the oldest instead of the newest records.
        since_ns: only what came to view after this commit, nanoseconds since the epoch; None: all.

    Raises:
        BadRequest: `after`, `before` or `limit` out of range.
    """
    if limit < 0:
        raise BadRequest(f"{limit} log records are asked for", hint="0 or more")
    for name, number in (("after", after), ("before", before)):
        if number is not None and not _BEFORE_ALL <= number <= _LAST:
            raise BadRequest(f"{name}={number} is no sequence", hint="a 64-bit integer")
    params = {
        **bounds,
        "after": _BEFORE_ALL if after is None else after,
        "until": _LAST if before is None else before - 1,
        "is_tail": is_tail,
        "since_ns": since_ns,
        "limit": limit if since_ns is not None else min(limit, MAX_LOGS + 1),
    }
    return fetch(reader, LogRecord, sql("logs/of_execution"), params)


def count_dropped(reader: Cursor, bounds: Mapping[str, Any]) -> int:
    """How many log records of the execution were refused by the limits of `limits.execution_log_*` (R090).

    Args:
        reader: inside a read-only transaction.
        bounds: `Place.bounds` of the execution.
    """
    reader.execute(sql("logs/dropped"), {"execution_id": bounds["execution_id"]})
    ((dropped, has_traces),) = reader.fetchall()
    if has_traces:
        reader.execute(sql("logs/dropped_of_traces"), dict(bounds))
        dropped += reader.fetchall()[0][0]
    return int(dropped)

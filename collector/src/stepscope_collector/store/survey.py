"""What a round of retention has to know, asked of a reader's snapshot beside the writer.

The writer then searches neither the traces nor the log records of the whole history, only what was
committed since. A round would else take the longer the larger the history is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from stepscope_collector.store.engine import Connection
from stepscope_collector.store.rollups import Counted, count
from stepscope_collector.store.statements import Prepared

__all__ = ["NEVER", "Commits", "Starts", "Survey", "materialized", "survey"]

_AROUND: Final = timedelta(days=1)
"""How far from the commits of its spans the log records of an execution are looked for by retention."""
NEVER: Final = datetime(2262, 1, 1)  # noqa: DTZ001 UTC without zone, as the columns are


class Starts(NamedTuple):
    """Bounds of the starts of spans, ns since the epoch."""

    first: int = 0
    last: int = 2**64 - 1


class Commits(NamedTuple):
    """Bounds of the times of commits, UTC without zone."""

    since: datetime = NEVER
    until: datetime = NEVER


@dataclass(frozen=True, slots=True)
class Survey:
    """What belongs to some executions; as of a snapshot."""

    asked_at: datetime
    """UTC: all that was committed with an earlier time is in the snapshot."""
    are_most: bool
    """Most of what starts between their starts is among them."""
    counted: Counted | None
    """Rows for `rollups.freeze`; None: they have none."""
    others: int
    """Rows of stored.traces that tell of other executions in their traces."""
    traces: Starts
    """Of all spans of their traces."""
    logs: Commits
    points: Commits
    small: frozenset[str]
    """Names of small tables that hold rows of theirs."""


def survey(
    connection: Connection, execution_ids: Sequence[str], starts: Starts, asked_at: datetime
) -> Survey:
    """Ask what a round needs to know.

    Args:
        connection: of a reader, inside its transaction.
        execution_ids: each once.
        starts: of all their spans.
        asked_at: a time that the writer has seen before the snapshot was taken, UTC.
    """
    sql = Prepared(connection)
    given = {"execution_ids": list(execution_ids), **starts._asdict()}
    since, until, are_most = sql.row("survey/commits", **given)
    insert = materialized(are_most=are_most)
    if since is None:
        return Survey(asked_at, are_most, None, 0, starts, Commits(), Commits(), frozenset())
    ((others, first, last),) = sql.run("survey/traces", insert, **given).fetchall()
    near = {"since": since - _AROUND, "until": until + _AROUND}
    ((logs_since, logs_until, points_since, points_until, *small),) = sql.run(
        "survey/rows", insert, **given, **near
    ).fetchall()
    names = ("attempts", "open_spans", "unfolded_traces", "log_drops")
    return Survey(
        asked_at,
        are_most,
        count(connection, execution_ids, *starts),
        others,
        starts if first is None else Starts(first, last),
        _commits(logs_since, logs_until),
        _commits(points_since, points_until),
        frozenset(name for name, is_any in zip(names, small, strict=True) if is_any),
    )


def materialized(*, are_most: bool) -> dict[str, str]:
    """The placeholder of statements that look for executions between their starts."""
    return {"materialized": "materialized" if are_most else "not materialized"}


def _commits(since: datetime | None, until: datetime | None) -> Commits:
    """Bounds that hold these times: a datetime has lost the nanoseconds of the database."""
    if since is None or until is None:
        return Commits()
    return Commits(since, until + timedelta(microseconds=1))

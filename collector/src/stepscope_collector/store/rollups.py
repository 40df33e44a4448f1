"""What is removed from the history goes on counting: hourly rollups of it.

A rollup holds only what is no longer in the tables, so there is nothing to bring up to date: whatever
order spans come in, however often, and however often an execution is folded anew, the views count it
from its own rows, until the transaction that removes these rows adds what they counted here. Then its
tombstone keeps late spans of it away.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from arro3.core import Table

from stepscope_collector.store.engine import Connection
from stepscope_collector.store.statements import Prepared, statement

__all__ = ["Counted", "count", "freeze"]

_HOUR_NS: Final = 3600 * 10**9


@dataclass(frozen=True, slots=True)
class Counted:
    """What `count` gives."""

    rows: Table
    """Those of stored.rollups that are to be, in the place of those of the same hour, workflow, step and status."""
    since: int
    """The first hour in them or one before it, ns since the epoch."""
    is_any_stored: bool
    """Some take the place of others."""


_GIVEN: Final = "(select unnest($execution_ids::varchar[]) as execution_id)"


def count(
    connection: Connection, execution_ids: Sequence[str], first: int = 0, last: int = 2**64 - 1
) -> Counted | None:
    """What executions and their tries count, with the rollups: the dear part of `freeze`, beside the writer.

    Args:
        connection: of a reader, inside its transaction.
        execution_ids: each once.
        first: least start of their spans, ns since the epoch; or any earlier.
        last: greatest, or any later.

    Returns:
        Rows for `freeze`, valid as long as nothing happens to these executions and nothing else is frozen; None: they
        have none.
    """
    given = {"executions": _GIVEN}
    ids = {"execution_ids": list(execution_ids)}
    bounds = _bounds(
        Prepared(connection).run("rollups/bounds", given, **ids, least=first, greatest=last)
    )
    if bounds["first"] is None:
        return None
    rolled = statement("rollups/count").replace("{executions}", _GIVEN).replace("{into}", "")
    text = statement("rollups/merge").replace("{into}", "")
    text = text.replace("{rolled}", f"rolled as materialized ({rolled}\n),")
    since = _first_hour(bounds)
    rows = Table.from_arrow(connection.sql(text, params={**bounds, **ids, "since": since}))
    return Counted(rows, since, any(rows.column("is_stored").to_pylist()))


def freeze(connection: Connection, executions: str, counted: Counted | None = None) -> None:
    """Add what executions and their tries count to the rollups, before their rows are removed.

    Exact but for quantiles, which are within 1 % from then on. Not for deletion on demand, which is
    to leave no trace (R017).

    Args:
        connection: of the writer, inside the transaction that removes the rows after this.
        executions: name of a table with a column `execution_id`, each once; running ones too.
        counted: what `count` has given for exactly these; None: it is counted here.
    """
    sql = Prepared(connection)
    if counted is not None:
        connection.register("counted_rollups", counted.rows)
        try:
            _replace(sql, "counted_rollups", counted.since if counted.is_any_stored else None)
        finally:
            connection.unregister("counted_rollups")
        return
    given = {"executions": executions, "into": "create or replace temp table rolled as"}
    bounds = _bounds(sql.run("rollups/bounds", given, least=0, greatest=2**64 - 1))
    if bounds["first"] is None:
        return
    since = _first_hour(bounds)
    sql.run("rollups/count", given, **bounds)
    into = "create or replace temp table merged_rollups as"
    sql.run("rollups/merge", {"into": into, "rolled": ""}, since=since)
    _replace(sql, "merged_rollups", since)


def _replace(sql: Prepared, merged: str, since: int | None) -> None:
    """Store the rows of a table; `since` as of `Counted`, None: none takes the place of another."""
    if since is not None:
        sql.run("rollups/delete", {"merged": merged}, since=since)
    sql.run("rollups/insert", {"merged": merged})


def _first_hour(bounds: dict[str, Any]) -> int:
    first: int = min(bounds["first"], bounds["first_started"] or bounds["first"])
    return first - first % _HOUR_NS


def _bounds(result: Any) -> dict[str, Any]:
    names = [column[0] for column in result.description]
    (found,) = result.fetchall()
    return dict(zip(names, found, strict=True))

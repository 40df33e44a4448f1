"""What is removed from the history goes on counting: hourly rollups of it.

A rollup holds only what is no longer in the tables, so there is nothing to bring up to date: whatever
order spans come in, however often, and however often an execution is folded anew, the views count it
from its own rows, until the transaction that removes these rows adds what they counted here. Then its
tombstone keeps late spans of it away.
"""

from stepscope_collector.store.engine import Connection
from stepscope_collector.store.statements import Prepared

__all__ = ["freeze"]


def freeze(connection: Connection, executions: str) -> None:
    """Add what executions and their tries count to the rollups, before their rows are removed.

    Exact but for quantiles, which are within 1 % from then on. Not for deletion on demand, which is
    to leave no trace (R017).

    Args:
        connection: of the writer, inside the transaction that removes the rows after this.
        executions: name of a table with a column `execution_id`, each once; running ones too.
    """
    sql = Prepared(connection)
    given = {"executions": executions}
    result = sql.run("rollups/bounds", given)
    names = [column[0] for column in result.description]
    (found,) = result.fetchall()
    bounds = dict(zip(names, found, strict=True))
    if bounds["first"] is None:
        return
    sql.run("rollups/count", given, **bounds)
    for name in ("merge", "delete", "insert"):
        sql.run(f"rollups/{name}")

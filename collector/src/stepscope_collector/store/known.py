"""Which executions have a row: a commit of new ones need not look through all there are.

To look for the thousands of executions of a commit among millions costs more with every one that is stored
(`benchmarks/bench_scale.py`). A set of hashes, most of millions in files, says of nearly all of them that they
are new. What it says yes to is looked for, at first where rows were written last:
most executions go on for a while and then no more.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from stepscope_collector.store.engine import Connection, arrow_batches
from stepscope_collector.store.statements import Prepared, statement

__all__ = ["IdSet", "KnownExecutions"]

_RECENT_ROWS: Final = 300_000
"""Few enough to look through with each commit."""
_MOST_GONE: Final = 0.25
"""When so large a part of the set stands for executions that were removed, it is made anew."""
_CHOSEN: Final = "cast(hash(execution_id) >> 1 as bigint) in (select unnest($hashes::bigint[]))"


class IdSet(Protocol):
    """Hashes of ids."""

    def put(self, hashes: list[int], /) -> list[int]:
        """Put hashes of 63 bits in; those that were there before."""

    def put_all(self, hashes: Any, /) -> None:
        """Put many in: a buffer of 64-bit integers."""

    def __len__(self) -> int: ...


class KnownExecutions:
    """Finds the rows of executions; used by the writer thread, but for `fill`.

    Whatever stores an execution has to `find` or `note` it before: a row that the set does not know of
    would be written a second time. That the transaction comes to nothing does no harm.

    Args:
        make_set: an empty set, or None where there is none: all rows are looked through then.
    """

    def __init__(self, make_set: Callable[[], IdSet | None]) -> None:
        self._make_set = make_set
        self._begin()

    def _begin(self) -> None:
        self._ids = self._make_set()
        # That which knows of all that is stored: told by one assignment, which `fill` makes on another thread.
        self._whole: IdSet | None = None
        self._row_count = 0
        self._gone = 0

    @property
    def wants_filling(self) -> bool:
        """Whether what is stored has to be read."""
        return self._ids is not None and self._whole is not self._ids

    def fill(
        self,
        read: Callable[[], AbstractContextManager[Connection]],
        rest: Callable[[], object] = bool,
    ) -> None:
        """Read the ids of all that is stored.

        Args:
            read: a reader of what is committed by then. What is committed later the writer puts in.
            rest: called after each row group, for others to have their turn: what is asked meanwhile takes no longer.
        """
        # Before the snapshot: a set that is begun later would lack what came between.
        ids = self._ids
        if ids is None:
            return
        with read() as connection:
            hashes = connection.sql(statement("known/hashes").format(table="stored.executions"))
            for batch in arrow_batches(hashes):
                ids.put_all(batch.column(0).buffer())  # type: ignore[attr-defined]
                rest()
        self._whole = ids  # if another was begun meanwhile, it stays to be filled

    def find(self, sql: Prepared) -> int:
        """Put the rows of the executions in `folded` into the temporary table `known`.

        Args:
            sql: of the writer's connection.

        Returns:
            Their number, with those of other executions that have the same key; 0: there may be no
            table.
        """
        # Before the hashes are put in: a set that becomes whole after that may have been told of these only by us.
        is_whole = self._ids is not None and self._whole is self._ids
        found = self.note(sql, "folded")
        if not is_whole:
            return _look(sql, {"chosen": "true"}, from_row=0)
        if not found:
            return 0
        wanted = {"chosen": _CHOSEN}
        rows = _look(sql, wanted, hashes=found, from_row=max(0, self._row_count - _RECENT_ROWS))
        (found_count,) = sql.row("known/count_found")
        if found_count == len(found):
            return rows
        (self._row_count,) = sql.row("known/row_count")
        return _look(sql, wanted, hashes=found, from_row=0)

    def note(self, sql: Prepared, table: str) -> list[int]:
        """Know the executions of a table from now on; the hashes of those that were known before."""
        if self._ids is None:
            return []
        rows = sql.run("known/hashes", {"table": table}).fetchall()
        return self._ids.put([id_hash for (id_hash,) in rows])

    def added(self, rows: int) -> None:
        """So many were appended."""
        self._row_count += rows

    def removed(self, rows: int) -> None:
        """So many were removed. The set does not forget one by one: it could forget others with them."""
        if self._ids is None:
            return
        self._gone += rows
        if self._gone > _MOST_GONE * len(self._ids) + _RECENT_ROWS:
            self._begin()


def _look(sql: Prepared, insert: dict[str, str], **parameters: Any) -> int:
    """A statement that makes a table gives the number of its rows."""
    ((count,),) = sql.run("find_known", insert, **parameters).fetchall()
    return int(count)

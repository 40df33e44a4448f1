"""What an import asks of the store beside the write path: what is stored already, and earlier times.

Runs inside a transaction of the writer thread.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal

from arro3.core import Array, DataType, RecordBatch, Table

from stepscope_collector.store.engine import Connection
from stepscope_collector.store.statements import Prepared

__all__ = ["ImportWriter", "RowTable", "rows_at"]

RowTable = Literal["log_records", "metric_points"]
"""Tables whose rows have no identity but their content."""

_INCOMING: Final = "incoming_import"


class ImportWriter:
    """The statements of an import, on the writer's connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sql = Prepared(connection)

    def fresh(self, table: RowTable, rows: Any, now: datetime) -> list[int]:
        """Places of the rows that are not stored yet, in their order.

        Args:
            table: where they belong.
            rows: a batch as an Arrow table.
            now: any time.
        """
        self._sql.run("import/no_rows", {"table": table})
        self._connection.register(_INCOMING, rows)
        try:
            self._sql.run("import/list_rows", now=now)
        finally:
            self._connection.unregister(_INCOMING)
        first, last = self._sql.row("import/bounds")
        self._sql.run("import/find_fresh", {"table": table}, first=first, last=last)
        return [place for (place,) in self._sql.run("import/fresh_rows").fetchall()]

    def known_rejections(self, sender: str) -> set[tuple[str | None, ...]]:
        """Reason, message, trace, span and name of what was refused before of the same source."""
        return set(self._sql.run("import/known_rejections", sender=sender).fetchall())

    def give_span_times(self, times: Sequence[int], now: datetime) -> None:
        """Give the spans written just now, and what they tell, the times of their first commit.

        Args:
            times: ns since the epoch, one for each row of the batch that was written.
            now: the time they were written with.
        """
        first, last = self._sql.row("import/span_bounds")
        self._sql.run("import/keep_times", times=list(times), now=now, first=first, last=last)
        self._sql.run("import/list_traces")
        self._sql.run("import/give_times_spans", first=first, last=last)
        self._sql.run("import/give_times_payloads", first=first, last=last, now=now)
        self._sql.run("remap/give_times_executions", first=first, last=last)
        self._sql.run("remap/give_times_open", first=first, last=last)

    def give_row_times(self, table: RowTable, times: Sequence[int], now: datetime) -> None:
        """The same for log records or data points that `fresh` found; `times` of the whole batch."""
        self._sql.run("import/give_times", {"table": table}, times=list(times), now=now)


def rows_at(rows: Table, places: Sequence[int]) -> RecordBatch:
    """The rows of a table at these places, in their order."""
    (batch,) = rows.combine_chunks().to_batches()
    return RecordBatch.from_arrow(batch.take(Array(list(places), DataType.uint64())))

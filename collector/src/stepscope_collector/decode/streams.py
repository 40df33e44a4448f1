"""Decoded rows of several requests as one Arrow stream, whichever decoder made them."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from arro3.core import RecordBatch, Table

from stepscope_collector.decode import arrow
from stepscope_collector.decode.batch import Batch, Rows
from stepscope_collector.decode.native import is_native, native_shaped, native_together
from stepscope_collector.decode.span_columns import record_batch

if TYPE_CHECKING:
    from arro3.core.types import ArrowStreamExportable

__all__ = ["may_repeat", "shaped", "spans_together", "table_of", "together"]


def together(parts: Iterable[Rows | None]) -> Any:
    """The rows one after the other, for DuckDB to read as often as it likes; None: there are none.

    One chunk, for DuckDB makes vectors of each chunk alone: 64 requests of 32 spans cost it 20 µs of
    CPU per span as they are, and 3 µs in one chunk (DuckDB 2.0).
    """
    present = [rows for rows in parts if rows is not None]
    if not present:
        return None
    if all(is_native(rows) for rows in present):
        return native_together(present)
    # Tables: DuckDB 1.5 takes no single record batch.
    table = Table.from_batches([batch for rows in present for batch in _batches(rows)])
    return table if len(present) == 1 else table.combine_chunks()


def spans_together(batches: Sequence[Batch]) -> Any:
    """The same for spans: with the columns of all batches, null where one has them not."""
    present = [(batch, batch.rows) for batch in batches if batch.rows is not None]
    rows = [rows for _, rows in present]
    # native rows see to it themselves
    if len({batch.columns for batch, _ in present}) > 1 and not all(map(is_native, rows)):
        columns = sorted(frozenset[str]().union(*(batch.columns for batch, _ in present)))
        return together(_widened(batch, rows, columns) for batch, rows in present)
    return together(rows)


def _widened(batch: Batch, rows: Rows, columns: Sequence[str]) -> RecordBatch:
    table = table_of(rows)
    nothing = arrow.null_strings(batch.row_count)
    values = {
        name: table.column(name).combine_chunks()
        for name in table.column_names
        if name not in batch.columns
    }
    for name in columns:
        has = name in batch.columns
        values[name] = table.column(name).combine_chunks() if has else nothing
    return record_batch(values)


def table_of(rows: Rows) -> Table:
    """The rows as a table, to look at them."""
    return Table.from_batches(_batches(rows))


def _batches(rows: Rows) -> list[RecordBatch]:
    if isinstance(rows, RecordBatch):
        return [rows]
    return Table.from_arrow(cast("ArrowStreamExportable", rows)).to_batches()


def shaped(rows: Any) -> tuple[Any, tuple[str, ...]]:
    """The rows of spans as DuckDB takes them cheapest, and the names of columns that came to them.

    Each of these is a struct, null or with the attributes of its span, whose map is then empty. Only
    native rows in which many spans have the same keys have any: DuckDB verifies the keys of every map
    that comes in from Arrow, which for 30 attributes costs 11 µs per span, and those of a struct
    not (DuckDB 2.0, benchmarks/bench_store.py).
    """
    if not is_native(rows):
        return rows, ()
    found = native_shaped(rows)
    return found, tuple(name for name in found.names if name.startswith("shape:"))


def may_repeat(batches: Sequence[Batch], rows: Any) -> bool:
    """Whether a span id may stand twice in the rows of these batches of spans, put together as `rows`."""
    if is_native(rows):
        return bool(rows.repeats("span_id"))
    ids: set[int] = set()
    for batch in batches:
        if batch.rows is not None and is_native(batch.rows):
            ids.update(table_of(batch.rows).column("span_id").to_pylist())
        else:
            ids.update(int.from_bytes(span_id) for span_id in batch.span_ids)
    return len(ids) < sum(batch.row_count for batch in batches)

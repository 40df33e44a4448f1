"""Decoded rows of several requests as one Arrow stream, whichever decoder made them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from arro3.core import RecordBatch, Table

from stepscope_collector.decode import arrow
from stepscope_collector.decode.batch import Batch, Rows
from stepscope_collector.decode.native import (
    is_native,
    native_part,
    native_shaped,
    native_together,
)
from stepscope_collector.decode.span_columns import record_batch

if TYPE_CHECKING:
    from arro3.core.types import ArrowStreamExportable

__all__ = [
    "cut",
    "may_repeat",
    "planned_columns",
    "shaped",
    "spans_together",
    "table_of",
    "together",
]

_PLANNED: Final = ("attr:", "resource:")
"""How the names of columns begin that `column_of` makes."""


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
    present = [batch.rows for batch in batches if batch.rows is not None]
    if all(map(is_native, present)):
        return together(present)  # native rows see to it themselves
    tables = [table_of(rows) for rows in present]
    planned = {planned_columns(table) for table in tables}
    if len(planned) > 1:
        columns = sorted(frozenset[str]().union(*planned))
        return together(_widened(table, columns) for table in tables)
    return together(present)


def planned_columns(rows: Any) -> frozenset[str]:
    """Those columns of spans that hold attributes, as `column_of` names them; the others are in all rows.

    Args:
        rows: native rows, or a table.
    """
    names = rows.names if is_native(rows) else rows.column_names
    return frozenset(name for name in names if name.startswith(_PLANNED))


def _widened(table: Table, columns: Sequence[str]) -> RecordBatch:
    nothing = arrow.null_strings(table.num_rows)
    own = planned_columns(table)
    values = {
        name: table.column(name).combine_chunks() for name in table.column_names if name not in own
    }
    for name in columns:
        values[name] = table.column(name).combine_chunks() if name in own else nothing
    return record_batch(values)


def table_of(rows: Rows) -> Table:
    """The rows as a table, to look at them."""
    return Table.from_batches(_batches(rows))


def _batches(rows: Rows) -> list[RecordBatch]:
    if isinstance(rows, RecordBatch):
        return [rows]
    return Table.from_arrow(cast("ArrowStreamExportable", rows)).to_batches()


def cut(batch: Batch, rows: int) -> tuple[Batch, Batch]:
    """The first rows of a batch of spans, and the others with all else that is told of the request.

    Both have all payloads: who stores them takes those of spans that are there (`span_row`).

    Args:
        batch: of one request.
        rows: how many come first, less than it has.
    """
    assert batch.signal == "traces"
    assert batch.rows is not None
    assert 0 < rows < batch.row_count
    left = batch.row_count - rows
    first = Batch(
        "traces",
        row_count=rows,
        rows=_part(batch.rows, 0, rows),
        payloads=batch.payloads,
        resources=batch.resources,
        scopes=batch.scopes,
        span_ids=batch.span_ids[:rows],
        open_count=batch.open_count,
    )
    others = replace(
        batch,
        row_count=left,
        rows=_part(batch.rows, rows, left),
        span_ids=batch.span_ids[rows:],
    )
    return first, others


def _part(rows: Rows, first: int, count: int) -> Rows:
    if is_native(rows):
        return native_part(rows, first, count)
    (batch,) = _batches(rows)
    # copied: with an offset, DuckDB would have to mind it in every nested column
    return batch.take(arrow.uint64s(range(first, first + count)))


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

"""Decoded batches as rows that a test can compare."""

from typing import Any

from stepscope_collector.decode.batch import Batch

__all__ = ["rows_of"]


def rows_of(batch: Batch) -> list[dict[str, Any]]:
    """One dictionary per row; maps are dictionaries, UUIDs bytes."""
    assert batch.rows is not None
    names = batch.rows.schema.names
    maps = {"attributes", "metadata"}
    columns = []
    for name in names:
        values: list[Any] = batch.rows.column(name).to_pylist()  # type: ignore[assignment] # a list
        assert len(values) == batch.row_count
        columns.append([dict(value) for value in values] if name in maps else values)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

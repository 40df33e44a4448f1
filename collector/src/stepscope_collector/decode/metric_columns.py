"""The columns of decoded data points, while they are filled, and their Arrow form.

A column that a type of point has not stays untouched while such points pass: it is filled up with
nulls when a point next needs it, and at the end.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from arro3.core import Array, DataType, Field, RecordBatch, struct_array

from stepscope_collector.decode import arrow
from stepscope_collector.decode.span_columns import AttributeColumn, record_batch

__all__ = ["PointColumns"]

_INT32: Final = DataType.int32()
_INT64: Final = DataType.int64()
_UINT64: Final = DataType.uint64()
_DOUBLE: Final = DataType.float64()

_SCALARS: Final = {
    "temporality": _INT32,
    "is_monotonic": DataType.bool(),
    "value_double": _DOUBLE,
    "value_int": _INT64,
    "count": _UINT64,
    "sum": _DOUBLE,
    "min": _DOUBLE,
    "max": _DOUBLE,
    "scale": _INT32,
    "zero_count": _UINT64,
    "zero_threshold": _DOUBLE,
    "positive_offset": _INT32,
    "negative_offset": _INT32,
    "exemplars": DataType.binary(),
    "raw": DataType.binary(),
}
"""Columns that only some points have, with the type of a value."""

_LISTS: Final = {
    "explicit_bounds": _DOUBLE,
    "bucket_counts": _UINT64,
    "positive_bucket_counts": _UINT64,
    "negative_bucket_counts": _UINT64,
}
"""The same for lists, with the type of an entry."""

_QUANTILE: Final = [Field("quantile", _DOUBLE), Field("value", _DOUBLE)]


@dataclass(slots=True)
class _Lists:
    """A list or null per row: `offsets` cut them from the flat entries."""

    entries: list[Any] = field(default_factory=list)
    offsets: list[int] = field(default_factory=lambda: [0])
    is_null: list[bool] = field(default_factory=list)

    def add(self, values: Iterable[Any]) -> None:
        self.entries += values
        self.offsets.append(len(self.entries))
        self.is_null.append(False)

    def fill_up(self, rows: int) -> None:
        missing = rows - len(self.is_null)
        self.offsets += self.offsets[-1:] * missing
        self.is_null += [True] * missing


class PointColumns:
    """Data points, one row each; `rows` counts those complete so far."""

    def __init__(self) -> None:
        self.rows = 0
        self.repeated_bytes = 0
        self.name: list[str] = []
        self.description: list[str | None] = []
        self.unit: list[str | None] = []
        self.type: list[str] = []
        self.metadata = AttributeColumn()
        self.start_time: list[int] = []
        self.time: list[int] = []
        self.flags: list[int] = []
        self.attributes = AttributeColumn()
        self.execution_id: list[str | None] = []
        self.resource_id: list[int] = []
        self.scope_id: list[int] = []
        self._scalars: dict[str, list[Any]] = {name: [] for name in _SCALARS}
        self._lists = {name: _Lists() for name in (*_LISTS, "quantiles")}

    def put(self, column: str, values: Sequence[Any]) -> None:
        """Values of a column for the rows from `rows` on; None where a row has none."""
        scalars = self._scalars[column]
        scalars += [None] * (self.rows - len(scalars))
        scalars += values

    def put_lists(self, column: str, values: Iterable[Iterable[Any]]) -> None:
        """The same for a column of lists; entries of `quantiles` are (quantile, value)."""
        lists = self._lists[column]
        lists.fill_up(self.rows)
        for entries in values:
            lists.add(entries)

    def batch(self) -> RecordBatch:
        """All rows as Arrow, with the columns of stored.metric_points but ingested_at."""
        attributes, attribute_types = self.attributes.arrays()
        metadata, metadata_types = self.metadata.arrays()
        return record_batch(
            {
                "name": arrow.strings(self.name),
                "description": arrow.strings(self.description),
                "unit": arrow.strings(self.unit),
                "type": arrow.strings(self.type),
                "metadata": metadata,
                "metadata_types": metadata_types,
                "start_time_unix_nano": arrow.uint64s(self.start_time),
                "time_unix_nano": arrow.uint64s(self.time),
                "flags": arrow.uint32s(self.flags),
                **{name: self._scalar_array(name) for name in _SCALARS},
                **{name: self._list_array(name) for name in self._lists},
                "attributes": attributes,
                "attribute_types": attribute_types,
                "execution_id": arrow.strings(self.execution_id),
                "resource_id": arrow.uint64s(self.resource_id),
                "scope_id": arrow.uint64s(self.scope_id),
            }
        )

    def _scalar_array(self, name: str) -> Array:
        self.put(name, ())
        return Array(self._scalars[name], _SCALARS[name])

    def _list_array(self, name: str) -> Array:
        lists = self._lists[name]
        lists.fill_up(self.rows)
        if name == "quantiles":
            parts = [
                arrow.doubles([quantile for quantile, _ in lists.entries]),
                arrow.doubles([value for _, value in lists.entries]),
            ]
            return arrow.lists(lists.offsets, lists.is_null, struct_array(parts, fields=_QUANTILE))
        return arrow.lists(lists.offsets, lists.is_null, Array(lists.entries, _LISTS[name]))

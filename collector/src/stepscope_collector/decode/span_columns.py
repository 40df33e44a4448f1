"""The columns of decoded spans, while they are filled, and their Arrow form.

Kept apart from the walk over the request so that the list of columns stands in one place.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Final

from arro3.core import Array, DataType, Field, RecordBatch, Schema

from stepscope_collector.decode import arrow

__all__ = ["AttributeColumn", "EventColumns", "LinkColumns", "PayloadColumns", "record_batch"]

_BINARY = DataType.binary()
_EMPTY_ROWS = 8192


@dataclass(slots=True)
class AttributeColumn:
    """Attributes of n rows: maps cut from flat keys and values by offsets, and type codes."""

    keys: list[str] = field(default_factory=list)
    values: list[str | None] = field(default_factory=list)
    offsets: list[int] = field(default_factory=lambda: [0])
    types: list[str | None] = field(default_factory=list)

    def add(self, texts: dict[str, str | None], codes: str | None) -> None:
        """Append one row."""
        self.keys.extend(texts)
        self.values.extend(texts.values())
        self.offsets.append(len(self.keys))
        self.types.append(codes)

    def arrays(self) -> tuple[Array, Array]:
        """The maps and the type codes."""
        return arrow.maps(self.offsets, self.keys, self.values), arrow.strings(self.types)


@dataclass(slots=True)
class EventColumns:
    """Events of all rows, flat; `offsets` cut them into one list per row, null where empty."""

    time: list[int] = field(default_factory=list)
    name: list[str] = field(default_factory=list)
    attributes: AttributeColumn = field(default_factory=AttributeColumn)
    dropped: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=lambda: [0])

    def array(self) -> Array:
        """One list of structs per row."""
        rows = len(self.offsets) - 1
        return self.as_lists() if self.name or rows > _EMPTY_ROWS else _no_events().slice(0, rows)

    def as_lists(self) -> Array:
        """The same, made anew."""
        maps, types = self.attributes.arrays()
        columns = [
            arrow.uint64s(self.time),
            arrow.strings(self.name),
            maps,
            types,
            arrow.uint32s(self.dropped),
        ]
        names = [
            "time_unix_nano",
            "name",
            "attributes",
            "attribute_types",
            "dropped_attributes_count",
        ]
        return _lists(self.offsets, names, columns)


@dataclass(slots=True)
class LinkColumns:
    """Links of all rows, flat; `offsets` cut them into one list per row, null where empty."""

    trace_id: list[bytes] = field(default_factory=list)
    span_id: list[bytes] = field(default_factory=list)
    trace_state: list[str] = field(default_factory=list)
    attributes: AttributeColumn = field(default_factory=AttributeColumn)
    dropped: list[int] = field(default_factory=list)
    flags: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=lambda: [0])

    def array(self) -> Array:
        """One list of structs per row."""
        rows = len(self.offsets) - 1
        return self.as_lists() if self.flags or rows > _EMPTY_ROWS else _no_links().slice(0, rows)

    def as_lists(self) -> Array:
        """The same, made anew."""
        maps, types = self.attributes.arrays()
        columns = [
            Array(self.trace_id, _BINARY),
            Array(self.span_id, _BINARY),
            arrow.strings(self.trace_state),
            maps,
            types,
            arrow.uint32s(self.dropped),
            arrow.uint32s(self.flags),
        ]
        names = [
            "trace_id",
            "span_id",
            "trace_state",
            "attributes",
            "attribute_types",
            "dropped_attributes_count",
            "flags",
        ]
        return _lists(self.offsets, names, columns)


def _lists(offsets: list[int], names: list[str], columns: list[Array]) -> Array:
    fields = [Field(name, column.type) for name, column in zip(names, columns, strict=True)]
    return arrow.lists_of_structs(offsets, fields, columns)


# Most batches have no events and no links: their nulls are made once, for 0.25 µs per span.


@cache
def _no_events() -> Array:
    return EventColumns(offsets=[0] * (_EMPTY_ROWS + 1)).as_lists()


@cache
def _no_links() -> Array:
    return LinkColumns(offsets=[0] * (_EMPTY_ROWS + 1)).as_lists()


@dataclass(slots=True)
class PayloadColumns:
    """Values that go to stored.payloads; `span_row` is that of their span."""

    row: list[int] = field(default_factory=list)
    kind: list[str] = field(default_factory=list)
    key: list[str] = field(default_factory=list)
    media_type: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)
    size_bytes: list[int] = field(default_factory=list)
    sha256: list[str | None] = field(default_factory=list)
    is_truncated: list[bool] = field(default_factory=list)

    def batch(self) -> RecordBatch | None:
        """The rows as Arrow; None when there are none."""
        if not self.row:
            return None
        return record_batch(
            {
                "span_row": arrow.uint64s(self.row),
                "kind": arrow.strings(self.kind),
                "key": arrow.strings(self.key),
                "media_type": arrow.strings(self.media_type),
                "body": arrow.strings(self.body),
                "size_bytes": arrow.uint64s(self.size_bytes),
                "sha256": arrow.strings(self.sha256),
                "is_truncated": arrow.bools(self.is_truncated),
            }
        )


_schemas: dict[tuple[str, ...], Schema] = {}
_MAX_SCHEMAS: Final = 1000
"""Senders choose which attributes there are; what they choose must not stay for ever."""


def record_batch(columns: dict[str, Array]) -> RecordBatch:
    """Named columns of equal length as one batch; `trace_id` is marked as a UUID.

    Columns of the same names always have the same types, so their schema is made once: it costs
    as much as 200 µs.
    """
    names = tuple(columns)
    schema = _schemas.get(names)
    if schema is None:
        if len(_schemas) >= _MAX_SCHEMAS:
            _schemas.clear()
        schema = _schemas[names] = Schema(
            [
                arrow.uuid_field(name) if name == "trace_id" else Field(name, column.type)
                for name, column in columns.items()
            ]
        )
    return RecordBatch.from_arrays(list(columns.values()), schema=schema)

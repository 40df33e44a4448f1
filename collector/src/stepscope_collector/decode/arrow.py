"""Python lists as Arrow columns, by arro3: about 20 ns per value, no pyarrow needed.

Every function takes plain lists of equal length n and returns one array of n values.
"""

from array import array
from collections.abc import Sequence
from itertools import pairwise

from arro3.core import Array, DataType, Field, list_array, struct_array

__all__ = [
    "MAP",
    "UUID_METADATA",
    "big_endian_u64",
    "binaries",
    "bools",
    "doubles",
    "int32s",
    "int64s",
    "lists",
    "lists_of_structs",
    "maps",
    "null_strings",
    "strings",
    "uint32s",
    "uint64s",
    "uuid_field",
    "uuids",
]

_STRING = DataType.string()
_KEY = Field("key", _STRING, nullable=False)
_VALUE = Field("value", _STRING)
MAP = DataType.map(_KEY, _VALUE, False)
"""Arrow type that DuckDB reads as MAP(VARCHAR, VARCHAR)."""
_MAP_FIELD = Field("attributes", MAP)

UUID_METADATA = {"ARROW:extension:name": "arrow.uuid", "ARROW:extension:metadata": ""}
"""Marks 16 fixed bytes as what DuckDB reads as UUID."""


def uuid_field(name: str) -> Field:
    """Field of a column made by `uuids`."""
    return Field(name, DataType.binary(16), metadata=UUID_METADATA)


def uuids(values: Sequence[bytes | None]) -> Array:
    """Ids of 16 bytes; the field must come from `uuid_field`."""
    return Array(values, DataType.binary(16))


def big_endian_u64(values: Sequence[bytes]) -> Array:
    """Ids of exactly 8 bytes as unsigned integers, most significant byte first."""
    numbers = array("Q", b"".join(values))
    numbers.byteswap()
    return Array.from_buffer(numbers)


def strings(values: Sequence[str | None]) -> Array:
    """UTF-8 text."""
    return Array(values, _STRING)


_NULL_STRINGS = strings([None] * 4096)


def null_strings(length: int) -> Array:
    """A text column in which every value is null."""
    if length <= len(_NULL_STRINGS):
        return _NULL_STRINGS.slice(0, length)  # a constant 1 µs instead of 15 ns per value
    return strings([None] * length)


def binaries(values: Sequence[bytes | None]) -> Array:
    """Byte strings of any length."""
    return Array(values, DataType.binary())


def uint64s(values: Sequence[int | None]) -> Array:
    """Unsigned 64-bit integers."""
    return Array(values, DataType.uint64())


def uint32s(values: Sequence[int]) -> Array:
    """Unsigned 32-bit integers."""
    return Array(values, DataType.uint32())


def int32s(values: Sequence[int | None]) -> Array:
    """Signed 32-bit integers."""
    return Array(values, DataType.int32())


def int64s(values: Sequence[int | None]) -> Array:
    """Signed 64-bit integers."""
    return Array(values, DataType.int64())


def doubles(values: Sequence[float | None]) -> Array:
    """64-bit floating point numbers; NaN is a value, not null."""
    return Array(values, DataType.float64())


def bools(values: Sequence[bool | None]) -> Array:
    """Truth values."""
    return Array(values, DataType.bool())


def maps(offsets: Sequence[int], keys: Sequence[str], values: Sequence[str | None]) -> Array:
    """One map per row: row i has the entries offsets[i] to offsets[i+1] of keys and values.

    Keys must be unique within a row: DuckDB refuses the whole batch otherwise.
    """
    entries = struct_array([Array(keys, _STRING), Array(values, _STRING)], fields=[_KEY, _VALUE])
    lists = list_array(Array.from_buffer(array("i", offsets)), entries)
    # A map is laid out as a list of its entries; arro3 has no constructor for it, so the list's
    # buffers are read again under the map's type. The cast in SQL costs 2 µs per row instead.
    return Array.from_arrow_pycapsule(_MAP_FIELD.__arrow_c_schema__(), lists.__arrow_c_array__()[1])


def lists(offsets: Sequence[int], is_null: Sequence[bool], entries: Array) -> Array:
    """One list per row, or null: row i is entries offsets[i] to offsets[i+1], unless is_null[i]."""
    return list_array(Array.from_buffer(array("i", offsets)), entries, mask=bools(is_null))


def lists_of_structs(
    offsets: Sequence[int], fields: Sequence[Field], columns: list[Array]
) -> Array:
    """One list of structs per row, cut from the child columns by offsets (n + 1 of them).

    Null where there is nothing: empty lists cost DuckDB more to insert and commit
    (benchmarks/bench_store.py).
    """
    entries = struct_array(columns, fields=list(fields))
    is_null = bools([end == begin for begin, end in pairwise(offsets)])
    return list_array(Array.from_buffer(array("i", offsets)), entries, mask=is_null)

"""Types of result columns: which are fetched as text, and how a value looks in JSON.

DuckDB's Python client cuts nanoseconds off timestamps, makes 30 days of a month and needs another
package for time zones. So values of such types, also inside lists and structs, are cast to text in
SQL and made RFC 3339 here.
"""

import base64
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

__all__ = ["Converter", "converted", "converter", "textual"]

Converter = Callable[[Any], Any]

_TEMPORAL: Final = re.compile(r"TIME|INTERVAL")
_SAFE_INT: Final = 2**53
_AS_IT_IS: Final = frozenset(
    ("VARCHAR", "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER")
)
_INTEGERS: Final = frozenset(("BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT"))
_MAX_DEPTH: Final = 200
"""Of JSON that is shown as JSON; what is nested deeper is shown as text: Python follows some 900 levels."""
_BRACKET: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')
_OFFSET: Final = re.compile(r"([+-]\d\d)(?::?(\d\d))?(?::\d\d)?$")


def textual(kind: Any) -> str | None:
    """The type to cast a column of DuckDB type `kind` to, so that no time is lost; None: no need."""
    if not _TEMPORAL.search(str(kind)):
        return None
    match kind.id:
        case "list" | "array":
            item = textual(kind.children[0][1])
            return None if item is None else f"{item}[]"
        case "struct" | "map":
            parts = [(name, textual(child), child) for name, child in kind.children]
            if all(text is None for _, text, _ in parts):
                return None
            if kind.id == "map":
                return f"map({', '.join(text or str(child) for _, text, child in parts)})"
            fields = [f"{_quoted(name)} {text or child}" for name, text, child in parts]
            return f"struct({', '.join(fields)})"
        case "enum":
            return None
        case _:
            return "varchar"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def converter(kind: Any) -> Converter:
    """What makes a JSON value of a fetched value of DuckDB type `kind`; null stays None.

    Times are RFC 3339, with Z for UTC; integers beyond 2^53 are text, as are NaN and infinity;
    blobs are base64; JSON is what it says; maps are objects with text keys.
    """
    if str(kind) in _AS_IT_IS:
        return _same
    convert = _converter(kind)
    return lambda value: None if value is None else convert(value)


def converted(rows: Sequence[Sequence[Any]], converters: Sequence[Converter]) -> list[list[Any]]:
    """The rows with their values converted, a column at a time: most columns are as they are."""
    columns = [
        column if convert is _same else [convert(value) for value in column]
        for convert, column in zip(converters, zip(*rows, strict=True), strict=True)
    ]
    return [list(row) for row in zip(*columns, strict=True)]


def _converter(kind: Any) -> Converter:
    name = str(kind)
    if name == "JSON":
        return _json
    if name in _INTEGERS:
        return _integer
    if name.startswith("TIMESTAMP") and kind.id not in {"list", "array"}:
        return _time
    match kind.id:
        case "list" | "array":
            item = converter(kind.children[0][1])
            return lambda values: [item(value) for value in values]
        case "struct":
            return _struct([(name, converter(child)) for name, child in kind.children])
        case "map":
            (_, key), (_, value) = kind.children
            return _map(converter(key), converter(value))
        case _:
            return _plain


def _same(value: Any) -> Any:
    return value


def _integer(value: int) -> int | str:
    return value if -_SAFE_INT <= value <= _SAFE_INT else str(value)


def _json(text: str) -> Any:
    """The value, or the text where it is nested deeper than Python follows."""
    return text if _is_deep(text) else json.loads(text)


def _is_deep(text: str) -> bool:
    if text.count("[") + text.count("{") <= _MAX_DEPTH:
        return False
    depth = 0
    for match in _BRACKET.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        if depth > _MAX_DEPTH:
            return True
    return False


def _struct(fields: list[tuple[str, Converter]]) -> Converter:
    def convert(row: Any) -> Any:
        if isinstance(row, tuple):  # fields without names, DuckDB 1.5
            return [field(value) for (_, field), value in zip(fields, row, strict=True)]
        return {name: field(row[name]) for name, field in fields}

    return convert


def _map(key: Converter, value: Converter) -> Converter:
    def convert(entries: Mapping[Any, Any]) -> Any:
        # DuckDB's client gives {"key": […], "value": […]} when keys cannot be keys in Python.
        if entries.keys() == {"key", "value"} and isinstance(entries["key"], list):
            pairs = zip(entries["key"], entries["value"], strict=True)
            return [{"key": key(k), "value": value(v)} for k, v in pairs]
        return {_key(key(k)): value(v) for k, v in entries.items()}

    return convert


def _key(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _time(text: str) -> str:
    if not text[:1].isdigit() or "(" in text:
        return text  # infinity, or before Christ
    day, _, clock = text.partition(" ")
    if "+" not in clock and "-" not in clock:
        return f"{day}T{clock}Z"
    zone = "Z"
    if offset := _OFFSET.search(clock):
        clock = clock[: offset.start()]
        if (offset[1][1:], offset[2] or "00") != ("00", "00"):
            zone = f"{offset[1]}:{offset[2] or '00'}"
    return f"{day}T{clock}{zone}"


def _plain(value: Any) -> Any:
    match value:
        case bool() | str() | None:
            return value
        case int():
            return _integer(value)
        case float():
            return value if math.isfinite(value) else _NOT_FINITE[str(value)]
        case Decimal():
            number = float(value)
            return number if Decimal(repr(number)) == value else str(value)
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(value).decode()
        case date():
            return value.isoformat()
        case dict():
            return {_key(_plain(key)): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return str(value)


_NOT_FINITE: Final = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}

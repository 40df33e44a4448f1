"""Answers of the query room as JSON values and bytes.

Times are RFC 3339 UTC with nine digits and Z, durations whole nanoseconds, ids hexadecimal;
integers beyond 2^53 are text, because JavaScript and many others would round them.
"""

import json
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any, Final

from stepscope_collector.errors import StepscopeError

__all__ = ["dumps", "encode_row", "encode_rows", "encode_value", "error_body", "rfc3339"]

_SAFE_INT: Final = 2**53
_SECOND_NS: Final = 1_000_000_000


def rfc3339(time_ns: int) -> str:
    """Nanoseconds since the epoch as `2026-07-24T10:00:00.000000001Z`."""
    seconds, rest = divmod(time_ns, _SECOND_NS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"


def encode_row(row: Any) -> dict[str, Any]:
    """A row of the query room as an object; fields ending in `_at` are times."""
    return {field.name: encode_value(field.name, getattr(row, field.name)) for field in fields(row)}


def encode_rows(rows: list[Any]) -> list[dict[str, Any]]:
    """Rows of the query room as objects."""
    return [encode_row(row) for row in rows]


def encode_value(name: str, value: Any) -> Any:
    """A value of a row as JSON has it; `name` is that of its column."""
    if isinstance(value, int) and not isinstance(value, bool):
        if name.endswith("_at"):
            return rfc3339(value)
        return value if -_SAFE_INT <= value <= _SAFE_INT else str(value)
    if isinstance(value, list) and value and is_dataclass(value[0]):
        return encode_rows(value)
    if is_dataclass(value):
        return encode_row(value)
    return value


def dumps(value: Any) -> bytes:
    """The value as JSON text in UTF-8; lone surrogates become U+FFFD."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "replace")


def error_body(error: StepscopeError) -> bytes:
    """`{"error": {"code", "message", "hint"?}}`."""
    body = {"code": error.code, "message": error.message}
    if error.hint is not None:
        body["hint"] = error.hint
    return dumps({"error": body})

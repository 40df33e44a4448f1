"""Rows as lines of CSV that every reader splits as they were: RFC 4180 with a line feed at the end. Pure."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

__all__ = ["csv_lines"]

# Python's own writer leaves a carriage return bare, which pandas and DuckDB take for the end of a line.
_QUOTED: Final = re.compile(r'[",\r\n]')


def csv_lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """The rows, a line each: None is an empty field, an empty text `""`; no Unicode comes as `?`."""
    text = "".join([",".join([_field(value) for value in row]) + "\n" for row in rows])
    return text.encode("utf-8", "replace")


def _field(value: Any) -> str:
    if value is None:
        return ""
    if type(value) is int:
        return str(value)
    text = value if isinstance(value, str) else str(value)
    if text == "" or _QUOTED.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text

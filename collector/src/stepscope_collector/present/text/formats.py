"""Rows for programs: JSON, NDJSON, CSV.

A row is a dict of column → JSON value. Nothing is rounded, localised or left out.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["to_csv", "to_json", "to_ndjson", "unique_names"]

_QUOTED = re.compile(r'[",\r\n]')


def to_json(document: Any) -> str:
    """One JSON document, indented, with a line feed at the end."""
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_ndjson(rows: Sequence[Any]) -> str:
    """One JSON document per line."""
    return "".join(
        json.dumps(row, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
        for row in rows
    )


def to_csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """A header and one line per row (RFC 4180, with line feeds).

    Null is an empty field, an empty text is `""`, a list or object is JSON text.
    """
    lines = [columns, *([_cell(row.get(column)) for column in columns] for row in rows)]
    return "".join(",".join(map(_field, line)) + "\n" for line in lines)


def unique_names(names: Sequence[str]) -> list[str]:
    """The names of columns with `_1`, `_2`, … added where one repeats: keys of an object."""
    taken: set[str] = set()
    result = []
    for name in names:
        candidate, count = name, 0
        while candidate in taken or (count and candidate in names):
            count += 1
            candidate = f"{name}_{count}"
        taken.add(candidate)
        result.append(candidate)
    return result


def _cell(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _field(cell: str | None) -> str:
    if cell is None:
        return ""
    if cell == "" or _QUOTED.search(cell):
        return '"' + cell.replace('"', '""') + '"'
    return cell

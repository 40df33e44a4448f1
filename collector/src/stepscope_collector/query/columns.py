"""Chosen columns of executions, with values at paths in params, inputs, outputs and attributes.

The page is read first; what stands at paths is then read for its executions only, between the
starts of their spans.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from stepscope_collector.errors import BadRequest
from stepscope_collector.query.filter import parse_field
from stepscope_collector.query.filter.compiler import path_of
from stepscope_collector.query.filter.fields import EXECUTION, named, paths
from stepscope_collector.query.filter.homes import home_column
from stepscope_collector.query.load import sql
from stepscope_collector.query.nearest import unknown
from stepscope_collector.query.rows import Cursor, Execution

__all__ = [
    "MAX_COLUMNS",
    "ChosenColumn",
    "ChosenExecution",
    "choose",
    "parse_columns",
    "statement_of",
]

MAX_COLUMNS: Final = 50

_ATTRIBUTES: Final = tuple(field.name for field in fields(Execution))
_OTHERS: Final = {"tag": "tags", "trace": "trace_id"}
_STATEMENTS: Final = {"attributes": "columns/attributes", "resource": "columns/resources"}
_MAX_UBIGINT: Final = 2**64 - 1
_EXACT_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class ChosenExecution:
    """The chosen columns of an execution, named as they were asked for, beside its id."""

    execution_id: str


@dataclass(frozen=True, slots=True)
class ChosenColumn:
    """A column of a list."""

    name: str
    """As it was asked for."""
    attribute: str
    """Column of view `executions`; empty: the value at a path."""
    source: str = ""
    """params, input, output, attributes or resource."""
    path: str = ""
    """A JSON pointer, or the key of an attribute."""


def parse_columns(names: Sequence[str]) -> tuple[ChosenColumn, ...]:
    """The columns with these names: fields of the filter language, columns of the view, or paths.

    Raises:
        BadRequest: an unknown name, or more than MAX_COLUMNS.
    """
    if len(names) > MAX_COLUMNS:
        raise BadRequest(
            f"columns names {len(names)} columns, limit {MAX_COLUMNS}", hint="ask in SQL"
        )
    return tuple(_column(name) for name in dict.fromkeys(names))


def _column(name: str) -> ChosenColumn:
    if name in _ATTRIBUTES:
        return ChosenColumn(name, name)
    if name in _OTHERS:
        return ChosenColumn(name, _OTHERS[name])
    field = named(EXECUTION).get(name)
    if field is not None and field.order:
        return ChosenColumn(name, field.order.removeprefix("e."))
    root = name.partition(".")[0]
    if root != name and root in paths(EXECUTION):
        known, path = parse_field(name)
        return ChosenColumn(name, "", known.name, path_of(known, path))
    sortable = [known.name for known in EXECUTION if known.order]
    listed = [*sortable, *_OTHERS, *(f"{root}.…" for root in paths(EXECUTION))]
    raise unknown("column", name, listed)


def choose(
    reader: Cursor, rows: Sequence[Execution], columns: Sequence[ChosenColumn]
) -> list[dict[str, Any]]:
    """For each row its id and, by name, the value of each column; None: there is none.

    Where several spans have a value at a path, that of the execution's own span counts, else the
    first one by start. Values in JSON keep their types.
    """
    found = {
        column.name: _at_path(reader, rows, column)
        for column in columns
        if rows and not column.attribute
    }
    return [
        {
            "execution_id": row.execution_id,
            **{
                column.name: getattr(row, column.attribute)
                if column.attribute
                else found[column.name].get(row.execution_id)
                for column in columns
            },
        }
        for row in rows
    ]


def statement_of(column: ChosenColumn) -> str:
    """The statement that reads the values at the path of a column."""
    statement = sql(_STATEMENTS.get(column.source, "columns/payloads"))
    home = home_column(column.path) if column.source == "attributes" else None
    return statement if home is None else statement.replace("null /* home */", home)


def _at_path(reader: Cursor, rows: Sequence[Execution], column: ChosenColumn) -> Mapping[str, Any]:
    """Execution id → the value at the path of the column."""
    ids = [row.execution_id for row in rows]
    starts = [row.started_at for row in rows]
    known = [start for start in starts if start is not None]
    is_bounded = len(known) == len(starts)
    reader.execute(
        sql("columns/bounds"),
        {
            "ids": ids,
            "least": min(known) if is_bounded else None,
            "greatest": max(known) if is_bounded else None,
        },
    )
    first, last = reader.fetchall()[0]
    params = {"ids": ids, "path": column.path, "first_unix_nano": first or 0}
    params["last_start_unix_nano"] = _MAX_UBIGINT if last is None else last
    is_json = column.source not in _STATEMENTS
    if is_json:
        params["kind"] = column.source
    reader.execute(statement_of(column), params)
    own = {row.execution_id: row.span_id for row in rows}
    values: dict[str, Any] = {}
    for execution_id, span_id, text, _ in reader.fetchall():
        if execution_id not in values or span_id == own[execution_id]:
            values[execution_id] = _value(text) if is_json else text
    return values


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_float=_fraction, parse_int=_whole)
    except (ValueError, RecursionError):
        return text


def _fraction(text: str) -> float | str:
    """A number that JSON can be written with again, else text."""
    return number if math.isfinite(number := float(text)) else text


def _whole(text: str) -> int | str:
    """A number that no reader rounds, else text."""
    return int(text) if len(text) < _EXACT_DIGITS else text

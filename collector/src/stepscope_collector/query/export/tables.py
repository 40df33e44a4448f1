"""Rows of the public views for chosen executions, as objects, CSV or Parquet."""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from arro3.core import RecordBatchReader
from arro3.io import write_parquet

from stepscope_collector.query.csv_lines import csv_lines
from stepscope_collector.query.filters import Conditions, put
from stepscope_collector.query.load import sql
from stepscope_collector.query.types import Converter, converted, converter, textual
from stepscope_collector.store import Connection

__all__ = ["TABLES", "as_csv", "as_parquet", "rows"]

TABLES: Final = ("executions", "steps", "attempts", "spans", "logs", "params", "payloads")
"""What rows can be of; each is a view."""

_ROWS_AT_ONCE: Final = 500
_ROW_GROUP: Final = 50_000


def rows(connection: Connection, table: str, conditions: Conditions) -> Iterator[dict[str, Any]]:
    """The rows of a table, values as in JSON answers (query/types.py).

    Args:
        connection: in use until the last row was taken.
        table: one of TABLES.
        conditions: over view `executions` as `e`.
    """
    names, converters = _start(connection, table, conditions)
    while found := connection.fetchmany(_ROWS_AT_ONCE):
        for row in found:
            yield {
                name: convert(value)
                for name, convert, value in zip(names, converters, row, strict=True)
            }


def as_csv(connection: Connection, table: str, conditions: Conditions) -> Iterator[bytes]:
    """The rows of a table as CSV with a header; lists and objects as JSON, as in answers to SQL."""
    names, converters = _start(connection, table, conditions)
    yield csv_lines([names])
    while found := connection.fetchmany(_ROWS_AT_ONCE):
        yield csv_lines([[_cell(value) for value in row] for row in converted(found, converters)])


def as_parquet(connection: Connection, table: str, conditions: Conditions, file: BinaryIO) -> None:
    """Write the rows of a table as Parquet with the types of its view, a row group at a time."""
    relation = connection.sql(put(sql(f"export/{table}"), conditions), params=_given(conditions))
    reader = RecordBatchReader.from_arrow(relation)
    write_parquet(reader, file, compression="zstd(3)", max_row_group_size=_ROW_GROUP)


def _given(conditions: Conditions) -> dict[str, Any] | None:
    return dict(conditions.params) or None


def _start(
    connection: Connection, table: str, conditions: Conditions
) -> tuple[list[str], list[Converter]]:
    statement = put(sql(f"export/{table}"), conditions)
    relation = connection.sql(statement, params=_given(conditions))
    names, kinds = list(relation.columns), list(relation.types)
    del relation
    casts = [textual(kind) for kind in kinds]
    # the names are those of a view, the types DuckDB's
    columns = ", ".join(
        f'cast("{name}" as {cast}) as "{name}"' if cast else f'"{name}"'
        for name, cast in zip(names, casts, strict=True)
    )
    connection.execute(f"select {columns} from (\n{statement}\n)", _given(conditions))  # noqa: S608
    return names, [converter(kind) for kind in kinds]


def _cell(value: Any) -> Any:
    if value is None or type(value) is str:
        return value
    match value:
        case bool():
            return "true" if value else "false"
        case list() | dict():
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        case _:
            return value

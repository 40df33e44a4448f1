"""Answers to user SQL as bytes, piece by piece: JSON, NDJSON, CSV, Arrow.

The first piece comes after the first rows, so that an error before them can still be the answer.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from stepscope_collector.present.rest.encode import dumps
from stepscope_collector.query.adhoc import RunningSql
from stepscope_collector.query.csv_lines import csv_lines

__all__ = ["CHUNKS"]


def _json(running: RunningSql) -> Iterator[bytes]:
    columns = [{"name": column.name, "type": column.type} for column in running.columns]
    before = b'{"columns":' + dumps(columns) + b',"rows":['
    for rows in running.batches():
        piece = b",".join(dumps(row) for row in rows)
        running.adjust(len(rows), len(piece))
        yield before + piece
        before = b","
    tail = {
        "row_count": running.row_count,
        "is_truncated": running.is_truncated,
        "elapsed_ms": running.elapsed_ms,
    }
    yield (b"" if running.row_count else before) + b"]," + dumps(tail)[1:]


def _ndjson(running: RunningSql) -> Iterator[bytes]:
    names = _unique([column.name for column in running.columns])
    for rows in running.batches():
        piece = b"".join(dumps(dict(zip(names, row, strict=True))) + b"\n" for row in rows)
        running.adjust(len(rows), len(piece))
        yield piece


def _csv(running: RunningSql) -> Iterator[bytes]:
    names = [column.name for column in running.columns]
    is_first = True
    for rows in running.batches():
        piece = _lines([names] if is_first else []) + _lines(rows)
        is_first = False
        running.adjust(len(rows), len(piece))
        yield piece
    if is_first:
        yield _lines([names])


def _arrow(running: RunningSql) -> Iterator[bytes]:
    pieces = running.arrow()
    # The schema alone would be the answer before the first row, and errors come with that.
    schema = next(pieces)
    for piece in pieces:
        yield schema + piece
        schema = b""


CHUNKS: Final[dict[str, Callable[[RunningSql], Iterator[bytes]]]] = {
    "json": _json,
    "ndjson": _ndjson,
    "csv": _csv,
    "arrow": _arrow,
    "parquet": RunningSql.parquet,
}


def _lines(rows: Sequence[Sequence[Any]]) -> bytes:
    return csv_lines([[_cell(v) for v in row] for row in rows])


def _cell(value: Any) -> Any:
    if value is None or type(value) is str:
        return value
    match value:
        case bool():
            return "true" if value else "false"
        case list() | dict():
            return dumps(value).decode()
        case _:
            return value


def _unique(names: Sequence[str]) -> list[str]:
    """The names with `_1`, `_2`, … added where one repeats: keys of an object."""
    result: list[str] = []
    for name in names:
        candidate, count = name, 0
        while candidate in result or (count and candidate in names):
            count += 1
            candidate = f"{name}_{count}"
        result.append(candidate)
    return result

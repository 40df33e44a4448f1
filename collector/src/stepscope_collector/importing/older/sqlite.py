"""Reads the SQLite databases of designs 000, 001 and 002, an execution at a time, and changes nothing."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from stepscope_collector.errors import BadRequest
from stepscope_collector.importing.older.requests import Requests, line_of
from stepscope_collector.importing.older.rows import (
    Extras,
    Line,
    Unreadable,
    read_execution,
    time_ns,
)
from stepscope_collector.importing.piece import Piece, Refused

__all__ = ["MAGIC", "read_sqlite"]

MAGIC: Final = b"SQLite format 3\x00"

_MAX_LINES: Final = 1_000_000
"""Log records of one execution in memory."""


@dataclass(frozen=True, slots=True)
class _Design:
    """What tells a design, and where its statements stand."""

    tables: frozenset[str]
    executions: str
    sql: str
    """Folder of the statements for executions and steps."""
    is_utc: bool = True
    is_stepped_by_id: bool = False
    has_steps: bool = True


# The first one whose tables are all there.
_DESIGNS: Final = (
    _Design(
        frozenset({"workflow_executions", "execution_steps"}), "workflow_executions", "000",
        is_stepped_by_id=True,
    ),
    _Design(frozenset({"executions", "node_executions"}), "executions", "001"),
    _Design(frozenset({"executions"}), "executions", "001", is_utc=False, has_steps=False),
)  # fmt: skip


@cache
def _sql(name: str) -> str:
    return files(__package__).joinpath("sql", f"{name}.sql").read_text("utf-8")


def read_sqlite(path: Path, zone: tzinfo) -> Iterator[Piece | Refused]:
    """Its executions as requests; a row that is none is refused alone.

    Args:
        path: the database; a program may have it open.
        zone: of times of design 002, which are local and name none.

    Raises:
        BadRequest: it cannot be read, or is of no design that is known.
    """
    try:
        address = f"file:{quote(str(path.absolute()))}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as database:
            database.text_factory = lambda text: text.decode("utf-8", "replace")
            database.row_factory = _named
            yield from _read(path, database, zone)
    except sqlite3.Error as error:
        raise BadRequest(f"{path} cannot be read: {error}", hint="is it whole?") from error


def _named(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


def _read(path: Path, database: sqlite3.Connection, zone: tzinfo) -> Iterator[Piece | Refused]:
    tables = {row["name"] for row in database.execute(_sql("tables"))}
    design = _design(path, tables)
    own = UTC if design.is_utc else zone
    whole = max(path.stat().st_size, 1)
    (found,) = database.execute(_sql(f"{design.sql}/count")).fetchall()
    requests = Requests()
    rows = database.execute(_sql(f"{design.sql}/executions"))
    for number, row in enumerate(rows, 1):
        done = whole * number // max(found["count"], 1)
        place = f"{design.executions} {row.get('id')!r}"
        try:
            record, extras = read_execution(
                row, _steps(database, design, row), own, is_stepped_by_id=design.is_stepped_by_id
            )
            if not design.has_steps:
                extras = _with_parts(database, tables, record.execution_id, extras, own)
        except Unreadable as error:
            yield Refused(place, str(error), done)
            continue
        yield from requests.add(record, extras, place, done)
    yield from requests.end(whole)


def _design(path: Path, tables: set[str]) -> _Design:
    for design in _DESIGNS:
        if design.tables <= tables:
            return design
    told = ", ".join(sorted(tables)[:10]) or "no tables"
    raise BadRequest(
        f"{path} is an SQLite database of no design that is known: it has {told}",
        hint="see docs/portable.md",
    )


def _steps(
    database: sqlite3.Connection, design: _Design, row: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    if not design.has_steps:
        return []
    return list(database.execute(_sql(f"{design.sql}/steps"), {"id": row.get("id")}))


def _with_parts(
    database: sqlite3.Connection,
    tables: set[str],
    execution_id: str,
    extras: Extras,
    zone: tzinfo,
) -> Extras:
    """With the params and log records of design 002."""
    params: dict[str, Any] = {}
    if "execution_params" in tables:
        params = {
            str(each["param_name"]): each["param_value"]
            for each in database.execute(_sql("002/params"), {"id": execution_id})
        }
    lines: list[Line] = []
    if "execution_logs" in tables:
        asked = {"id": execution_id, "most": _MAX_LINES + 1}
        for each in database.execute(_sql("002/logs"), asked):
            at_ns = time_ns(each["timestamp"], zone)
            if at_ns is None:
                raise Unreadable(f"a log record has timestamp={each['timestamp']!r}, no time")
            lines.append(line_of(each["sequence"], at_ns, each["log_type"], each["log_data"]))
        if len(lines) > _MAX_LINES:
            raise Unreadable(f"it has more than {_MAX_LINES} log records")
    seen = [extras.seen_ns or 0, *(line.at_ns for line in lines)]
    text = json.dumps(params, ensure_ascii=False, default=str) if params else None
    return replace(extras, params=text, lines=tuple(lines), seen_ns=max(seen) or None)

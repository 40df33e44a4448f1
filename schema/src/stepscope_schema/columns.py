"""The registry of tables and views: type, unit, OTLP field and meaning of every column.

Read from the comments of the DDL, which are the only place where a column is explained:

    tables:  `name type [not null] [default value],  -- meaning`
    views:   `expression as name,    -- type: meaning`

A contract test compares the registry with `duckdb_columns()` of a new database, the collector
writes the meanings there as comments, and docs/reference is generated from it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from stepscope_schema.load import Schema, Statement, load_schema

__all__ = ["Column", "Relation", "relations", "relations_of"]

_UNITS: Final = (
    ("_unix_nano", "ns since 1970-01-01 UTC"),
    ("_ns", "ns"),
    ("_at", "UTC"),
    ("_bytes", "By"),
)
"""Suffix of a column's name to its unit; the first that fits."""

_OTLP_FIELD = re.compile(
    r"\b((?:ResourceSpans|ScopeSpans|Span|Event|Link|Status|Resource|InstrumentationScope|LogRecord"
    r"|Metric|Sum|\w*DataPoint|Buckets)\.[a-z_]+)"
)
_TABLE = re.compile(r"create table if not exists \w+\.\w+ \(\n(.*)\n\)", re.DOTALL)
_VIEW_COLUMN = re.compile(r"(?:.*[\s.])?(\w+),?")
_VIEW_COMMENT = re.compile(r"([a-z]\w*(?:\(.*\))?(?:\[\])?): (.+)")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table or view."""

    name: str
    type: str
    """SQL type in lower case with single blanks."""
    meaning: str
    is_nullable: bool = True
    """False only for table columns that are `not null`."""

    @property
    def unit(self) -> str:
        """Unit of the values, from the suffix of the name; empty: none."""
        return next((unit for suffix, unit in _UNITS if self.name.endswith(suffix)), "")

    @property
    def otlp(self) -> tuple[str, ...]:
        """OTLP fields the column holds, as `Message.field`."""
        return tuple(_OTLP_FIELD.findall(self.meaning))


@dataclass(frozen=True, slots=True)
class Relation:
    """One table or view; `schema` is the DuckDB schema it stands in: stored, main or an older design's."""

    kind: Literal["table", "view"]
    schema: str
    name: str
    meaning: str
    columns: tuple[Column, ...]
    """In order; empty for a view whose columns have no comments, which the contract test refuses."""


@cache
def relations() -> tuple[Relation, ...]:
    """All tables and views of this version of the package, in order of creation."""
    return relations_of(load_schema())


def relations_of(schema: Schema) -> tuple[Relation, ...]:
    """All tables and views of `schema`, in order of creation.

    Raises:
        ValueError: a column of a table has no comment.
    """
    found = []
    for statement in schema.statements:
        if statement.kind == "tables" and (body := _TABLE.search(statement.sql)):
            columns = tuple(_table_columns(statement.name, body[1]))
            found.append(Relation("table", "stored", statement.name, statement.header, columns))
        elif statement.kind == "views":
            columns = tuple(_view_columns(statement))
            place, _, name = f"main.{statement.name}".rpartition(".")
            place = place.removeprefix("main.")
            found.append(Relation("view", place, name, statement.header, columns))
    return tuple(found)


def _split(line: str) -> tuple[str, str]:
    """Code and comment of a line, both without blanks around them."""
    code, _, comment = f"{line} ".partition("-- ")
    return code.strip(), comment.strip()


def _table_columns(table: str, body: str) -> Iterator[Column]:
    code, comments, depth = "", [], 0
    lines = [(text, comment) for text, comment in map(_split, body.splitlines()) if text]
    for number, (text, comment) in enumerate(lines, start=1):
        code = f"{code} {text}".strip()
        comments += [comment] if comment else []
        depth += text.count("(") - text.count(")")
        if depth or not (text.endswith(",") or number == len(lines)):
            continue
        name, _, definition = code.removesuffix(",").partition(" ")
        if not comments:
            raise ValueError(f"column {name} of ddl/tables/{table}.sql has no comment; explain it")
        definition = definition.partition(" default ")[0]
        sql_type = definition.removesuffix("not null").strip()
        # A struct over several lines: no blanks inside its brackets, as on one line.
        sql_type = sql_type.replace("( ", "(").replace(" )", ")")
        is_nullable = not definition.endswith("not null")
        yield Column(name, sql_type, " ".join(comments), is_nullable)
        code, comments = "", []


def _view_columns(statement: Statement) -> Iterator[Column]:
    for line in statement.sql.splitlines():
        code, comment = _split(line)
        name, described = _VIEW_COLUMN.fullmatch(code), _VIEW_COMMENT.fullmatch(comment)
        if name and described:
            yield Column(name[1], described[1], described[2])

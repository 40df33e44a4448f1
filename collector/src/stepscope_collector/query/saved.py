"""Queries that have a name: statements of users, kept in the store and run behind the guard each time.

They are no views of DuckDB: a view takes no parameters, and would hide from the guard what it reads.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from stepscope_collector.errors import BadRequest, NotFound, QueryRefused
from stepscope_collector.query.guard import check_statement, refusal
from stepscope_collector.query.load import sql
from stepscope_collector.query.nearest import unknown
from stepscope_collector.query.rows import fetch
from stepscope_collector.query.tree import parse_tree, walk
from stepscope_collector.store import Database, EngineError

__all__ = ["SavedQuery", "check_name", "check_query", "saved_queries", "saved_query"]

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,50}")


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """One saved query."""

    name: str
    statement: str
    params: Any
    """Names of its parameters."""
    description: str | None
    saved_at: int


def saved_queries(database: Database) -> list[SavedQuery]:
    """All of them, in order of their names."""
    with database.read() as connection:
        return fetch(connection, SavedQuery, sql("queries/list"), {"name": None})


def saved_query(database: Database, name: str) -> SavedQuery:
    """The one with this name; NotFound."""
    with database.read() as connection:
        found = fetch(connection, SavedQuery, sql("queries/list"), {"name": name})
    if found:
        return found[0]
    hint = "stepscope query list"
    if known := [query.name for query in saved_queries(database)]:
        hint = unknown("query", name, known).hint or hint
    raise NotFound(f"there is no query named {name!r}", hint=hint)


def check_name(name: str) -> None:
    """Nothing, when it can be the name of a query; BadRequest."""
    if not _NAME.fullmatch(name):
        raise BadRequest(
            f"{name!r} cannot name a query",
            hint="lower-case letters, digits and underscores, a letter first, at most 51",
        )


def check_query(database: Database, statement: str, timeout_s: float | None = None) -> list[str]:
    """The names of its parameters, when it is a statement that may run; QueryRefused, QueryTimeout."""
    with database.read_user_sql(timeout_s) as connection:
        checked = check_statement(connection, statement)
        if checked.kind != "select":
            raise QueryRefused("EXPLAIN cannot be saved", hint="save the SELECT")
        try:
            params = _parameters(parse_tree(connection, checked.sql))
            if not params:
                connection.sql(checked.sql)  # binds: unknown tables and columns are told now
        except EngineError as error:
            raise refusal(error) from error
    return params


def _parameters(tree: Mapping[str, Any]) -> list[str]:
    names = set()
    for node in walk(tree):
        if node.get("class") == "PARAMETER":
            name = str(node.get("identifier"))
            if name.isdigit():
                raise QueryRefused(
                    "parameters of a saved query have names", hint="write $name instead of ? or $1"
                )
            names.add(name)
    with suppress(KeyError):
        names.remove("")
    return sorted(names)

"""What user SQL may be: one statement that reads.

DuckDB's own parser says what a statement is, and a read-only transaction refuses what the parser's
type does not tell (a `with x as (delete …) select` is a SELECT). Both are needed: the transaction
lets CREATE TEMP, ATTACH, LOAD and CHECKPOINT pass. Files, extensions and settings are closed to the
whole process (store/engine.py).
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from stepscope_collector.errors import QueryRefused
from stepscope_collector.query.tokens import without_comments, without_literals
from stepscope_collector.store import Connection, EngineError

__all__ = ["Checked", "check_statement", "refusal"]

# They act, or run text that no check here has seen, and yet may stand in a SELECT.
_ACTING_FUNCTIONS: Final = (
    "checkpoint", "force_checkpoint", "query", "json_execute_serialized_sql", "write_log",
    "truncate_duckdb_logs", "enable_logging", "disable_logging", "enable_profiling",
    "disable_profiling", "create_external_resource", "register_external_resource",
    "register_external_resource_type", "deregister_external_resource",
    "destroy_external_resource", "sleep_ms", "python_map_function", "pandas_scan", "arrow_scan",
    "arrow_scan_dumb", "python_arrow_scan",
)  # fmt: skip
_ACTING: Final = re.compile(rf"\b({'|'.join(_ACTING_FUNCTIONS)})\s*\(", re.IGNORECASE)
_EXPLAIN: Final = re.compile(r"\s*explain\s+(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
# DuckDB 1.5 takes some of them for the SELECT they stand for.
_PRAGMA: Final = re.compile(r"(pragma|call)\b", re.IGNORECASE)
_ALLOWED: Final = "one SELECT, WITH … SELECT, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE or EXPLAIN"


@dataclass(frozen=True, slots=True)
class Checked:
    """A statement that may run; `sql` has no comments and no semicolon at its end."""

    kind: Literal["select", "explain"]
    sql: str


def check_statement(connection: Connection, statement: str) -> Checked:
    """The statement, when it is one that only reads.

    Raises:
        QueryRefused: no statement, several, one of another type, or one with an acting function;
            or the text cannot be parsed.
    """
    bare = without_comments(statement).strip().rstrip(";").rstrip()
    kind = _kind(connection, statement)
    if pragma := _PRAGMA.match(bare):
        kind = pragma[0].upper()
    if kind == "EXPLAIN":
        explained = _EXPLAIN.fullmatch(bare)
        # EXPLAIN ANALYZE runs what it explains; options and all else that is no SELECT goes too.
        try:
            is_select = explained is not None and _kind(connection, explained["rest"]) == "SELECT"
        except QueryRefused:
            is_select = False
        if not is_select:
            raise QueryRefused(
                "only EXPLAIN of a SELECT is allowed, without ANALYZE and options",
                hint="run the SELECT itself to see how long it takes",
            )
    elif kind != "SELECT":
        raise QueryRefused(f"{kind} statements are not allowed", hint=f"allowed: {_ALLOWED}")
    if acting := _ACTING.search(without_literals(statement)):
        raise QueryRefused(f"function {acting[1].lower()} is not allowed", hint="it does not read")
    return Checked("explain" if kind == "EXPLAIN" else "select", bare)


def _kind(connection: Connection, statement: str) -> str:
    try:
        parsed = connection.extract_statements(statement)
    except EngineError as error:
        raise refusal(error) from error
    if not parsed:
        raise QueryRefused("there is no statement", hint="for example: from executions")
    if len(parsed) > 1:
        raise QueryRefused(
            f"{len(parsed)} statements, limit 1", hint="send them one by one, without semicolons"
        )
    return str(parsed[0].type.name).removesuffix("_STATEMENT")


def refusal(error: Exception) -> QueryRefused:
    """The error for what DuckDB says, its hints kept; without advice that needs other settings."""
    message = str(error).partition("\n\nPossible solutions:")[0].strip()
    return QueryRefused(message)

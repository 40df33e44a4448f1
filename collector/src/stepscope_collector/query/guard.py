"""What user SQL may be: one statement that reads.

DuckDB's own parser says what a statement is and which functions it calls, and a read-only
transaction refuses what the parser's type does not tell (a `with x as (delete …) select` is a
SELECT). Both are needed: the transaction lets CREATE TEMP, ATTACH, LOAD and CHECKPOINT pass, and a
COMMIT would end it. So what is checked is the very text that runs, and never text as we read it:
DuckDB's words are not quite ours (names in backticks, blanks of no width).

Extensions, settings but the number of threads, and all files but DuckDB's own are closed to the whole process
(store/engine.py).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from stepscope_collector.errors import QueryRefused
from stepscope_collector.query.bounds import MAX_CHARACTERS, check_bounds
from stepscope_collector.query.endless import check_endless
from stepscope_collector.query.growth import check_growth
from stepscope_collector.query.shape import check_shape
from stepscope_collector.query.tokens import without_comments
from stepscope_collector.query.tree import Node, function_name, is_function, parse_tree, walk
from stepscope_collector.store import Connection, EngineError

__all__ = ["Checked", "check_statement", "refusal"]

# They act, or run text that no check here has seen, and yet may stand in a SELECT.
_ACTING_FUNCTIONS: Final = (
    "checkpoint", "force_checkpoint", "query", "json_execute_serialized_sql", "write_log",
    "truncate_duckdb_logs", "enable_logging", "disable_logging", "enable_profiling",
    "disable_profiling", "create_external_resource", "register_external_resource",
    "register_external_resource_type", "deregister_external_resource",
    "destroy_external_resource", "sleep_ms", "pg_sleep", "python_map_function", "pandas_scan",
    "arrow_scan", "arrow_scan_dumb", "python_arrow_scan",
)  # fmt: skip
# The database file and its log stay open to them, whatever the settings; and to open and close
# these a second time gives up the locks of the process on them (fcntl(2)): another process could
# then open the database beside this one.
_FILE_FUNCTIONS: Final = ("read_", "parquet_", "sniff_csv", "glob")
"""What the names of functions that open files begin with."""
# In FROM only what is known to make rows of its arguments or to tell about the database; among the
# others are query_table and histogram, which open a file that is named as a table.
_TABLE_FUNCTIONS: Final = (
    "range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree",
    "summary", "pragma_table_info", "pragma_show", "pragma_storage_info",
    "pragma_database_size", "pragma_collations", "pragma_version", "pg_timezone_names",
    "icu_calendar_names",
)  # fmt: skip
_CATALOG: Final = "duckdb_"
# They tell what others asked, or what nobody has to know; views of the same names, too.
_HIDDEN: Final = (
    "duckdb_secrets", "duckdb_logs", "duckdb_logs_parsed", "duckdb_log_contexts",
    "duckdb_prepared_statements", "duckdb_variables", "duckdb_connections", "duckdb_temporary_files",
    "duckdb_external_file_cache", "duckdb_secret_types", "pg_prepared_statements",
)  # fmt: skip
_FILE_NAME: Final = re.compile(r"[./\\*:~]")
"""What a name has that DuckDB may take for that of a file, and no table of ours."""
_EXPLAIN: Final = re.compile(r"\s*explain\s+(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
# DuckDB 1.5 takes some of them for the SELECT they stand for.
_PRAGMA: Final = re.compile(r"(pragma|call)\b", re.IGNORECASE)
_ALLOWED: Final = "one SELECT, WITH … SELECT, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE or EXPLAIN"
_INSTEAD: Final = {
    "LOAD": "INSTALL and LOAD are closed: an extension could do what user SQL may not, and fits one version of "
    "DuckDB; load it in a DuckDB of your own, with a copy made by stepscope backup",
    "ATTACH": "other files are closed; stepscope backup makes a copy that a DuckDB of your own can attach",
    "COPY": "files are closed; ask for the answer itself as csv or parquet",
    "EXPORT": "files are closed; stepscope export and stepscope backup write the history to files",
    "SET": "settings are those of the server (docs/configuration.md); a value is bound as a parameter",
    "DELETE": f"allowed: {_ALLOWED}; stepscope delete removes executions",
}
"""Type of a statement → what to do instead."""
_HINTS: Final = {
    "Values were not provided for the following parameters": "give each a value: -p NAME=VALUE on the command "
    "line, params over REST and MCP",
    "Table with name": "show tables names the views",
}
"""What DuckDB says → what helps."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A statement that may run; `sql` has no comments and no semicolon at its end."""

    kind: Literal["select", "explain"]
    sql: str


def check_statement(
    connection: Connection, statement: str, params: Mapping[str, Any] | None = None
) -> Checked:
    """The statement, when it is one that only reads; with the values of its parameters, if known.

    Raises:
        QueryRefused: no statement, several, one of another type, or one with an acting function;
            or the text cannot be parsed.
    """
    if len(statement) > MAX_CHARACTERS:
        raise QueryRefused(
            f"the statement has {len(statement)} characters, limit {MAX_CHARACTERS}",
            hint="bind long lists as a parameter: where list_contains($ids, execution_id)",
        )
    bare = without_comments(statement).strip().rstrip(";").rstrip()
    check_shape(bare)
    kind = _kind(connection, bare)
    selected = bare
    if pragma := _PRAGMA.match(bare):
        kind = pragma[0].upper()
    if kind == "EXPLAIN":
        explained = _EXPLAIN.fullmatch(bare)
        # EXPLAIN ANALYZE runs what it explains; options and all else that is no SELECT goes too.
        try:
            selected = explained["rest"] if explained is not None else ""
            is_select = _kind(connection, selected) == "SELECT"
        except QueryRefused:
            is_select = False
        if not is_select:
            raise QueryRefused(
                "only EXPLAIN of a SELECT is allowed, without ANALYZE and options",
                hint="run the SELECT itself to see how long it takes",
            )
    elif kind != "SELECT":
        hint = _INSTEAD.get(kind, f"allowed: {_ALLOWED}")
        raise QueryRefused(f"{kind} statements are not allowed", hint=hint)
    try:
        tree = parse_tree(connection, selected)
    except EngineError as error:
        raise refusal(error) from error
    for node in walk(tree):
        _check_node(node)
    check_bounds(tree)
    check_growth(tree)
    check_endless(tree, params or {})
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
    try:
        return str(parsed[0].type.name).removesuffix("_STATEMENT")
    except ValueError:  # DuckDB's client does not know all types: UPDATE EXTENSIONS
        return "unknown"


def _check_node(node: Node) -> None:
    if node.get("type") in ("BASE_TABLE", "SHOW_REF"):  # a dict in types of DuckDB 1.5
        table = str(node.get("table_name") or "")
        if _FILE_NAME.search(table):
            raise QueryRefused(f"table {table!r} is not allowed", hint="files are closed")
        if table.lower() in _HIDDEN:
            raise QueryRefused(f"table {table!r} is not allowed", hint="it tells of others")
    if is_function(node):
        name = function_name(node)
        if name in _ACTING_FUNCTIONS:
            raise QueryRefused(f"function {name} is not allowed", hint="it does not read")
        if name.startswith(_FILE_FUNCTIONS):
            raise QueryRefused(f"function {name} is not allowed", hint="files are closed")
    if node.get("type") == "TABLE_FUNCTION":
        name = function_name(node["function"])
        is_catalog = name.startswith(_CATALOG) and name not in _HIDDEN
        if name not in _TABLE_FUNCTIONS and not is_catalog:
            raise QueryRefused(
                f"function {name} is not allowed in FROM", hint="name the table or view itself"
            )


def refusal(error: Exception) -> QueryRefused:
    """The error for what DuckDB says, its hints kept; without advice that needs other settings."""
    message = str(error).partition("\n\nPossible solutions:")[0].partition(' Use "SET ')[0].strip()
    hints = (hint for piece, hint in _HINTS.items() if piece in message)
    return QueryRefused(message, hint=next(hints, None))

"""What an expression of a profile may be: a value made of one span's columns, and nothing else.

Expressions run inside the writer's statements, so more is closed to them than to user SQL
(`guard.py`): no subqueries, no aggregates, no functions that act, read settings or tell the time.
Functions are asked of DuckDB itself: only scalar ones that always give the same for the same.
"""

from collections.abc import Collection
from typing import Any, Final

from stepscope_collector.errors import QueryRefused
from stepscope_collector.query.growth import check_growth
from stepscope_collector.query.guard import refusal
from stepscope_collector.query.load import sql
from stepscope_collector.query.nearest import unknown
from stepscope_collector.query.tree import (
    Node,
    column,
    function_name,
    is_function,
    parse_tree,
    walk,
)
from stepscope_collector.store import Connection, EngineError

__all__ = ["ExpressionGuard"]

_CLASSES: Final = frozenset(
    {
        "BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT",
        "FUNCTION", "LAMBDA", "OPERATOR", "TYPE",
    }
)  # fmt: skip
# Macros hide what they call; these are known to call nothing but scalar functions.
_MACROS: Final = (
    "array_append", "array_pop_back", "array_pop_front", "array_prepend", "array_push_back",
    "array_push_front", "array_reverse", "array_to_string", "date_add", "days_in_month", "fdiv",
    "fmod", "if", "list_any_value", "list_append", "list_avg", "list_count", "list_first",
    "list_last", "list_max", "list_min", "list_prepend", "list_reverse", "list_string_agg",
    "list_sum", "map_contains_entry", "map_contains_value", "nullif", "split_part",
    "json_path", "unix_nano", "profile_word",
)  # fmt: skip
# DuckDB, 1.5 or 2.0, says that these always give the same; they tell the time or settings, or read
# text as a statement.
_REFUSED: Final = (
    "current_localtime", "current_localtimestamp", "current_setting", "getvariable",
    "json_deserialize_sql", "json_serialize_plan", "json_serialize_sql", "vector_type", "version",
)  # fmt: skip
_SPAN: Final = "s"
"""The name of the span among the tables."""
_MAX_CHARACTERS: Final = 20_000


class ExpressionGuard:
    """Checks expressions on one connection; nothing of them is run."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        found = connection.execute(sql("profiles/scalar_functions")).fetchall()
        self._functions = frozenset(name for (name,) in found).union(_MACROS).difference(_REFUSED)

    def check(self, expression: str, columns: Collection[str]) -> None:
        """Nothing, when the expression is one value made of the columns.

        Args:
            expression: SQL, its macros replaced.
            columns: names it may use.

        Raises:
            QueryRefused: several statements, a subquery, a function that is not allowed, an unknown
                name, or no expression at all.
        """
        if len(expression) > _MAX_CHARACTERS:
            raise QueryRefused(
                f"it has {len(expression)} characters with its macros, limit {_MAX_CHARACTERS}"
            )
        # Alone it has to be whole, and between brackets too: no `1) + (2`, `1 as x`, `1 -- x`.
        self._parse(f"select {expression}")
        tree = self._parse(f"select ({expression})")
        value = _only_value(tree)
        known = {name.lower() for name in columns}
        for node in walk(value):
            known |= _parameters(node)
        for node in walk(value):
            self._check_node(node, known)
        check_growth(tree)

    def _parse(self, text: str) -> Node:
        try:
            count = len(self._connection.extract_statements(text))
            if count != 1:
                raise QueryRefused(f"it is {count} statements, must be one expression")
            tree = parse_tree(self._connection, text)
        except EngineError as error:
            raise refusal(error) from error
        _only_value(tree)
        return tree

    def _check_node(self, node: Node, known: Collection[str]) -> None:
        kind = node.get("class")
        if kind is not None and kind not in _CLASSES:
            raise QueryRefused(
                f"{str(kind).lower().replace('_', ' ')} is not allowed in an expression"
            )
        if is_function(node) and function_name(node) not in self._functions:
            raise QueryRefused(
                f"function {function_name(node)} is not allowed in an expression",
                hint="it makes one value of one span, and always the same",
            )
        if kind == "COLUMN_REF":
            names = [str(name).lower() for name in node["column_names"]]
            name = names[1] if names[0] == _SPAN and len(names) > 1 else names[0]
            if name not in known:
                raise unknown("column", name, known)


def _only_value(tree: Node) -> Node:
    statement: Any = tree["statements"][0]["node"]
    values = statement.get("select_list") or []
    if statement.get("type") != "SELECT_NODE" or len(values) != 1:
        raise QueryRefused("it must be one value")
    value: Node = values[0]
    return value


def _parameters(node: Node) -> set[str]:
    if node.get("class") != "LAMBDA":
        return set()
    return {name for name in map(column, walk(node.get("lhs"))) if name}

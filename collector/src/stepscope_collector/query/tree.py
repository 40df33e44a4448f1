"""DuckDB's parse tree of a statement: its nodes, functions with their arguments, and literals.

The form is that of json_serialize_sql, which is not the same in DuckDB 1.5 and 2.0.
"""

import json
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from stepscope_collector.errors import QueryRefused
from stepscope_collector.store import Connection

__all__ = [
    "Node",
    "arguments",
    "column",
    "function_name",
    "is_function",
    "literal",
    "own_nodes",
    "parse_tree",
    "walk",
]

Node: TypeAlias = dict[str, Any]

_REFUSED: Final = '{"error":true'


def parse_tree(connection: Connection, select: str) -> Node:
    """The tree of a SELECT.

    Raises:
        QueryRefused: DuckDB has no tree of it, or it is nested deeper than about 300 expressions.
    """
    ((text,),) = connection.execute(
        "select json_serialize_sql($statement)", {"statement": select}
    ).fetchall()
    if text.startswith(_REFUSED):
        raise QueryRefused("the statement cannot be checked", hint="send a plain SELECT")
    try:
        tree: Node = json.loads(text)
    except RecursionError as error:
        raise QueryRefused(
            "the statement is nested too deeply", hint="use a list, IN or a CTE instead"
        ) from error
    return tree


def walk(tree: Any) -> Iterator[Node]:
    """All nodes of a tree, itself first."""
    left = [tree]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            yield node
            left.extend(node.values())
        elif isinstance(node, list):
            left.extend(node)


def own_nodes(select: Node) -> Iterator[Node]:
    """The nodes of a SELECT, without those of SELECTs within it."""
    waiting: list[Any] = [value for key, value in select.items() if key != "type"]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(node)
        elif isinstance(node, dict) and node.get("type") != "SELECT_NODE":
            yield node
            waiting.extend(node.values())


def is_function(node: Node) -> bool:
    """True for a call of a function or an operator that DuckDB knows as a function."""
    return node.get("class") == "FUNCTION"


def function_name(node: Node) -> str:
    """Name of the function a node calls, in small letters and without its schema."""
    return str(node.get("function_name", "")).lower()


def arguments(node: Node) -> list[Node]:
    """What a function is called with; names of arguments are left out."""
    if "arguments" in node:  # DuckDB 2.0
        return [argument["expression"] for argument in node["arguments"]]
    return list(node.get("children") or ())


def literal(node: Node) -> int | float | str | None:
    """The value of a literal number or text; None for all else."""
    if node.get("class") != "CONSTANT":
        return None
    if "literal" in node:  # DuckDB 2.0
        kind, value = node["literal"].get("kind"), node["literal"].get("text")
        if kind in {"INTEGER", "NUMERIC"}:
            return _number(value)
        return value if kind == "STRING" and isinstance(value, str) else None
    # DuckDB 1.5; numbers beyond 64 bits are in another form: no literals here.
    value = node.get("value", {}).get("value")
    return value if isinstance(value, int | float | str) and not isinstance(value, bool) else None


def column(node: Node) -> str | None:
    """First part of the name of a column, in small letters; None: it is none."""
    if node.get("class") != "COLUMN_REF":
        return None
    return str(node["column_names"][0]).lower()


def _number(text: object) -> int | float | None:
    try:
        return int(str(text))
    except ValueError:
        pass
    try:
        return float(str(text))
    except ValueError:
        return None

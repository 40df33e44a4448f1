"""How much work the planning of user SQL may be.

DuckDB binds a statement in one go that no interrupt stops and no memory limit sees. A few hundred
characters can ask for 2^30 columns (`select *, *` of itself, again and again), as many nested
fields, or as large an expression (each alias twice in the next). So what multiplies is counted in the
parse tree before the statement runs. Found by attack, DuckDB 2.0.0, 2026-11: each example in
tests/integration/rest/attacks.py made the process hang, take all memory, or end.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

from stepscope_collector.errors import QueryRefused
from stepscope_collector.query.short import MAX_SHORT, is_short
from stepscope_collector.query.tree import (
    Node,
    arguments,
    column,
    function_name,
    is_function,
    literal,
    own_nodes,
    walk,
)

__all__ = ["MAX_CHARACTERS", "check_bounds"]

MAX_CHARACTERS: Final = 100_000
"""Of a statement: 100,000 values in a list took 6 s to bind."""
_MAX_SELECTS: Final = 1000
_MAX_NAMES: Final = 20
_MAX_PARTS: Final = 50_000
_MAX_COLUMNS: Final = 1000
_MAX_FIELDS: Final = 100_000
_MAX_GROWTH: Final = 64
_HINT: Final = "write it as fewer steps"

# Functions whose result is longer than their argument, in a value that nothing counts.
_GROWING: Final = {
    "hex": 2, "to_hex": 2, "bin": 8, "to_binary": 8, "base64": 2, "to_base64": 2, "regexp_escape": 2,
    "json_quote": 2, "to_json": 2, "url_encode": 3, "string_split": 16, "str_split": 16,
    "string_to_array": 16, "split": 16, "regexp_split_to_array": 16, "string_split_regex": 16,
    "str_split_regex": 16, "regexp_extract_all": 16,
}  # fmt: skip
_NESTING: Final = (
    "struct_pack", "row", "struct_insert", "struct_update", "struct_concat", "list_zip", "array_zip",
    "map", "map_concat", "union_value", "array_value",
)  # fmt: skip
# Their time is the product of both lengths, and nothing stops them.
_COMPARING: Final = ("levenshtein", "editdist3", "jaro_similarity", "jaro_winkler_similarity")
_MAX_COMPARED: Final = 100
# These follow what is nested in a value, to the end of the stack: the process ends.
_BOTTOMLESS: Final = {"json_contains": "use json_extract or contains()"}
# These bind their second argument, and follow what is nested in it: at 4000 levels for 7 s and in 1.2 GB,
# at 40,000 to the end of the stack (2026-11).
_SHAPING: Final = ("from_json", "from_json_strict", "json_transform", "json_transform_strict")
_MAX_SHAPE: Final = 10_000
_MAX_LEVELS: Final = 100
_MAX_GROUPINGS: Final = 1000
# The first ends the process on deep values. The time of the others is the product of both lengths, and nothing
# stops it: a number of two million digits times itself took longer than 90 s.
_CLOSED_TYPES: Final = {
    "VARIANT": "use JSON", "BIGNUM": "use HUGEINT or DOUBLE", "VARINT": "use HUGEINT or DOUBLE",
}  # fmt: skip
# They plan or take apart a text that nobody has checked.
_PLANNING: Final = ("json_serialize_plan", "json_serialize_sql", "json_deserialize_sql")


def check_bounds(tree: Node) -> None:
    """Nothing, when the statement can be planned in a bounded time and memory.

    Raises:
        QueryRefused: something multiplies beyond its limit, or has no limit.
    """
    for node in walk(tree):
        _check_node(node)
    selects = [node for node in walk(tree) if node.get("type") == "SELECT_NODE"]
    if len(selects) > _MAX_SELECTS:
        raise QueryRefused(f"{len(selects)} SELECTs in a statement, limit {_MAX_SELECTS}")
    columns = fields = 1.0
    for select in selects:
        own = list(own_nodes(select))
        columns *= max(1, _stars(select, own))
        fields *= max(1, _fields(select, own))
        try:
            _check_aliases(select)
        except RecursionError as error:
            raise QueryRefused("the statement is nested too deeply", hint=_HINT) from error
    if columns > _MAX_COLUMNS:
        raise QueryRefused(
            f"the stars of the statement multiply columns by {columns:.10g}, limit {_MAX_COLUMNS}",
            hint="name the columns",
        )
    if fields > _MAX_FIELDS:
        raise QueryRefused(
            f"structs within structs have {fields:.10g} fields, limit {_MAX_FIELDS}", hint=_HINT
        )


def _check_node(node: Node) -> None:
    if node.get("materialized") == "CTE_MATERIALIZE_NEVER":
        raise QueryRefused(
            "NOT MATERIALIZED is not allowed", hint="leave it out: the engine decides by itself"
        )
    _check_type(node)
    if len(node.get("column_names") or ()) > _MAX_NAMES:
        raise QueryRefused(f"a name has more than {_MAX_NAMES} parts", hint=_HINT)
    if len(groupings := node.get("group_sets") or ()) > _MAX_GROUPINGS:
        raise QueryRefused(
            f"{len(groupings)} groupings by CUBE, ROLLUP or GROUPING SETS, limit {_MAX_GROUPINGS}",
            hint="group by fewer columns",
        )
    if not is_function(node):
        return
    name = function_name(node)
    if name in _SHAPING:
        _check_json_shape(name, arguments(node))
    if name in _PLANNING or "variant" in name:
        raise QueryRefused(f"function {name} is not allowed", hint="send the statement itself")
    if hint := _BOTTOMLESS.get(name):
        raise QueryRefused(f"function {name} is not allowed", hint=hint)
    if name in _COMPARING:
        _check_compared(name, arguments(node)[:2])


def _check_compared(name: str, texts: list[Node]) -> None:
    if any(is_short(each, _MAX_COMPARED) for each in texts) or all(map(is_short, texts)):
        return
    raise QueryRefused(
        f"function {name} compares texts of any length",
        hint=f"compare with a literal of at most {_MAX_COMPARED} characters, or left(…, {MAX_SHORT}) of both",
    )


def _check_type(node: Node) -> None:
    for name in (str(node.get("type_name", "")).upper(), node.get("id")):
        if isinstance(name, str) and (hint := _CLOSED_TYPES.get(name)):
            raise QueryRefused(f"type {name} is not allowed", hint=hint)


def _check_json_shape(name: str, given: list[Node]) -> None:
    shape = literal(given[1]) if len(given) > 1 else ""
    if not isinstance(shape, str) or len(shape) > _MAX_SHAPE:
        raise QueryRefused(
            f"the shape that {name} takes is no literal of at most {_MAX_SHAPE} characters",
            hint="write it out, or name the values with ->>",
        )
    if sum(map(shape.count, "[{")) > _MAX_LEVELS:
        raise QueryRefused(
            f"the shape that {name} takes has more than {_MAX_LEVELS} lists and objects", hint=_HINT
        )


def _tables(own: list[Node]) -> list[Node]:
    kinds = ("BASE_TABLE", "SUBQUERY", "TABLE_FUNCTION", "EXPRESSION_LIST", "COLUMN_DATA", "PIVOT")
    return [node for node in own if node.get("type") in kinds and "class" not in node]


def _stars(select: Node, own: list[Node]) -> int:
    """How many times as many columns as one of its tables a SELECT can have."""
    tables = len(_tables(own))
    stars = [node for node in own_nodes({"list": select.get("select_list")}) if _is_star(node)]
    return sum(1 if star.get("relation_name") else max(1, tables) for star in stars)


def _is_star(node: Node) -> bool:
    return node.get("class") == "STAR"


def _fields(select: Node, own: list[Node]) -> int:
    """How many values a SELECT puts into structs, whole rows among them."""
    names = {
        str(node.get(key, "")).lower() for node in _tables(own) for key in ("alias", "table_name")
    }
    count = 0
    for node in own_nodes({"list": select.get("select_list")}):
        if is_function(node) and function_name(node) in _NESTING:
            count += len(arguments(node))
        elif (name := column(node)) and len(node["column_names"]) == 1 and name in names:
            count += 1
    return count


def _check_aliases(select: Node) -> None:
    """An alias may stand in the expressions after it, and is put in there as a whole."""
    aliases: dict[str, tuple[float, float]] = {}
    for expression in select.get("select_list") or ():
        extent = _extent(expression, aliases)
        _check_extent(*extent)
        if alias := str(expression.get("alias") or "").lower():
            aliases[alias] = extent
    others = [value for key, value in select.items() if key not in {"type", "select_list"}]
    _check_extent(*_extent(others, aliases))


def _check_extent(parts: float, growth: float) -> None:
    if parts > _MAX_PARTS:
        raise QueryRefused(
            f"an expression has {parts:.10g} parts with its aliases, limit {_MAX_PARTS}",
            hint="compute it in a subquery, whose columns are computed once",
        )
    if growth > _MAX_GROWTH:
        raise QueryRefused(
            f"functions within functions make a value {growth:.10g} times as long, "
            f"limit {_MAX_GROWTH}",
            hint=_HINT,
        )


def _extent(node: Any, aliases: Mapping[str, tuple[float, float]]) -> tuple[float, float]:
    """How many parts an expression has with its aliases, and how much longer its value can be."""
    if isinstance(node, dict):
        name = column(node)
        if name is not None and name in aliases and len(node["column_names"]) == 1:
            return aliases[name]
        within = [
            _extent(value, aliases) for value in node.values() if isinstance(value, dict | list)
        ]
        factor = _GROWING.get(function_name(node), 1) if is_function(node) else 1
        parts = math.fsum(part for part, _ in within) + ("class" in node)
        return parts, factor * max((growth for _, growth in within), default=1.0)
    if isinstance(node, list):
        within = [_extent(value, aliases) for value in node]
        return math.fsum(part for part, _ in within), max((g for _, g in within), default=1.0)
    return 0.0, 1.0

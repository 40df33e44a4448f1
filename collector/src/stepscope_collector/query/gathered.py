"""What user SQL may do with the values that it puts together of many rows itself.

`string_agg`, `list` and their like make one value of many rows, as long as the engine's memory goes. A call
that takes long for one such value, or that makes a new one of it for each of 2048 rows, is neither interrupted
nor counted (DuckDB 2.0.0, 2026-11). What comes of a GROUP BY is as long as its groups and passes, except for
regular expressions.
"""

from collections.abc import Iterator
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

__all__ = ["REGULAR", "check_gathered"]

REGULAR: Final = (
    "regexp_matches", "regexp_full_match", "regexp_extract", "regexp_extract_all", "regexp_replace",
    "regexp_split_to_array", "regexp_split_to_table", "string_split_regex", "str_split_regex",
)  # fmt: skip
_GATHERING: Final = (
    "string_agg", "group_concat", "listagg", "list", "array_agg", "json_group_array",
    "json_group_object", "json_group_structure", "histogram",
)  # fmt: skip
# They put all values of a list into a hash table, 3 µs for each: ten millions took 12 to 50 s.
_HASHING: Final = (
    "list_distinct", "array_distinct", "list_unique", "array_unique", "list_intersect", "array_intersect",
    "list_has_any", "array_has_any", "list_has_all", "array_has_all", "&&", "@>", "<@", "map",
    "map_from_entries",
)  # fmt: skip
# They make a new value as long as what they are given: 2048 texts of 20 MB are 40 GB.
_APPENDING: Final = (
    "||", "concat", "concat_ws", "format", "printf", "replace", "list_concat", "list_cat", "array_concat",
    "array_cat", "list_append", "list_prepend", "array_append", "array_prepend", "array_push_back",
    "array_push_front", "list_resize", "array_resize",
)  # fmt: skip
# What they say of a value is short, however long it is.
_MEASURING: Final = (
    "length", "len", "strlen", "octet_length", "bit_length", "array_length", "md5", "sha1", "sha256", "hash",
    "list_sum", "list_avg", "list_min", "list_max", "list_count", "contains", "starts_with", "instr",
    "list_contains", "list_position", "cardinality", "first",
)  # fmt: skip


def check_gathered(tree: Node) -> None:
    """Nothing, when no slow function sees a value that the statement itself puts together.

    Raises:
        QueryRefused: one may.
    """
    selects = [node for node in walk(tree) if node.get("type") == "SELECT_NODE"]
    _check_texts(selects)
    names = _whole_names(selects)
    for select in selects:
        for call in own_nodes(select):
            if is_function(call):
                _check_call(call, names, select)


def _check_call(call: Node, names: set[str], select: Node) -> None:
    name = function_name(call)
    given = arguments(call)
    if name in _HASHING and any(_is_fed(each, names, select) for each in given):
        raise QueryRefused(
            f"{name} may look at a list of all rows that the statement puts together",
            hint="write list(distinct …), or group by, or compare rows with intersect and except",
        )
    if name not in _APPENDING:
        return
    fed = [each for each in given if _is_fed(each, names, None)]
    others = [each for each in given if not _is_fed(each, names, None)]
    if fed and any(_varies(each) for each in others):
        raise QueryRefused(
            f"{name} puts a value of all rows, which the statement puts together, into each row",
            hint=f"put left(…, {MAX_SHORT}) of it there, or leave the value in a column of its own",
        )


def _is_fed(argument: Node, names: set[str], own: Node | None) -> bool:
    """Whether a value of all rows can be in it: by its name, of a subquery, or in the SELECT `own` itself."""
    waiting: list[Any] = [(argument, own)]
    while waiting:
        node, select = waiting.pop()
        if isinstance(node, list):
            waiting.extend((each, select) for each in node)
        if not isinstance(node, dict):
            continue
        if node.get("type") == "SELECT_NODE":
            select = node
        if is_function(node) and (function_name(node) in _MEASURING or is_short(node)):
            continue
        if select is not None and _gathers_all(node, select):
            return True
        if any(str(part).lower() in names for part in _parts(node)):
            return True
        waiting.extend((each, select) for each in node.values())
    return False


def _varies(argument: Node) -> bool:
    """Whether it may have another value in each row."""
    return any(
        node.get("class") == "COLUMN_REF" or (is_function(node) and not arguments(node))
        for node in walk(argument)
    )


def _parts(node: Node) -> list[Any]:
    return list(node["column_names"]) if node.get("class") == "COLUMN_REF" else []


def _gathers_all(node: Node, select: Node) -> bool:
    """Whether a call makes one value of all rows of its SELECT."""
    if not _gathers(node) or node.get("distinct"):
        return False
    if is_function(node):
        groups = select.get("group_expressions") or ()
        by_column = any(column(part) is not None for part in walk(list(groups)))
        by_place = any(isinstance(literal(each), int) for each in groups)
        return (
            not by_column
            and not by_place
            and select.get("aggregate_handling") != "FORCE_AGGREGATES"
        )
    return not node.get("partitions")


def _whole_names(selects: list[Node]) -> set[str]:
    """Names of columns that may hold a value of all rows, aliases of aliases among them."""
    named = [
        (str(each.get("alias") or "").lower(), each, select)
        for select in selects
        for each in select.get("select_list") or ()
    ]
    loose: set[str] = set()
    for node in {id(node): node for select in selects for node in walk(select)}.values():
        listed = [str(name).lower() for name in _listed(node)]
        if not listed:
            continue
        query = node.get("query_node") or (node.get("subquery") or {}).get("node") or {}
        columns = query.get("select_list") or ()
        if len(columns) >= len(listed) and all(each.get("class") != "STAR" for each in columns):
            named += [(name, each, query) for name, each in zip(listed, columns, strict=False)]
        elif node.get("type") != "TABLE_FUNCTION":
            loose.update(listed)
    names: set[str] = set()
    while True:
        found = {name for name, each, select in named if _is_fed(each, names, select)}
        found |= loose if found else set()
        if found <= names:
            return names - {""}
        names |= found


def _listed(node: Node) -> list[Any]:
    """Names of columns in brackets after the name of a table or CTE."""
    aliases = node.get("aliases") if "query_node" in node else node.get("column_name_alias")
    return aliases or []


def _check_texts(selects: list[Node]) -> None:
    """A regular expression does not look at a text that the same statement has put together."""
    within = {id(select): {id(node) for node in walk(select)} for select in selects}
    gathering = [[node for node in own_nodes(select) if _gathers(node)] for select in selects]
    for select in selects:
        calls = [n for n in own_nodes(select) if is_function(n) and function_name(n) in REGULAR]
        if not calls:
            continue
        # of this SELECT itself, only what its own aliases name; of those it stands in, nothing
        is_fed = any(
            found and id(select) not in within[id(other)]
            for other, found in zip(selects, gathering, strict=True)
        )
        around = [each for each in selects if id(select) in within[id(each)]]
        names = {name for each in around for name in _gathered_names(each)}
        for call in calls:
            text = arguments(call)[0] if arguments(call) else {}
            if is_short(text):
                continue
            if is_fed or any(_gathers(node) or column(node) in names for node in walk(text)):
                raise QueryRefused(
                    f"{function_name(call)} may look at a text that the statement puts together",
                    hint=f"look at left(…, {MAX_SHORT}), or at the parts before they are put together",
                )


def _gathers(node: Node) -> bool:
    if is_function(node):
        return function_name(node) in _GATHERING
    is_window = str(node.get("type", "")).startswith("WINDOW")
    return is_window and str(node.get("function_name", "")).lower() in _GATHERING


def _gathered_names(select: Node) -> Iterator[str]:
    """Aliases in a SELECT for what it puts together."""
    for each in select.get("select_list") or ():
        if each.get("alias") and any(_gathers(node) for node in walk(each)):
            yield str(each.get("alias")).lower()

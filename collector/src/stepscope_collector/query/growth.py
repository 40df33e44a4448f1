"""How large one value may grow in user SQL.

DuckDB counts what it sorts, joins and groups against its memory limit, and can be interrupted
between vectors of 2048 rows. What a scalar function makes within a vector is neither counted nor
interrupted: `select list_sum(range(1000000000))` took 20 GB. So sizes stand in the statement as
literals, and all of them multiplied are limited. In FROM, range() and its like make rows, which
are as many as one likes.
"""

import math
import re
from typing import Final

from stepscope_collector.errors import QueryRefused
from stepscope_collector.query.tree import (
    Node,
    arguments,
    column,
    function_name,
    is_function,
    literal,
    walk,
)

__all__ = ["MAX_GROWTH", "check_growth"]

MAX_GROWTH: Final = 10_000
"""Characters, elements or repetitions; a vector of 2048 such lists of numbers has 160 MB."""

_ENDLESS: Final = 1e18
# The argument with the size, from 0. What it is applied to is so many times as large afterwards.
_REPEATING: Final = {"repeat": 1, "list_resize": 1, "array_resize": 1}
# The result is as large as this, whatever the other arguments are.
_SIZED: Final = {
    "lpad": 1, "rpad": 1, "bitstring": 1, "approx_top_k": 1, "reservoir_quantile": 2,
}  # fmt: skip
_OPTIONAL: Final = ("bitstring", "reservoir_quantile")
_RANGES: Final = ("range", "generate_series")
# The text that is put in, once or many times.
_INSERTING: Final = {
    "replace": 2, "regexp_replace": 2, "array_to_string": 1, "list_aggr": 2, "list_aggregate": 2,
    "array_aggr": 2, "array_aggregate": 2, "aggregate": 2,
}  # fmt: skip
_FORMATTING: Final = {
    "format": re.compile(r"\{(?P<spec>[^{}]*)(?P<computed>\{)?"),
    "printf": re.compile(r"%(?P<spec>[^%a-zA-Z*]*)(?P<computed>\*)?"),
}
_TRANSFORMING: Final = (
    "list_transform", "list_apply", "array_transform", "array_apply", "apply",
)  # fmt: skip
_REDUCING: Final = ("list_reduce", "array_reduce", "reduce")
_JOINING: Final = (
    "||", "concat", "concat_ws", "list_concat", "list_cat", "array_concat", "array_cat", "+",
    "list_append", "list_prepend", "array_append", "array_prepend", "array_push_back",
    "array_push_front", "format", "printf", "replace", "json_merge_patch", "struct_concat",
    "map_concat", "list_value", "list_pack", "array_value", "struct_pack", "row",
)  # fmt: skip
_LISTS: Final = ("list_value", "list_pack", "array_value")
# The first takes the product of both lengths in memory.
_REFUSED: Final = {"damerau_levenshtein": "use levenshtein", "editdist3": "use levenshtein"}


def check_growth(tree: Node) -> None:
    """Nothing, when no value can become much larger than those it is made from.

    Raises:
        QueryRefused: a size that is no literal, sizes over MAX_GROWTH, or a lambda that multiplies.
    """
    rows = {id(node.get("function")) for node in walk(tree) if node.get("type") == "TABLE_FUNCTION"}
    calls = [node for node in walk(tree) if is_function(node) and id(node) not in rows]
    for call in calls:
        if hint := _REFUSED.get(function_name(call)):
            raise QueryRefused(f"function {function_name(call)} is not allowed", hint=hint)
        _check_lambda(call)
    factor = math.prod(max(1.0, _factor(call)) for call in calls)
    size = max((_size(call) for call in calls), default=1)
    if factor > 1:
        size = max(size, _longest(tree))
        _check_recursion(tree, rows)
    if factor * size > MAX_GROWTH:
        raise QueryRefused(
            f"sizes in the statement multiply to {factor * size:.10g}, limit {MAX_GROWTH}",
            hint="use range() or repeat() in FROM, which makes rows, or smaller sizes",
        )


def _factor(call: Node) -> float:
    """How many times as large as its arguments the result of a call can be."""
    name = function_name(call)
    given = arguments(call)
    if name in _REPEATING:
        return _literal_size(name, given, _REPEATING[name])
    if name in _RANGES:
        numbers = [
            _literal_size(name, given, place, least=-_ENDLESS) for place in range(len(given))
        ]
        start, stop, step = [*([0.0] * (len(numbers) < 2)), *numbers, 1.0, 1.0][:3]
        return 1 + max(0.0, (stop - start) / (step or 1))
    if name in _INSERTING and len(given) > (place := _INSERTING[name]):
        inserted = literal(given[place])
        if isinstance(inserted, int | float):  # list_aggr(l, 'approx_top_k', 5)
            return float(inserted)
        if not isinstance(inserted, str):
            raise QueryRefused(
                f"the text that {name} puts in is no literal", hint="for example ', ' or '#'"
            )
        replaced = literal(given[1]) if name == "replace" else None
        return float(math.ceil(len(inserted) / max(1, len(str(replaced or "")))))
    if name in _TRANSFORMING:
        lists = (node for node in walk(given[1:]) if is_function(node))
        return math.prod(
            max(1.0, len(arguments(made))) for made in lists if function_name(made) in _LISTS
        )
    return 1.0


def _size(call: Node) -> float:
    """How large the result of a call can be, whatever it is called with; 1: not told."""
    name = function_name(call)
    given = arguments(call)
    if name in _SIZED and not (name in _OPTIONAL and len(given) <= _SIZED[name]):
        return _literal_size(name, given, _SIZED[name])
    if name in _FORMATTING:
        text = literal(given[0]) if given else None
        if not isinstance(text, str):
            raise QueryRefused(f"the format of {name} is no literal", hint="write it out")
        specs = list(_FORMATTING[name].finditer(text))
        if any(spec["computed"] for spec in specs):
            raise QueryRefused(f"{name} takes a width from an argument", hint="write it out")
        widths = (int(width) for spec in specs for width in re.findall(r"\d{1,20}", spec["spec"]))
        return max(widths, default=1)
    return 1


def _literal_size(name: str, given: list[Node], place: int, *, least: float = 0) -> float:
    value = literal(given[place]) if len(given) > place else 0
    if isinstance(value, str) or value is None:
        hint = "make rows with it in FROM" if name in _RANGES else "left() cuts a longer text"
        raise QueryRefused(
            f"argument {place + 1} of {name} is no literal number",
            hint=f"write a number up to {MAX_GROWTH}; {hint}",
        )
    return float(min(max(least, value), _ENDLESS))


def _longest(tree: Node) -> int:
    texts = (literal(node) for node in walk(tree))
    return max((len(text) for text in texts if isinstance(text, str)), default=1)


def _check_lambda(call: Node) -> None:
    """A lambda neither copies what is around it into each element nor doubles at each step."""
    name = function_name(call)
    if name not in _TRANSFORMING and name not in _REDUCING:
        return
    for function in arguments(call)[1:]:
        if not _parameters(function):
            continue
        used = [one for one in map(column, walk(function.get("expr"))) if one]
        own = {one for node in walk(function) for one in _parameters(node)}
        if name in _TRANSFORMING and (others := set(used) - own):
            raise QueryRefused(
                f"the lambda in {name} uses {min(others)} from around it",
                hint="it may use its parameters only; unnest the list in FROM instead",
            )
        joins = any(
            is_function(node) and function_name(node) in _JOINING
            for node in walk(function.get("expr"))
        )
        if name in _REDUCING and joins and len(used) > len(set(used)):
            raise QueryRefused(
                f"the lambda in {name} uses a parameter twice",
                hint="an aggregate such as list_sum or list_max may do",
            )


def _parameters(node: Node) -> set[str]:
    if node.get("class") != "LAMBDA":
        return set()
    return {name for name in map(column, walk(node.get("lhs"))) if name}


def _check_recursion(tree: Node, rows: set[int]) -> None:
    for node in walk(tree):
        if node.get("type") != "RECURSIVE_CTE_NODE":
            continue
        calls = (inner for inner in walk(node) if is_function(inner) and id(inner) not in rows)
        if any(_factor(call) > 1 for call in calls):
            raise QueryRefused(
                "a recursive CTE makes values larger at each step", hint="do it after the recursion"
            )

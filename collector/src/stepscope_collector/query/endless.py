"""What user SQL must not ask for, since it goes on long after an interrupt.

DuckDB looks for interrupts between vectors of 2048 values, and not while it plans. What is known to keep it
within one for minutes is refused here; what is not known is answered in time all the same, and counted
(store/time_limit.py). Each example stands in tests/integration/rest/attacks.py (DuckDB 2.0.0, 2026-11).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from stepscope_collector.errors import QueryRefused
from stepscope_collector.query.gathered import REGULAR, check_gathered
from stepscope_collector.query.tree import (
    Node,
    arguments,
    function_name,
    is_function,
    literal,
    walk,
)

__all__ = ["check_endless", "pattern_parts"]

_MAX_PARTS: Final = 1000
_MAX_FRAME: Final = 1000
# Planning grows with a high power of these: thirty correlated subqueries took longer than 12 s, sixty joined
# laterals too, forty laterals in laterals 4 s.
_MAX_JOINED: Final = 24
_MAX_SCALARS: Final = 16
_MAX_LEVELS: Final = 24

# They look at all values again for each row of a window that moves, or keep them in a tree.
_HOLISTIC: Final = ("mode", "entropy", "histogram", "histogram_exact", "approx_top_k")
_OF_LISTS: Final = ("list_aggr", "list_aggregate", "array_aggr", "array_aggregate", "aggregate")


def check_endless(tree: Node, params: Mapping[str, Any]) -> None:
    """Nothing, when no known way to keep the engine busy is in the statement.

    Args:
        tree: of the statement.
        params: values of its `$name` parameters, as far as they are known.

    Raises:
        QueryRefused: there is one.
    """
    _check_subqueries(tree)
    for node in walk(tree):
        if str(node.get("type", "")).startswith("WINDOW"):
            _check_window(node)
        if is_function(node):
            _check_list(node)
            if function_name(node) in REGULAR:
                _check_pattern(node, params)
    check_gathered(tree)


def pattern_parts(pattern: str) -> float:
    """How many parts a regular expression has once its counted repetitions are written out, about."""
    sizes = [[0.0]]  # of each bracket that is open: the sizes of its parts
    place = 0
    while place < len(pattern):
        sign = pattern[place]
        step = 1
        if sign == "\\":
            step = 2
            sizes[-1].append(1)
        elif sign == "[":
            step = _class_length(pattern, place)
            sizes[-1].append(1)
        elif sign == "(":
            sizes.append([0.0])
        elif sign == ")" and len(sizes) > 1:
            inner = sum(sizes.pop())
            sizes[-1].append(inner)
        elif counted := _COUNTED.match(pattern, place):
            step = len(counted[0])
            sizes[-1][-1] *= max(1.0, *(float(each) for each in counted.groups() if each))
        else:
            sizes[-1].append(1)
        place += step
    return sum(map(sum, sizes))


_COUNTED: Final = re.compile(r"\{(\d{1,9})(?:,(\d{0,9}))?\}")
_CLASS: Final = re.compile(r"\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]])*\]", re.DOTALL)


def _class_length(pattern: str, place: int) -> int:
    found = _CLASS.match(pattern, place)
    return len(found[0]) if found else 1


def _check_subqueries(tree: Node) -> None:
    for node in walk(tree):
        if node.get("type") != "SELECT_NODE":
            continue
        if (joined := sum(1 for _ in _joined(node.get("from_table")))) > _MAX_JOINED:
            raise QueryRefused(
                f"{joined} subqueries and functions in one FROM, limit {_MAX_JOINED}",
                hint="put some of them into a WITH",
            )
    scalars = sum(node.get("subquery_type") == "SCALAR" for node in walk(tree))
    if scalars > _MAX_SCALARS:
        raise QueryRefused(
            f"{scalars} subqueries that stand for a value, limit {_MAX_SCALARS}",
            hint="join, and use aggregates with filter (where …)",
        )
    if (levels := _levels(tree)) > _MAX_LEVELS:
        raise QueryRefused(
            f"SELECTs stand {levels} deep within each other, limit {_MAX_LEVELS}",
            hint="put them into a WITH, one after the other",
        )


def _joined(table: Any) -> Iterator[Node]:
    """The parts of a FROM that may look at those before them."""
    waiting = [table]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict):
            continue
        if node.get("type") in {"SUBQUERY", "TABLE_FUNCTION"}:
            yield node
        elif node.get("type") == "JOIN":
            waiting += [node.get("left"), node.get("right")]


def _levels(tree: Node) -> int:
    """How deep SELECTs stand within each other."""
    deepest = 0
    waiting: list[tuple[Any, int]] = [(tree, 0)]
    while waiting:
        node, level = waiting.pop()
        if isinstance(node, list):
            waiting.extend((each, level) for each in node)
        elif isinstance(node, dict):
            level += node.get("type") == "SELECT_NODE"
            deepest = max(deepest, level)
            waiting.extend((each, level) for each in node.values())
    return deepest


def _check_window(node: Node) -> None:
    name = str(node.get("function_name", "")).lower()
    if name not in _HOLISTIC:
        return
    is_whole = not node.get("orders") and (node.get("start"), node.get("end")) in _WHOLE
    before = literal(node.get("start_expr") or {})
    is_few = (
        node.get("start") == "EXPR_PRECEDING_ROWS"
        and node.get("end") == "CURRENT_ROW_ROWS"
        and isinstance(before, int)
        and before <= _MAX_FRAME
    )
    if not is_whole and not is_few:
        raise QueryRefused(
            f"{name} over a window that moves",
            hint=f"group by, or rows between {_MAX_FRAME} preceding and current row at most",
        )


_WHOLE: Final = (
    ("UNBOUNDED_PRECEDING", "CURRENT_ROW_RANGE"),
    ("UNBOUNDED_PRECEDING", "UNBOUNDED_FOLLOWING"),
)


def _check_list(call: Node) -> None:
    name = function_name(call)
    given = arguments(call)
    inner = name.removeprefix("list_").removeprefix("array_")
    if name in _OF_LISTS and len(given) > 1:
        aggregate = literal(given[1])
        if not isinstance(aggregate, str):
            raise QueryRefused(
                f"the aggregate that {name} takes is no literal", hint="for example 'sum'"
            )
        inner = aggregate.strip().lower()
    elif inner == name:
        return
    if inner in _HOLISTIC:
        raise QueryRefused(
            f"{inner} of a list is not allowed",
            hint=f"unnest the list in FROM and group, with {inner}(value)",
        )


def _check_pattern(call: Node, params: Mapping[str, Any]) -> None:
    given = arguments(call)
    pattern = given[1] if len(given) > 1 else {}
    if is_bound := pattern.get("class") == "PARAMETER":
        text = params.get(str(pattern.get("identifier")), "")
    else:
        text = literal(pattern)
    if not isinstance(text, str):
        if is_bound:
            return  # the engine says what is wrong with a number
        raise QueryRefused(
            f"the pattern of {function_name(call)} is no literal",
            hint="write it out or bind it as a parameter; contains() and LIKE take any text",
        )
    if (parts := pattern_parts(text)) > _MAX_PARTS:
        raise QueryRefused(
            f"a regular expression has {parts:.10g} parts with its repetitions, limit {_MAX_PARTS}",
            hint="use * or + in the place of counts",
        )

"""Filters of all faces: options, each for one comparison, and whole filters, as one tree (R010, R012).

An option is a name and a text, as it comes from a URL or a command line; option `filter` is a whole
filter of the language (docs/filters.md). All of them together are one condition on executions.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from stepscope_collector.errors import BadRequest, PermissionDenied
from stepscope_collector.query.filter import Bounds, compile_tree, parse_filter
from stepscope_collector.query.filter.fields import EXECUTION, named, paths
from stepscope_collector.query.filter.syntax import (
    And,
    Compare,
    Condition,
    Interval,
    Operator,
    Value,
    Visible,
    names_of,
)
from stepscope_collector.query.filter.values import is_relative, time_interval
from stepscope_collector.query.nearest import unknown
from stepscope_collector.query.statuses import canonical_status
from stepscope_collector.query.times import parse_duration_ns, parse_time_ns

__all__ = [
    "FIELDS",
    "ORDERS",
    "VISIBLE_TO",
    "Conditions",
    "Order",
    "compile_filter",
    "compile_start",
    "parse_order",
    "put",
]

_NAMED: Final = named(EXECUTION)
VISIBLE_TO: Final = "visible to"
"""An option that no request can name: what a token shows, as visible.py writes it."""
_OF_OTHERS: Final = frozenset({"never_succeeded_later"})
"""Fields that tell of other executions than the one they are asked of."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option: a comparison of a field of the language with the text that is given."""

    compared: str
    """Name of the field; empty: the text is a whole filter."""
    operator: Operator
    meaning: str
    example: str
    parse: Callable[[str, str, int], tuple[Value, ...]]
    """The values, from the text, the option's name and the time in nanoseconds."""

    def tree(self, text: str, name: str, now_ns: int) -> Condition | None:
        """What the option says; None: nothing."""
        if not self.compared:
            return parse_filter(text, now_ns)
        values = self.parse(text, name, now_ns)
        return Compare(_NAMED[self.compared], self.operator, values)


def _text(text: str, name: str, _now_ns: int) -> tuple[Value, ...]:
    if not text:
        raise BadRequest(f"{name} is empty", hint="give a value or leave the filter out")
    return (text,)


def _statuses(text: str, _name: str, _now_ns: int) -> tuple[Value, ...]:
    return tuple(sorted({canonical_status(word) for word in text.split(",")}))


def _duration(text: str, name: str, _now_ns: int) -> tuple[Value, ...]:
    nanoseconds = parse_duration_ns(text, name)
    return (Interval(nanoseconds, nanoseconds),)


def _time(text: str, name: str, now_ns: int) -> tuple[Value, ...]:
    if is_relative(text):
        return (time_interval(text, name, now_ns),)
    moment = parse_time_ns(text, name, now_ns)
    return (Interval(moment, moment),)


FIELDS: Final[Mapping[str, Option]] = {
    "filter": Option(
        "", "=", "A whole filter: fields, operators, and, or, not, lists, params by path, text"
        " anywhere; docs/filters.md.", "duration > 2s and params.customer = \"42\"", _text,
    ),
    "workflow": Option("workflow", "=", "Id or name of the workflow.", "checkout", _text),
    "status": Option(
        "status", "=", "Canonical status or an engine's word for it (error, completed, …);"
        " several with commas.", "failed,timed_out", _statuses,
    ),
    "trigger": Option(
        "trigger", "=", "What started it; cron and scheduled are schedule, http is webhook.",
        "schedule", _text,
    ),
    "started_after": Option(
        "start", ">=", "Started at this time or later: RFC 3339, a date, or a time ago.", "24h",
        _time,
    ),
    "started_before": Option(
        "start", "<", "Started before this time: RFC 3339, a date, or a time ago.",
        "2026-07-24T00:00:00Z", _time,
    ),
    "user": Option("user", "=", "Who it ran for.", "user-42", _text),
    "project": Option("project", "=", "Project of the workflow.", "shop", _text),
    "version": Option("version", "=", "Version of the workflow.", "2.3.1", _text),
    "dialect": Option("engine", "=", "Profile that mapped its spans.", "stepscope", _text),
    "service": Option("service", "=", "service.name of the sender.", "billing", _text),
    "error_type": Option(
        "error_type", "=", "Class of the error that ended it.", "ValueError", _text
    ),
    "parent": Option("parent", "=", "Execution that started it.", "0192f0c1-…", _text),
    "root": Option("root", "=", "Top of its tree of executions.", "0192f0c1-…", _text),
    "min_duration": Option("duration", ">=", "Took at least this long.", "1.5s", _duration),
    "max_duration": Option("duration", "<=", "Took at most this long.", "10m", _duration),
}  # fmt: skip

_SORTED: Final = {
    name: field for name, field in _NAMED.items() if field.order
}  # fmt: skip
ORDERS: Final[Mapping[str, str]] = {
    "started_at": "started_at",
    **{field.name: field.order.removeprefix("e.") for field in _SORTED.values()},
}
"""Order → column of view `executions`. Other names of the fields are taken, too."""
_TIMED: Final = "make_timestamp_ns({})"


@dataclass(frozen=True, slots=True)
class Conditions:
    """Conditions over view `executions` as `e`, joined by `and`, and what to bind."""

    where: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    is_costly: bool = False
    """Whether more is read than executions."""

    def __add__(self, other: "Conditions") -> "Conditions":
        return Conditions(
            self.where + other.where,
            {**self.params, **other.params},
            self.is_costly or other.is_costly,
        )


@dataclass(frozen=True, slots=True)
class Order:
    """Order of a list: by `column`, rows without value last, ties by execution_id upwards (R012)."""

    name: str = "started_at"
    is_descending: bool = True

    @property
    def column(self) -> str:
        """Column of view `executions`."""
        return _SORTED[self.name].order.removeprefix("e.")

    @property
    def is_time(self) -> bool:
        """Whether the column holds times; nanoseconds since the epoch stand for them."""
        return _SORTED[self.name].kind == "time"

    @property
    def is_count(self) -> bool:
        """Whether the column holds counts, of which many executions have the same."""
        return _SORTED[self.name].kind == "number"

    @property
    def is_text(self) -> bool:
        """Whether the column holds texts; else numbers."""
        return _SORTED[self.name].kind in {"text", "status", "trigger"}

    def __str__(self) -> str:
        return f"-{self.name}" if self.is_descending else self.name

    def after(self, value: int | str | None, execution_id: str) -> Conditions:
        """The rows that follow the row with `value` (None: no value) and that id."""
        column, sign = f"e.{self.column}", "<" if self.is_descending else ">"
        if value is None:
            where = f"({column} is null and e.execution_id > $execution_id)"
            return Conditions((where,), {"execution_id": execution_id})
        bound = self._bound("$value")
        where = (
            f"({column} {sign} {bound} or {column} is null"
            f" or ({column} = {bound} and e.execution_id > $execution_id))"
        )
        return Conditions((where,), {"value": value, "execution_id": execution_id})

    def until(self, cutoff: int | str) -> Conditions:
        """The rows not beyond the value `cutoff`."""
        sign = ">=" if self.is_descending else "<="
        where = f"e.{self.column} {sign} {self._bound('$cutoff')}"
        return Conditions((where,), {"cutoff": cutoff})

    def _bound(self, parameter: str) -> str:
        return _TIMED.replace("{}", parameter) if self.is_time else parameter


def parse_order(text: str) -> Order:
    """The order by a field of the filter language, upwards, or downwards with a minus in front.

    Raises:
        BadRequest: no field that has one value for each execution.
    """
    name = text.removeprefix("-")
    if name in _NAMED and name not in _SORTED:
        raise BadRequest(
            f"{name} gives no order: an execution may have several values of it, or none to sort by",
            hint=f"known: {', '.join(ORDERS)}, and paths such as params.customer",
        )
    if name not in _SORTED:
        raise unknown("order", name, [*ORDERS, *(f"{root}.…" for root in paths(EXECUTION))])
    return Order(name, text.startswith("-"))


def compile_filter(
    filters: Mapping[str, str], now_ns: int, bounds: Bounds | None = None
) -> Conditions:
    """The conditions that all `filters` hold.

    Args:
        filters: option → text.
        now_ns: what times ago are reckoned from.
        bounds: see compile_tree.

    Raises:
        BadRequest: an unknown option or status, a value that does not fit, or no filter.
    """
    return _compiled(_trees(filters, now_ns), bounds)


def compile_start(filters: Mapping[str, str], now_ns: int) -> Conditions | None:
    """Of the conditions on the start those that have to hold whatever else does; None: there are none.

    Raises:
        BadRequest: as of compile_filter.
    """
    start = _NAMED["start"]
    trees = [
        tree
        for tree in _trees(filters, now_ns)
        if isinstance(tree, Compare) and tree.field is start and _is_bounded(tree)
    ]
    return _compiled(trees) if trees else None


def _is_bounded(tree: Compare) -> bool:
    return all(isinstance(value, Interval) for value in tree.values)


def _trees(filters: Mapping[str, str], now_ns: int) -> list[Condition]:
    """Conditions that all have to hold."""
    trees: list[Condition] = []
    for name, text in filters.items():
        if name == VISIBLE_TO:
            user, workflow_ids = json.loads(text)
            trees.append(Visible(user, tuple(workflow_ids)))
            continue
        if (option := FIELDS.get(name)) is None:
            raise unknown("filter", name, FIELDS)
        tree = option.tree(text, name, now_ns)
        if isinstance(tree, And):
            trees += tree.conditions
        elif tree is not None:
            trees.append(tree)
    if VISIBLE_TO in filters:
        asked = {name for tree in trees for name in names_of(tree)}
        for name in sorted(asked & _OF_OTHERS):
            raise PermissionDenied(
                f"{name} tells of executions that a token of a user does not show"
            )
    return trees


def _compiled(trees: Sequence[Condition], bounds: Bounds | None = None) -> Conditions:
    if not trees:
        return Conditions()
    tree = trees[0] if len(trees) == 1 else And(tuple(trees))
    condition = compile_tree(tree, bounds=bounds)
    return Conditions((condition.sql,), condition.parameters, condition.is_costly)


def put(statement: str, conditions: Conditions, order: Order | None = None) -> str:
    """`statement` with the conditions, and the order, in the place of its marks (`/* filter */`, …)."""
    statement = statement.replace("true /* filter */", " and ".join(conditions.where) or "true")
    if order is not None:
        direction = "desc" if order.is_descending else "asc"
        statement = statement.replace("asc /* direction */", direction)
        statement = statement.replace("started_at /* column */", f"e.{order.column}")
        value = f"epoch_ns(e.{order.column})" if order.is_time else f"e.{order.column}"
        statement = statement.replace("epoch_ns(started_at) /* value */", value)
        if not order.is_time:
            statement = statement.replace("epoch_ns(min(value)) /* least */", "min(value)")
            statement = statement.replace("epoch_ns(max(value)) /* greatest */", "max(value)")
        statement = statement.replace(
            "execution_id /* order */", f"e.{order.column} {direction} nulls last, e.execution_id"
        )
    return statement

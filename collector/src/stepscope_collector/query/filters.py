"""The one filter grammar of all faces, compiled to conditions over view `executions` (R010, R012).

A filter is a mapping from field to text, as it comes from a URL or from command-line options.
Names of columns come from the closed lists here and nowhere else; values are bound.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from stepscope_collector.errors import BadRequest
from stepscope_collector.query.nearest import unknown
from stepscope_collector.query.statuses import canonical_status
from stepscope_collector.query.times import parse_duration_ns, parse_time_ns

__all__ = ["FIELDS", "ORDERS", "Conditions", "Order", "compile_filter", "parse_order", "put"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the grammar."""

    condition: str
    """Over the columns of view `executions`; `$field` is the value."""
    meaning: str
    example: str
    parse: Callable[[str, str, int], Any]
    """Value to bind, from the text, the field's name and the time in nanoseconds."""


def _text(text: str, field: str, _now_ns: int) -> str:
    if not text:
        raise BadRequest(f"{field} is empty", hint="give a value or leave the filter out")
    return text


def _statuses(text: str, _field: str, _now_ns: int) -> list[str]:
    return sorted({canonical_status(word) for word in text.split(",")})


def _duration(text: str, field: str, _now_ns: int) -> int:
    return parse_duration_ns(text, field)


def _time(text: str, field: str, now_ns: int) -> int:
    return parse_time_ns(text, field, now_ns)


FIELDS: Final[Mapping[str, Field]] = {
    "workflow": Field(
        "(e.workflow_id = $workflow or e.workflow_name = $workflow)",
        "Id or name of the workflow.", "checkout", _text,
    ),
    "status": Field(
        "list_contains($status, e.status)",
        "Canonical status or an engine's word for it (error, completed, …); several with commas.",
        "failed,timed_out", _statuses,
    ),
    "trigger": Field("e.trigger_type = $trigger", "What started it.", "schedule", _text),
    "started_after": Field(
        "e.started_at >= make_timestamp_ns($started_after)",
        "Started at this time or later: RFC 3339, a date, or a time ago.", "24h", _time,
    ),
    "started_before": Field(
        "e.started_at < make_timestamp_ns($started_before)",
        "Started before this time: RFC 3339, a date, or a time ago.", "2026-07-24T00:00:00Z", _time,
    ),
    "user": Field("e.user_id = $user", "Who it ran for.", "user-42", _text),
    "project": Field("e.project = $project", "Project of the workflow.", "shop", _text),
    "version": Field("e.workflow_version = $version", "Version of the workflow.", "2.3.1", _text),
    "dialect": Field(
        "e.dialect = $dialect", "Profile that mapped its spans.", "stepscope", _text
    ),
    "service": Field("e.service_name = $service", "service.name of the sender.", "billing", _text),
    "error_type": Field(
        "e.error_type = $error_type", "Class of the error that ended it.",
        "ValueError", _text,
    ),
    "parent": Field(
        "e.parent_execution_id = $parent", "Execution that started it.", "0192f0c1-…", _text
    ),
    "root": Field(
        "e.root_execution_id = $root", "Top of its tree of executions.", "0192f0c1-…", _text
    ),
    "min_duration": Field(
        "e.duration_ns >= $min_duration", "Took at least this long.", "1.5s", _duration
    ),
    "max_duration": Field(
        "e.duration_ns <= $max_duration", "Took at most this long.", "10m", _duration
    ),
}  # fmt: skip

ORDERS: Final[Mapping[str, str]] = {"started_at": "started_at", "duration": "duration_ns"}
"""Order → column of view `executions`."""

_VALUE: Final[Mapping[str, str]] = {
    "started_at": "make_timestamp_ns($value)",
    "duration_ns": "$value",
}
_CUTOFF: Final[Mapping[str, str]] = {
    "started_at": "make_timestamp_ns($cutoff)",
    "duration_ns": "$cutoff",
}


@dataclass(frozen=True, slots=True)
class Conditions:
    """Conditions over view `executions` as `e`, joined by `and`, and what to bind."""

    where: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)

    def __add__(self, other: "Conditions") -> "Conditions":
        return Conditions(self.where + other.where, {**self.params, **other.params})


@dataclass(frozen=True, slots=True)
class Order:
    """Order of a list: by `column`, rows without value last, ties by execution_id upwards (R012)."""

    name: str = "started_at"
    is_descending: bool = True

    @property
    def column(self) -> str:
        """Column of view `executions`."""
        return ORDERS[self.name]

    def __str__(self) -> str:
        return f"-{self.name}" if self.is_descending else self.name

    def after(self, value: int | None, execution_id: str) -> Conditions:
        """The rows that follow the row with `value` (nanoseconds; None: no value) and that id."""
        column, sign = f"e.{self.column}", "<" if self.is_descending else ">"
        if value is None:
            where = f"({column} is null and e.execution_id > $execution_id)"
            return Conditions((where,), {"execution_id": execution_id})
        number = _VALUE[self.column]
        where = (
            f"({column} {sign} {number} or {column} is null"
            f" or ({column} = {number} and e.execution_id > $execution_id))"
        )
        return Conditions((where,), {"value": value, "execution_id": execution_id})

    def until(self, cutoff: int) -> Conditions:
        """The rows not beyond the value `cutoff` in nanoseconds."""
        sign = ">=" if self.is_descending else "<="
        where = f"e.{self.column} {sign} {_CUTOFF[self.column]}"
        return Conditions((where,), {"cutoff": cutoff})


def parse_order(text: str) -> Order:
    """The order that `started_at`, `duration` (upwards), `-started_at` or `-duration` name.

    Raises:
        BadRequest: none of these.
    """
    name = text.removeprefix("-")
    if name not in ORDERS:
        raise unknown("order", text, [*ORDERS, *(f"-{known}" for known in ORDERS)])
    return Order(name, text.startswith("-"))


def compile_filter(filters: Mapping[str, str], now_ns: int) -> Conditions:
    """The conditions that all `filters` hold; `now_ns` is what times ago are reckoned from.

    Raises:
        BadRequest: an unknown field or status, or a value that does not fit its field.
    """
    where, params = [], {}
    for name, text in filters.items():
        if (known := FIELDS.get(name)) is None:
            raise unknown("filter", name, FIELDS)
        where.append(known.condition)
        params[name] = known.parse(text, name, now_ns)
    return Conditions(tuple(where), params)


def put(statement: str, conditions: Conditions, order: Order | None = None) -> str:
    """`statement` with the conditions, and the order, in the place of its marks (`/* filter */`, …)."""
    statement = statement.replace("true /* filter */", " and ".join(conditions.where) or "true")
    if order is not None:
        direction = "desc" if order.is_descending else "asc"
        statement = statement.replace("asc /* direction */", direction)
        statement = statement.replace("started_at /* column */", f"e.{order.column}")
        if order.column != "started_at":
            statement = statement.replace("epoch_ns(min(value)) /* least */", "min(value)")
            statement = statement.replace("epoch_ns(max(value)) /* greatest */", "max(value)")
        statement = statement.replace(
            "execution_id /* order */", f"e.{order.column} {direction} nulls last, e.execution_id"
        )
    return statement

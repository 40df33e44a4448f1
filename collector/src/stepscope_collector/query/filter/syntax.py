"""The typed tree that a filter is parsed into. Its values have passed the checks of their fields."""

from dataclasses import dataclass
from typing import Final, Literal

__all__ = [
    "MISSING",
    "And",
    "Compare",
    "Condition",
    "Field",
    "Flag",
    "Interval",
    "Kind",
    "Missing",
    "Nested",
    "Not",
    "Operator",
    "Or",
    "PathValue",
    "Place",
    "Rows",
    "Value",
]

Kind = Literal[
    "text", "status", "severity", "number", "duration", "time", "trace", "search", "path", "flag"
]
Operator = Literal["=", "<", "<=", ">", ">=", "~"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the values of a field stand."""

    columns: tuple[str, ...]
    """Expressions, each a value of the field; `{path}` is the parameter of a path."""
    within: str = "{}"
    """What makes of a test of the columns, put for `{}`, one of the row that is filtered."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the language. Its values are those of all its places; null is no value."""

    name: str
    kind: Kind
    places: tuple[Place, ...]
    meaning: str
    example: str
    """A whole filter."""
    aliases: tuple[str, ...] = ()
    order: str = ""
    """Column of view `executions` to sort by; empty: none."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that belong to an execution and are asked about with `name(…)`."""

    name: str
    fields: tuple[Field, ...]
    within: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Missing:
    """The value `none`."""


MISSING: Final = Missing()


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, both in it; None: open. Whole numbers, nanoseconds of times and durations."""

    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class PathValue:
    """A value to compare with what stands at a path."""

    text: str
    number: float | None = None
    """When it was written as a number, without quotes."""


Value = str | int | Missing | Interval | PathValue
"""int: of severities."""


@dataclass(frozen=True, slots=True)
class Compare:
    """Whether some value of the field compares so with one of the values."""

    field: Field
    operator: Operator
    values: tuple[Value, ...]
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Flag:
    """Whether a fact holds."""

    field: Field


@dataclass(frozen=True, slots=True)
class Nested:
    """Whether one of the rows holds the condition."""

    rows: Rows
    condition: "Condition"


@dataclass(frozen=True, slots=True)
class Not:
    """Whether the condition does not hold; what is unknown does not hold."""

    condition: "Condition"


@dataclass(frozen=True, slots=True)
class And:
    """Whether all conditions hold."""

    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Whether one of the conditions holds."""

    conditions: tuple["Condition", ...]


Condition = Compare | Flag | Nested | Not | And | Or

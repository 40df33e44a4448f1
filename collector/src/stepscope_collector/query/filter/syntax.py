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
    "Visible",
    "names_of",
]

Kind = Literal[
    "text",
    "status",
    "trigger",
    "severity",
    "number",
    "duration",
    "time",
    "trace",
    "search",
    "path",
    "flag",
]
Operator = Literal["=", "<", "<=", ">", ">=", "~"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the values of a field stand."""

    columns: tuple[str, ...]
    """Expressions, each a value of the field; `{path}` is the parameter of a path."""
    within: str = "{}"
    """What makes of a test of the columns, put for `{}`, one of the row that is filtered."""
    ids: str = ""
    """Or a select of the ids of the executions for which the test holds; `{attempts}`, `{payloads}`,
    `{spans}` and `{steps}` are relations (relations.py)."""


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
    ids: str
    """A select of the ids of the executions for a row of which `{}` holds; see Place."""
    meaning: str
    late: frozenset[str] = frozenset()
    """Fields of steps that the step has and its attempts have not, or otherwise."""


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


@dataclass(frozen=True, slots=True)
class Visible:
    """Whether the execution is one of the user or of the workflows, or below one that is.

    No text says it: the token of a request does (visible.py).
    """

    user: str
    workflow_ids: tuple[str, ...]


Condition = Compare | Flag | Nested | Not | And | Or | Visible


def names_of(condition: Condition) -> set[str]:
    """Names of the fields that a condition speaks of."""
    match condition:
        case And(conditions) | Or(conditions):
            return {name for inner in conditions for name in names_of(inner)}
        case Not(inner) | Nested(_, inner):
            return names_of(inner)
        case Compare(field) | Flag(field):
            return {field.name}
        case Visible():
            return set()

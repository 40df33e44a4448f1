"""What differs between two executions: facts, params and results, path, steps, logs (R152)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from stepscope_collector.query.attempts import steps_of
from stepscope_collector.query.load import sql
from stepscope_collector.query.place import Place, locate
from stepscope_collector.query.relatives import last_success
from stepscope_collector.query.rows import Cursor, Execution, Step, fetch
from stepscope_collector.query.step_pairs import StepComparison, change_at, pair_steps
from stepscope_collector.store import Database

__all__ = [
    "MAX_LINES",
    "MAX_VALUES",
    "Comparison",
    "Fact",
    "LineCounts",
    "PathComparison",
    "ValueDifference",
    "compare_executions",
]

MAX_VALUES: Final = 1000
"""Values that differ in an answer at most."""
MAX_LINES: Final = 1000
"""Log lines that differ in an answer at most."""
_READ: Final = 100_000
"""Values and lines of one execution that are looked at."""

_FACTS: Final = (
    "workflow_id", "workflow_name", "workflow_version", "project", "dialect", "service_name",
    "trigger_type", "user_id", "tags", "status", "duration_ns", "wait_ns", "error_type",
    "error_message", "exit_code", "try_count", "attempt_count", "failed_attempt_count",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fact:
    """A column of view `executions` in which two executions differ."""

    field: str
    left: str | None
    right: str | None


@dataclass(frozen=True, slots=True)
class ValueDifference:
    """A value among params, trigger data, input, output and attributes in which two differ."""

    kind: str
    path: str
    change: str
    left: str | None
    right: str | None


@dataclass(frozen=True, slots=True)
class PathComparison:
    """The steps of two executions in their order, by name."""

    is_same: bool
    common_count: int
    """So many steps at the beginning are the same."""
    left_next: str | None
    """The step of the left one after these; None: it ended there."""
    right_next: str | None


@dataclass(frozen=True, slots=True)
class LineCounts:
    """A log line, ids and numbers in it aside, that two executions did not log equally often."""

    step_name: str | None
    severity_number: int
    line: str
    left_count: int
    right_count: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two executions and what differs."""

    left: Execution
    right: Execution
    facts: list[Fact]
    values: list[ValueDifference]
    path: PathComparison
    steps: list[StepComparison]
    logs: list[LineCounts]
    truncated: tuple[str, ...]
    """Names of the lists that were cut."""


@dataclass(frozen=True, slots=True)
class _Leaf:
    kind: str
    path: str
    value: str | None


@dataclass(frozen=True, slots=True)
class _Digest:
    span_id: str | None
    kind: str
    digest: str


@dataclass(frozen=True, slots=True)
class _Line:
    step_name: str | None
    severity_number: int
    line: str
    count: int
    first_logged_at: int | None


def compare_executions(database: Database, left: str | None, right: str) -> Comparison:
    """What differs between two executions.

    Args:
        database: what is read.
        left: what is compared with; None: the last success of the workflow before the right one.
        right: the execution in question.

    Raises:
        NotFound: there is no such execution, or no success before it.
    """
    with database.read() as connection:
        reader: Cursor = connection
        right_place = locate(reader, right)
        right_row = right_place.execution
        if left is None:
            left = last_success(reader, right_row).execution_id
        left_place = locate(reader, left)
        left_row = left_place.execution
        values = _values(*(_leaves(reader, place) for place in (left_place, right_place)))
        steps = [_steps(reader, place) for place in (left_place, right_place)]
        bodies = [_bodies(reader, place) for place in (left_place, right_place)]
        logs = _lines(*(_line_counts(reader, place) for place in (left_place, right_place)))
    limits = (("values", values, MAX_VALUES), ("logs", logs, MAX_LINES))
    return Comparison(
        left_row,
        right_row,
        _facts(left_row, right_row),
        values[:MAX_VALUES],
        _path(*steps),
        pair_steps(steps[0], steps[1], bodies[0], bodies[1]),
        logs[:MAX_LINES],
        tuple(name for name, rows, limit in limits if len(rows) > limit),
    )


def _steps(reader: Cursor, place: Place) -> list[Step]:
    return steps_of(reader, place)


def _leaves(reader: Cursor, place: Place) -> dict[tuple[str, str], str | None]:
    params = {**place.bounds, "limit": _READ}
    rows = fetch(reader, _Leaf, sql("compare/leaves"), params)
    return {(row.kind, row.path): row.value for row in rows}


def _bodies(reader: Cursor, place: Place) -> dict[tuple[str, str], str]:
    rows = fetch(reader, _Digest, sql("compare/bodies"), place.bounds)
    return {(row.span_id, row.kind): row.digest for row in rows if row.span_id is not None}


def _line_counts(
    reader: Cursor, place: Place
) -> dict[tuple[str | None, int, str], tuple[int, float]]:
    params = {**place.bounds, "limit": _READ}
    rows = fetch(reader, _Line, sql("compare/log_lines"), params)
    return {
        (row.step_name, row.severity_number, row.line): (
            row.count,
            math.inf
            if row.first_logged_at is None
            else row.first_logged_at - place.first_unix_nano,
        )
        for row in rows
    }


def _facts(left: Execution, right: Execution) -> list[Fact]:
    return [
        Fact(name, _text(getattr(left, name)), _text(getattr(right, name)))
        for name in _FACTS
        if getattr(left, name) != getattr(right, name)
    ]


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _values(
    left: Mapping[tuple[str, str], str | None], right: Mapping[tuple[str, str], str | None]
) -> list[ValueDifference]:
    found = []
    for key in sorted(left.keys() | right.keys()):
        change = change_at(left, right, key)
        if change not in {"same", None}:
            found.append(ValueDifference(*key, str(change), left.get(key), right.get(key)))
    return found


def _path(left: Sequence[Step], right: Sequence[Step]) -> PathComparison:
    names = [[step.step_name for step in steps] for steps in (left, right)]
    common = 0
    while common < min(map(len, names)) and names[0][common] == names[1][common]:
        common += 1
    following = [each[common] if common < len(each) else None for each in names]
    return PathComparison(names[0] == names[1], common, *following)


def _lines(
    left: Mapping[tuple[str | None, int, str], tuple[int, float]],
    right: Mapping[tuple[str | None, int, str], tuple[int, float]],
) -> list[LineCounts]:
    """Lines that are not equally often in both, in the order in which either first logged them."""
    nothing = (0, math.inf)
    found = []
    for key in left.keys() | right.keys():
        (left_count, left_at), (right_count, right_at) = (
            left.get(key, nothing),
            right.get(key, nothing),
        )
        if left_count != right_count:
            found.append((min(left_at, right_at), LineCounts(*key, left_count, right_count)))
    found.sort(key=lambda each: (each[0], each[1].step_name or "", each[1].line))
    return [row for _, row in found]

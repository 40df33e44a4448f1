"""What a probe found, row by row, as text, Markdown or JSON."""

import json
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from tests.conformance.probe.check import Case, Outcome, Result
from tests.conformance.probe.rows import ABOUT, LEVELS, NOT_VISIBLE

__all__ = ["FORMATS", "Line", "as_json", "as_markdown", "as_text", "lines", "summary"]

_ORDER: Final[tuple[Result, ...]] = ("fail", "not offered", "pass", "not visible", "not asked")
"""Of the results of one row the first one counts."""


class Line(NamedTuple):
    """One row of the table."""

    row: str
    level: str
    about: str
    result: Result
    seen: str


def lines(found: Iterable[tuple[Case, Outcome]]) -> list[Line]:
    """A line per row of the checklist, in its order."""
    of_row: dict[str, list[Outcome]] = {row: [] for row in ABOUT}
    for case, outcome in found:
        for row in case.rows:
            of_row[row].append(outcome)
    return [_line(row, outcomes) for row, outcomes in of_row.items()]


def _line(row: str, outcomes: list[Outcome]) -> Line:
    result: Result = min(
        (outcome.result for outcome in outcomes), key=_ORDER.index, default="not visible"
    )
    seen = _joined(
        [outcome for outcome in outcomes if outcome.result == result],
        {outcome.way for outcome in outcomes},
    )
    if not outcomes:
        seen = NOT_VISIBLE.get(row, "not asked for")
    return Line(row, LEVELS[row], ABOUT[row], result, seen)


def _joined(outcomes: list[Outcome], all_ways: set[str]) -> str:
    """What was seen; by transport, where it differs."""
    ways: dict[str, dict[str, None]] = {}
    for outcome in outcomes:
        if outcome.seen:
            ways.setdefault(_one_line(outcome.seen), {})[outcome.way] = None
    return "; ".join(
        seen if over.keys() == all_ways else f"{', '.join(over)}: {seen}"
        for seen, over in ways.items()
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def summary(table: list[Line]) -> str:
    """How many rows ended how, in one line."""
    counts = {result: sum(line.result == result for line in table) for result in _ORDER}
    must = [line.row for line in table if line.result == "fail" and line.level == "M"]
    told = ", ".join(f"{count} {result}" for result, count in counts.items() if count)
    return f"{told}; required rows that fail: {', '.join(must) or 'none'}"


def as_text(table: list[Line]) -> str:
    """For a terminal."""
    width = max(len(line.about) for line in table)
    return "\n".join(
        f"{line.row:<4} {line.level}  {line.result:<12} {line.about:<{width}}  {line.seen}".rstrip()
        for line in table
    )


def as_markdown(table: list[Line]) -> str:
    """A table for a document."""
    head = ["| row | level | what | result | seen |", "|---|---|---|---|---|"]
    marks = {"fail": "**fail**"}
    return "\n".join(
        [
            *head,
            *(
                f"| {line.row} | {line.level} | {line.about} | {marks.get(line.result, line.result)} "
                f"| {cell(line.seen)} |"
                for line in table
            ),
        ]
    )


def cell(text: str) -> str:
    """Text that stays within one cell of a Markdown table, and is no markup."""
    escaped = "".join(f"\\{c}" if c in "\\|`*_<>[]" else c for c in text)
    return (
        escaped.encode("ascii", "backslashreplace").decode() if not text.isprintable() else escaped
    )


def as_json(table: list[Line]) -> str:
    """For programs: an array of objects."""
    return json.dumps([line._asdict() for line in table], indent=1)


FORMATS: Final[dict[str, Callable[[list[Line]], str]]] = {
    "text": as_text,
    "markdown": as_markdown,
    "json": as_json,
}

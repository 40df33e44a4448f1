"""Steps of an execution as a tree with a time bar per line.

Pure: takes rows of the views `steps` and `attempts`, returns placed lines and their text.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from stepscope_collector.present.text.cuts import foremost, left_out
from stepscope_collector.present.text.tables import Column, Screen, render_table
from stepscope_collector.present.text.values import (
    error_text,
    format_duration,
    one_line,
    parse_time,
)

__all__ = ["Bar", "Placed", "place_steps", "waterfall"]

Row = Mapping[str, Any]

_BAR_COLUMNS = 24
_MAX_NAME = 60
_MAX_ERROR = 80
_MAX_INDENT = 20
_QUIET = {"success", "skipped"}
_FIRST_TRIES, _LAST_TRIES = 3, 10
"""Attempts of one step that are shown where there are more."""


class Placed(NamedTuple):
    """One step or attempt and where it stands in the tree."""

    row: Row
    depth: int
    is_attempt: bool
    """A try of the step on the nearest line above that is a step."""


class Bar(NamedTuple):
    """The time the bars span, nanoseconds since the epoch."""

    start_ns: int
    end_ns: int

    def draw(self, started_at: str | None, ended_at: str | None) -> str:
        """A bar of fixed width; an open end reaches to the right edge."""
        if started_at is None:
            return ""
        span_ns = max(self.end_ns - self.start_ns, 1)
        start = min(max(parse_time(started_at) - self.start_ns, 0), span_ns)
        end = span_ns if ended_at is None else parse_time(ended_at) - self.start_ns
        end = min(max(end, start), span_ns)
        first = min(start * _BAR_COLUMNS // span_ns, _BAR_COLUMNS - 1)
        last = max(first + 1, -(-end * _BAR_COLUMNS // span_ns))
        fill = "█" * (last - first - 1) + ("▶" if ended_at is None else "█")
        return "·" * first + fill + "·" * (_BAR_COLUMNS - last)


def place_steps(steps: Sequence[Row], attempts: Sequence[Row]) -> list[Placed]:
    """The steps in depth-first order, siblings by their first start, with the tries of retried ones.

    A step's parent is the step one of whose attempts is its parent span; a step without such a
    parent stands at the left. Steps whose parents form a circle stand at the left as well.
    """
    step_of_span = {row["span_id"]: row["step_id"] for row in (*steps, *attempts)}
    ids = {step["step_id"] for step in steps}
    children: dict[str | None, list[Row]] = {}
    for step in sorted(steps, key=_order):
        parent = step_of_span.get(step["parent_span_id"])
        is_child = parent in ids and parent != step["step_id"]
        children.setdefault(parent if is_child else None, []).append(step)
    tries: dict[str, list[Row]] = {}
    for attempt in sorted(attempts, key=lambda row: (int(row["attempt"]), row["started_at"] or "")):
        tries.setdefault(attempt["step_id"], []).append(attempt)

    placed: list[Placed] = []
    seen: set[str] = set()

    def walk(roots: Sequence[Row]) -> None:
        waiting = [(step, 0) for step in reversed(roots)]
        while waiting:
            step, depth = waiting.pop()
            if step["step_id"] in seen:
                continue
            seen.add(step["step_id"])
            placed.append(Placed(step, depth, is_attempt=False))
            own = tries.get(step["step_id"], [])
            if len(own) > 1:
                placed.extend(Placed(attempt, depth + 1, is_attempt=True) for attempt in own)
            below = children.get(step["step_id"], [])
            waiting.extend((child, depth + 1) for child in reversed(below))

    walk(children.get(None, []))
    for step in sorted(steps, key=_order):
        walk([step])
    return placed


def waterfall(
    execution: Row,
    steps: Sequence[Row],
    attempts: Sequence[Row],
    screen: Screen,
    most: int | None = None,
) -> str:
    """The table of steps: name, status, duration, bar, error.

    Of more than `most` lines those of steps that did not succeed come first, then the first ones.
    """
    bar = _bar(execution, steps)
    columns = [
        Column("STEP", _name, is_cut=True),
        Column("STATUS", lambda line: line["row"]["status"], is_status=True),
        Column("DURATION", lambda line: format_duration(line["row"]["duration_ns"]), align="right"),
        Column("TIME", lambda line: _drawn(bar, line["row"])),
        Column("ERROR", _error, is_cut=True),
    ]
    every = [placed._asdict() for placed in place_steps(steps, attempts)]
    lines = every if most is None else _fewer_attempts(every)
    shown = foremost(lines, lambda line: line["row"]["status"] not in _QUIET, most)
    return (
        render_table(columns, shown, screen)
        + left_out(len(every) - len(lines), "attempts")
        + left_out(len(lines) - len(shown), "steps")
        + _outside(execution, steps)
    )


def _fewer_attempts(lines: Sequence[Row]) -> list[Row]:
    """The lines; of the tries of one step the first and the last ones."""
    kept: list[Row] = []
    for is_attempt, group in groupby(lines, key=lambda line: bool(line["is_attempt"])):
        tries = list(group)
        if is_attempt and len(tries) > _FIRST_TRIES + _LAST_TRIES:
            tries = tries[:_FIRST_TRIES] + tries[-_LAST_TRIES:]
        kept += tries
    return kept


def _outside(execution: Row, steps: Sequence[Row]) -> str:
    """A line about steps no part of which lies in the time of their execution; empty: there are none."""
    start, end = execution["started_at"], execution["ended_at"]
    if start is None:
        return ""
    count = sum(
        (step["ended_at"] is not None and parse_time(step["ended_at"]) < parse_time(start))
        or (
            end is not None
            and step["started_at"] is not None
            and parse_time(step["started_at"]) > parse_time(end)
        )
        for step in steps
    )
    if not count:
        return ""
    what = "1 step lies" if count == 1 else f"{count:,} steps lie"
    return f"{what} outside the time of the execution: the clocks of the senders differ, or work went on behind it\n"


def _bar(execution: Row, steps: Sequence[Row]) -> Bar:
    starts = [execution["started_at"], *(step["started_at"] for step in steps)]
    ends = [
        each[column]
        for each in (execution, *steps)
        for column in ("ended_at", "last_seen_at")
        if each.get(column)
    ]
    starts_ns = [parse_time(start) for start in starts if start]
    if not starts_ns:
        return Bar(0, 1)
    return Bar(min(starts_ns), max([min(starts_ns) + 1, *(parse_time(end) for end in ends)]))


def _drawn(bar: Bar, row: Row) -> str:
    if row["status"] != "lost" or not row.get("last_seen_at"):
        return bar.draw(row["started_at"], row["ended_at"])
    # It has no end, and nothing says that it still goes on.
    seen = bar.draw(row["started_at"], row["last_seen_at"])
    last = seen.rfind("█")
    return f"{seen[:last]}?{seen[last + 1 :]}" if last >= 0 else seen


def _order(step: Row) -> tuple[str, int, str]:
    started_at = step.get("first_started_at") or step["started_at"] or ""
    return started_at, int(step["step_index"] or 0), step["span_id"] or ""


def _name(line: Row) -> str:
    row: Row = line["row"]
    depth: int = line["depth"]
    if line["is_attempt"]:
        most = f" of {row['max_attempts']}" if row.get("max_attempts") else ""
        return f"{_indent(depth)}attempt {row['attempt']}{most}"
    count = int(row.get("attempt_count") or 1)
    name = one_line(str(row["step_name"]), _MAX_NAME)
    return _indent(depth) + name + (f" ({count} attempts)" if count > 1 else "")


def _indent(depth: int) -> str:
    """Blanks for the depth; far below, its number stands for the rest of them."""
    return "  " * min(depth, _MAX_INDENT) + (f"[{depth}] " if depth > _MAX_INDENT else "")


def _error(line: Row) -> str:
    return one_line(error_text(line["row"]), _MAX_ERROR)

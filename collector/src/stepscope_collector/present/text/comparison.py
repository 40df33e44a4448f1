"""What differs between two executions, and between two cohorts of them, for people."""

from collections.abc import Mapping
from typing import Any

from stepscope_collector.present.text.lists import severity_word
from stepscope_collector.present.text.tables import Column, Screen, bold, render_table
from stepscope_collector.present.text.values import (
    NO_VALUE,
    clean,
    format_duration,
    format_ratio,
    one_line,
)

__all__ = ["cohorts_text", "comparison_text"]

Row = Mapping[str, Any]

_MAX_CELL = 60
_CHANGES = {"only_left": "only left", "only_right": "only right"}


def comparison_text(document: Row, screen: Screen, *, is_all: bool = False) -> str:
    """The answer of `GET /api/compare`.

    Args:
        document: the answer.
        screen: what the text is for.
        is_all: steps that are the same, too.
    """
    left, right = document["left"], document["right"]
    parts = [
        f"{bold('Left', screen)}   {_who(left)}\n{bold('Right', screen)}  {_who(right)}\n",
        _section("Facts", document["facts"], _FACTS, screen),
        _section("Params, inputs and outputs", document["values"], _VALUES, screen),
        f"{bold('Path', screen)}\n  {_path(document['path'])}\n",
    ]
    steps = [row for row in document["steps"] if is_all or row["change"] != "same"]
    same = len(document["steps"]) - len(steps)
    text = _section("Steps", steps, _STEPS, screen)
    if same:
        text = text or bold("Steps", screen) + "\n"
        text += f"{same} more {'step is' if same == 1 else 'steps are'} the same but for the time\n"
    parts += [text, _section("Logs", document["logs"], _LOGS, screen)]
    return "\n".join(part for part in parts if part)


def cohorts_text(document: Row, screen: Screen) -> str:
    """The answer of `GET /api/cohorts`."""
    cohorts = document["cohorts"]
    text = (
        f"{bold('Cohort', screen)}   {clean(cohorts['cohort'])}: {cohorts['cohort_count']}\n"
        f"{bold('Against', screen)}  {clean(cohorts['against'])}: {cohorts['against_count']}\n"
    )
    if cohorts["is_truncated"]:
        text += "  only the newest of them are looked at\n"
    clear = [row for row in document["lifts"] if row["lift_low"] > 1]
    unclear = len(document["lifts"]) - len(clear)
    parts = [text, _section("Goes with the cohort", clear, _LIFTS, screen)]
    if not (cohorts["cohort_count"] and cohorts["against_count"]):
        parts.append("nothing to compare: one of them has no execution\n")
    elif not clear:
        parts.append(
            "nothing goes with the cohort for sure: no value, or too few executions have it\n"
        )
    elif unclear:
        parts.append("other values may, too, and may not: --format json lists them\n")
    return "\n".join(part for part in parts if part)


def _section(title: str, rows: list[Row], columns: list[Column], screen: Screen) -> str:
    if not rows:
        return ""
    return bold(title, screen) + "\n" + render_table(columns, rows, screen)


def _who(execution: Row) -> str:
    name = one_line(str(execution["workflow_name"]), _MAX_CELL)
    return f"{execution['execution_id']}  {name}  {execution['status']}"


def _path(path: Row) -> str:
    count = path["common_count"]
    steps = f"{count} step" if count == 1 else f"{count} steps"
    if path["is_same"]:
        return f"the same {steps}" if count else "no steps"
    ways = [
        "the end" if path[side] is None else one_line(str(path[side]), _MAX_CELL)
        for side in ("left_next", "right_next")
    ]
    return f"the same for {steps}, then {ways[0]} on the left, {ways[1]} on the right"


def _fact(row: Row, side: str) -> str | None:
    value = row[side]
    if value is not None and row["field"].endswith("_ns"):
        return format_duration(value)
    return _cell(value)


def _cell(value: Any) -> str | None:
    return None if value is None else one_line(str(value), _MAX_CELL)


def _pair(row: Row, name: str) -> str | None:
    """Both values, or the one that both have."""
    left, right = row[f"left_{name}"], row[f"right_{name}"]
    shown = [NO_VALUE if each is None else one_line(str(each), _MAX_CELL) for each in (left, right)]
    return shown[0] if left == right else " → ".join(shown)


def _step_name(row: Row) -> str:
    name = one_line(str(row["step_name"]), _MAX_CELL)
    return name if row["occurrence"] == 1 else f"{name} #{row['occurrence']}"


def _difference(row: Row) -> str | None:
    if row["difference_ns"] is None:
        return None
    difference = int(row["difference_ns"])
    sign = "+" if difference > 0 else "-" if difference < 0 else ""
    return sign + format_duration(abs(difference))


def _change(row: Row) -> str:
    return _CHANGES.get(row["change"], str(row["change"]))


_FACTS = [
    Column("FIELD", lambda row: row["field"]),
    Column("LEFT", lambda row: _fact(row, "left"), is_cut=True),
    Column("RIGHT", lambda row: _fact(row, "right"), is_cut=True),
]
_VALUES = [
    Column("KIND", lambda row: row["kind"]),
    Column("PATH", lambda row: _cell(row["path"])),
    Column("LEFT", lambda row: _cell(row["left"]), is_cut=True),
    Column("RIGHT", lambda row: _cell(row["right"]), is_cut=True),
]
_STEPS = [
    Column("STEP", _step_name, is_cut=True),
    Column("CHANGE", _change),
    Column("STATUS", lambda row: _pair(row, "status")),
    Column("ATTEMPTS", lambda row: _pair(row, "attempt_count"), align="right"),
    Column("LEFT", lambda row: format_duration(row["left_duration_ns"]), align="right"),
    Column("RIGHT", lambda row: format_duration(row["right_duration_ns"]), align="right"),
    Column("DIFFERENCE", _difference, align="right"),
    Column("INPUT", lambda row: _CHANGES.get(row["input"], row["input"])),
    Column("OUTPUT", lambda row: _CHANGES.get(row["output"], row["output"])),
    Column("ERROR", lambda row: _pair(row, "error"), is_cut=True),
]
_LOGS = [
    Column("LEFT", lambda row: row["left_count"], align="right"),
    Column("RIGHT", lambda row: row["right_count"], align="right"),
    Column("LEVEL", lambda row: severity_word(row["severity_number"])),
    Column("STEP", lambda row: _cell(row["step_name"])),
    Column("LINE", lambda row: _cell(row["line"]), is_cut=True),
]
_LIFTS = [
    Column("WHAT", lambda row: _cell(row["trait"])),
    Column("VALUE", lambda row: _cell(row["value"]), is_cut=True),
    Column("COHORT", lambda row: row["cohort_count"], align="right"),
    Column("AGAINST", lambda row: row["against_count"], align="right"),
    Column("SUPPORT", lambda row: format_ratio(row["support"]), align="right"),
    Column("SHARE", lambda row: format_ratio(row["share"]), align="right"),
    Column("LIFT", lambda row: f"{row['lift']:.2f}", align="right"),
    Column("AT LEAST", lambda row: f"{row['lift_low']:.2f}", align="right"),
]

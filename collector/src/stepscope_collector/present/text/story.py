"""What is told of one execution beside its steps, for people: where its time went, critical path."""

import math
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

from stepscope_collector.present.text.cuts import foremost, left_out
from stepscope_collector.present.text.tables import Column, Screen, bold, render_table
from stepscope_collector.present.text.values import (
    NO_VALUE,
    clean,
    error_text,
    format_duration,
    format_ratio,
    format_time,
    one_line,
)

__all__ = ["outlook_text", "path_text", "tree_text", "waits_text"]

Row = Mapping[str, Any]

_PARTS = (
    ("self", "self_ns", "steps at work"),
    ("child", "child_ns", "only child executions"),
    ("queue", "queue_ns", "steps in a queue"),
    ("back-off", "back_off_ns", "between attempts"),
    ("gap", "gap_ns", "nothing"),
)
_MAX_NAME = 60


def outlook_text(document: Row, zone: tzinfo | None) -> list[str]:
    """Facts about an execution in the light of its workflow: how much longer, the last success.

    Args:
        document: `estimate` and `last_success` as the read API answers them; either may be missing.
        zone: None: the zone of this machine.
    """
    lines = []
    if estimate := document.get("estimate"):
        if estimate["reason"] is not None:
            text = f"not known: {estimate['reason']}"
        else:
            text = (
                f"about {format_duration(estimate['left_p50_ns'])}, nine of ten end within "
                f"{format_duration(estimate['left_p90_ns'])} (of {estimate['longer_count']} that took "
                f"longer, among {estimate['history_count']} successes)"
            )
        lines.append(f"  {'time left':<14}{text}\n")
    if success := document.get("last_success"):
        lines.append(
            f"  {'last success':<14}{clean(success['execution_id'])}, "
            f"{format_time(success['started_at'], zone)}, "
            f"{format_duration(success['duration_ns'])}\n"
        )
    return lines


def waits_text(document: Row, screen: Screen, *, most: int | None = None) -> str:
    """The answer of `GET /api/executions/{id}/waits`; of more than `most` steps the longest."""
    waits: Row = document["waits"]
    text = bold("Where its time went", screen) + "\n"
    total = int(waits["total_ns"])
    for name, key, meaning in _PARTS:
        part = int(waits[key])
        share = format_ratio(part / total) if total else NO_VALUE
        text += f"  {name:<10}{format_duration(part):>10}  {share:>7}  {meaning}\n"
    steps: Sequence[Row] = document["steps"]
    if not steps:
        return text
    columns = [
        Column("STEP", lambda row: one_line(str(row["step_name"]), _MAX_NAME), is_cut=True),
        Column("ATTEMPTS", lambda row: row["attempt_count"], align="right"),
        _duration("TOTAL", "total_ns"),
        _duration("SELF", "self_ns"),
        _duration("STEPS", "steps_ns"),
        _duration("CHILD", "child_ns"),
        _duration("QUEUE", "queue_ns"),
        _duration("BACK-OFF", "back_off_ns"),
    ]
    shown = foremost(steps, lambda row: int(row["total_ns"]), most)
    return text + render_table(columns, shown, screen) + left_out(len(steps) - len(shown), "steps")


def path_text(document: Row, screen: Screen, *, most: int | None = None) -> str:
    """The answer of `GET /api/executions/{id}/critical-path`.

    Of more than `most` pieces the longest, and of more steps beside it those of the least slack.
    """
    path: Row = document["critical_path"]
    title = (
        f"Critical path ({format_duration(path['critical_ns'])} of "
        f"{format_duration(path['total_ns'])})"
    )
    begin = [
        Column("WHAT", lambda row: row["kind"].replace("_", "-")),
        Column("STEP", _who, is_cut=True),
        Column("ATTEMPT", lambda row: row["attempt"], align="right"),
        _duration("DURATION", "duration_ns"),
    ]
    segments: Sequence[Row] = document["segments"]
    pieces = foremost(segments, lambda row: int(row["duration_ns"]), most)
    text = bold(title, screen) + "\n" + render_table(begin, pieces, screen)
    text += left_out(len(segments) - len(pieces), "and shorter pieces")
    slacks: Sequence[Row] = [row for row in document["slacks"] if not row["is_critical"]]
    if not slacks:
        return text
    slack = Column("SLACK", lambda row: format_duration(row["slack_ns"]), align="right")
    shown = foremost(slacks, _tightness, most)
    columns = [Column("STEP", _who, is_cut=True), slack]
    aside = bold("Not on the critical path", screen) + "\n" + render_table(columns, shown, screen)
    return f"{text}\n{aside}" + left_out(len(slacks) - len(shown), "with more slack")


def _tightness(row: Row) -> float:
    return -math.inf if row["slack_ns"] is None else -int(row["slack_ns"])


def tree_text(document: Row, execution_id: str, screen: Screen, zone: tzinfo | None = None) -> str:
    """The answer of `GET /api/executions/{id}/tree`, with a mark at the execution itself."""
    columns = [
        Column("", lambda row: ">" if row["execution_id"] == execution_id else ""),
        Column("EXECUTION", lambda row: "  " * row["depth"] + row["execution_id"]),
        Column("WORKFLOW", lambda row: one_line(str(row["workflow_name"]), _MAX_NAME), is_cut=True),
        Column("STATUS", lambda row: row["status"], is_status=True),
        Column("STARTED", lambda row: format_time(row["started_at"], zone)),
        Column("DURATION", lambda row: format_duration(row["duration_ns"]), align="right"),
        Column("ERROR", lambda row: one_line(error_text(row), _MAX_NAME), is_cut=True),
    ]
    rows: Sequence[Row] = document["tree"]
    title = f"Tree ({len(rows)}{' and more' if document['is_truncated'] else ''})"
    text = bold(title, screen) + "\n" + render_table(columns, rows, screen)
    top = rows[0]["parent_execution_id"] if rows else None
    if top is not None and top not in {row["execution_id"] for row in rows}:
        text += f"started by {clean(str(top))}, which was not received\n"
    return text


def _duration(header: str, key: str) -> Column:
    return Column(
        header,
        lambda row: NO_VALUE if row[key] in {0, None} else format_duration(row[key]),
        align="right",
    )


def _who(row: Row) -> str | None:
    if row["child_execution_id"] is not None:
        return f"{one_line(str(row['step_name']), _MAX_NAME)} {row['child_execution_id']}"
    return None if row["step_name"] is None else one_line(str(row["step_name"]), _MAX_NAME)

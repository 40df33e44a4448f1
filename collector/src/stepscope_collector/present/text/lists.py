"""The tables of the commands that list things: executions, statistics, log records, results of SQL."""

import json
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

from stepscope_collector.present.text.tables import Column, Screen, paint_status, render_table
from stepscope_collector.present.text.values import (
    NO_VALUE,
    clean,
    error_text,
    format_duration,
    format_ratio,
    format_time,
    one_line,
    without_ansi,
)
from stepscope_collector.query.filter.fields import EXECUTION, named

__all__ = [
    "chosen_table",
    "dialect_table",
    "execution_table",
    "log_lines",
    "severity_word",
    "sql_table",
    "status_table",
    "step_stats_table",
    "workflow_stats_table",
]

Row = Mapping[str, Any]

# Longer values make a line of a table unreadable; the data formats have them whole.
_MAX_CELL = 120
_MAX_ERROR = 80


def execution_table(rows: Sequence[Row], screen: Screen, zone: tzinfo | None = None) -> str:
    """One line per execution: rows of the view `executions`."""
    columns = [
        Column("STATUS", lambda row: row["status"], is_status=True),
        Column("EXECUTION", lambda row: row["execution_id"]),
        Column("WORKFLOW", lambda row: row["workflow_name"], is_cut=True),
        Column("STARTED", lambda row: format_time(row["started_at"], zone)),
        Column("DURATION", lambda row: format_duration(row["duration_ns"]), align="right"),
        Column("ATTEMPTS", _attempts, align="right"),
        Column("ERROR", _error, is_cut=True),
    ]
    return render_table(columns, rows, screen)


def chosen_table(rows: Sequence[Row], screen: Screen, zone: tzinfo | None = None) -> str:
    """One line per execution: the columns that were chosen; all rows have the same ones."""
    names = list(rows[0]) if rows else []
    cells = [[_chosen_cell(name, row[name], zone) for name in names] for row in rows]
    return sql_table(names, cells, screen)


def _chosen_cell(name: str, value: Any, zone: tzinfo | None) -> Any:
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    kind = field.kind if (field := named(EXECUTION).get(name)) is not None else ""
    if value is not None and kind == "time":
        return format_time(value, zone)
    return format_duration(value) if value is not None and kind == "duration" else value


def status_table(rows: Sequence[Row], screen: Screen) -> str:
    """One line per status, with the number of its executions."""
    columns = [
        Column("STATUS", lambda row: row["status"], is_status=True),
        Column("EXECUTIONS", lambda row: str(row["count"]), align="right"),
    ]
    return render_table(columns, rows, screen)


def dialect_table(rows: Sequence[Row], screen: Screen) -> str:
    """One line per dialect: rows of the view `dialects`."""
    columns = [
        Column("DIALECT", lambda row: row["dialect"]),
        Column("ENGINE", lambda row: row["description"] or "", is_cut=True),
        Column("PROFILE", _origin),
        Column("EXECUTIONS", lambda row: str(row["execution_count"]), align="right"),
        Column("SPANS", lambda row: str(row["span_count"]), align="right"),
        Column("NOT EMITTED", lambda row: ", ".join(row["not_emitted"] or ()), is_cut=True),
    ]
    return render_table(columns, rows, screen)


def _origin(row: Row) -> str:
    if row["origin"] == "own":
        return str(row["source"])
    words = [row["origin"], *([row["version"]] if row["version"] else [])]
    return " ".join(words)


def workflow_stats_table(rows: Sequence[Row], screen: Screen) -> str:
    """One line per workflow: rows of the view `workflow_stats`."""
    columns = [
        Column("WORKFLOW", lambda row: row["workflow_name"], is_cut=True),
        *_counts("running", "other"),
        *_durations("p50", "p95", "p99", "max"),
    ]
    return render_table(columns, rows, screen)


def step_stats_table(rows: Sequence[Row], screen: Screen) -> str:
    """One line per workflow and step: rows of the view `step_stats`."""
    columns = [
        Column("WORKFLOW", lambda row: row["workflow_id"], is_cut=True),
        Column("STEP", lambda row: row["step_name"], is_cut=True),
        *_counts("running", "retries"),
        *_durations("p50", "p95", "p99", "total"),
    ]
    return render_table(columns, rows, screen)


def log_lines(rows: Sequence[Row], screen: Screen, zone: tzinfo | None = None) -> str:
    """One line per log record: time, severity, step, text; further lines of a text are indented."""
    lines = []
    for row in rows:
        severity = clean(row.get("severity_text") or severity_word(row.get("severity_number")))
        step = f"[{clean(row['step_name'])}] " if row.get("step_name") else ""
        text = clean(without_ansi(_body(row))).replace("\n", "\n    ")
        stream = (row.get("attributes") or {}).get("log.iostream")
        step += "stderr: " if stream == "stderr" else ""
        mark = {"ERROR": "failed", "FATAL": "failed", "WARN": "partial", "WARNING": "partial"}
        status = mark.get(severity.upper())
        word = f"{severity:<5}"
        shown = paint_status(status, screen, word) if status else word
        lines.append(f"{format_time(row['logged_at'], zone)} {shown} {step}{text}\n")
    return "".join(lines)


def sql_table(names: Sequence[str], rows: Sequence[Sequence[Any]], screen: Screen) -> str:
    """The result of SQL: `rows` hold one value per name; numbers are aligned right."""
    columns = [
        Column(
            name,
            lambda row, place=place: _sql_cell(row["values"][place]),  # type: ignore[misc] # the default binds the loop variable
            align="right" if _is_numeric(rows, place) else "left",
            is_cut=True,
        )
        for place, name in enumerate(names)
    ]
    return render_table(columns, [{"values": row} for row in rows], screen)


def _counts(*further: str) -> list[Column]:
    return [
        Column("COUNT", lambda row: row["count"], align="right"),
        Column("SUCCESS", lambda row: row["success"], align="right"),
        Column("FAILED", lambda row: row["failed"], align="right"),
        *(
            Column(name.upper(), lambda row, name=name: row[name], align="right")  # type: ignore[misc] # the default binds the loop variable
            for name in further
        ),
        Column("RATE", lambda row: format_ratio(row["success_rate"]), align="right"),
    ]


def _durations(*names: str) -> list[Column]:
    return [
        Column(
            name.upper(),
            lambda row, key=f"{name}_ns": format_duration(row[key]),  # type: ignore[misc] # the default binds the loop variable
            align="right",
        )
        for name in names
    ]


def _attempts(row: Row) -> str:
    failed = int(row["failed_attempt_count"])
    if row["ended_at"] is None and not row["attempt_count"]:
        return NO_VALUE  # those that go on are not counted yet
    return f"{row['attempt_count']}" + (f" ({failed} failed)" if failed else "")


def _error(row: Row) -> str:
    return one_line(error_text(row), _MAX_ERROR)


def _body(row: Row) -> str:
    body = row.get("body")
    return str(body) if body is not None else str(row.get("event_name") or "")


def severity_word(number: Any) -> str:
    """OTel's short name of a severity number (1 to 24); empty for 0, which is unspecified."""
    if not isinstance(number, int) or not 1 <= number <= 24:
        return ""
    return ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")[(number - 1) // 4]


def _sql_cell(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.15g}"
    return one_line(str(value), _MAX_CELL)


def _is_numeric(rows: Sequence[Sequence[Any]], place: int) -> bool:
    values = [row[place] for row in rows if row[place] is not None]
    return bool(values) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in values
    )

"""One execution in full, for people: facts, error, what went in and out, steps, children, logs."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import Any

from stepscope_collector.present.text.cuts import MAX_ROWS, foremost, left_out
from stepscope_collector.present.text.lists import execution_table, log_lines
from stepscope_collector.present.text.story import outlook_text
from stepscope_collector.present.text.tables import Screen, bold, paint_status
from stepscope_collector.present.text.values import (
    clean,
    error_text,
    format_bytes,
    format_duration,
    format_time,
)
from stepscope_collector.present.text.waterfall import waterfall

__all__ = ["dropped_text", "execution_text"]

Row = Mapping[str, Any]

_FACTS = (
    ("workflow", "workflow_name"),
    ("name", "execution_name"),
    ("version", "workflow_version"),
    ("project", "project"),
    ("trigger", "trigger_type"),
    ("user", "user_id"),
    ("session", "session_id"),
    ("service", "service_name"),
    ("dialect", "dialect"),
    ("native status", "status_native"),
    ("program", "program"),
    ("exit code", "exit_code"),
    ("tries", "try_count"),
    ("parent", "parent_execution_id"),
    ("retry of", "retry_of_execution_id"),
    ("continued from", "continued_from_execution_id"),
)
_MAX_BODIES = 50
"""Steps whose inputs and outputs are shown."""
_KINDS = {"params": 0, "trigger": 1, "input": 2, "output": 3, "attribute": 4}
"""In which order they are shown."""


def execution_text(
    document: Mapping[str, Any],
    screen: Screen,
    *,
    zone: tzinfo | None = None,
    max_body_lines: int = 20,
    is_full: bool = False,
) -> str:
    """The whole text of `GET /api/executions/{id}` with steps, attempts, payloads, children.

    Args:
        document: the answer; `logs` are shown when they are in it, and so are `estimate` and
            `last_success` of the same execution.
        screen: what the text is for.
        zone: None: the zone of this machine.
        max_body_lines: longer inputs and outputs are cut, saying so.
        is_full: cut nothing, and show all steps; else of many those that did not succeed come first.
    """
    most = None if is_full else MAX_ROWS
    max_lines = None if is_full else max_body_lines
    execution: Row = document["execution"]
    steps: Sequence[Row] = document.get("steps") or []
    attempts: Sequence[Row] = document.get("attempts") or []
    payloads: Sequence[Row] = document.get("payloads") or []
    missing: Sequence[Row] = document.get("not_emitted") or []
    facts = {**execution, "program": document.get("program")}
    parts = [_head(facts, missing, screen, zone) + "".join(outlook_text(document, zone))]
    parts += _failure(document, steps, screen)
    own, of_steps = _split(payloads, execution, steps, attempts)
    parts += _payload_parts("", own, screen, max_lines)
    if steps:
        table = waterfall(execution, steps, attempts, screen, most)
        parts.append(_titled(f"Steps ({len(steps)})", table, screen))
    troubled = _troubled(steps)
    shown = foremost(of_steps, lambda step: step[0] in troubled, None if is_full else _MAX_BODIES)
    for name, rows in shown:
        parts += _payload_parts(f"Step {name}: ", rows, screen, max_lines)
    if more := left_out(len(of_steps) - len(shown), "steps with inputs and outputs"):
        parts.append(more)
    if document.get("children"):
        table = execution_table(document["children"], screen, zone)
        parts.append(_titled(f"Child executions ({len(document['children'])})", table, screen))
    if document.get("logs"):
        parts.append(_titled("Logs", log_lines(document["logs"], screen, zone), screen))
    if document.get("logs_dropped"):
        parts.append(dropped_text(document["logs_dropped"]) + "\n")
    parts += _not_emitted(missing, screen)
    return "\n".join(parts)


def dropped_text(count: int) -> str:
    """That so many log records are missing, and why."""
    return f"{count} more log records were refused: limits.execution_log_records or execution_log_bytes"


def _not_emitted(missing: Sequence[Row], screen: Screen) -> list[str]:
    """Blanks that are no mistake: what the engine cannot tell, and why."""
    if not missing:
        return []
    width = max(len(row["field"]) for row in missing)
    text = "".join(
        f"  {clean(row['field'].replace('_', ' ')):<{width}}  {clean(row['reason'])}\n"
        for row in missing
    )
    return [_titled(f"Not emitted by {clean(missing[0]['engine'])}", text, screen)]


def _head(execution: Row, missing: Sequence[Row], screen: Screen, zone: tzinfo | None) -> str:
    lines = [
        bold(f"Execution {clean(execution['execution_id'])}", screen),
        f"  {'status':<14}{paint_status(execution['status'], screen)}",
    ]
    engines = {row["field"]: row["engine"] for row in missing}
    for label, column in _FACTS:
        value = execution.get(column)
        if value is None and column in engines:
            value = f"not emitted by {engines[column]}"
        # Our own SDK's words say the same as the status.
        is_noise = column == "status_native" and (
            execution["dialect"] == "stepscope" or value == execution["status"]
        )
        if value is not None and not is_noise:
            lines.append(f"  {label:<14}{clean(str(value))}")
    if execution.get("queued_at") is not None:
        waited = execution["wait_ns"]
        text = format_time(execution["queued_at"], zone)
        text += "" if waited is None else f", {format_duration(waited)} before its start"
        lines.append(f"  {'queued':<14}{text}")
    lines.append(f"  {'started':<14}{format_time(execution['started_at'], zone)}")
    if execution["ended_at"] is None:
        lines.append(f"  {'last seen':<14}{format_time(execution['last_seen_at'], zone)}")
    else:
        lines.append(f"  {'ended':<14}{format_time(execution['ended_at'], zone)}")
    lines.append(f"  {'duration':<14}{format_duration(execution['duration_ns'])}")
    if execution.get("tags"):
        tags = execution["tags"]
        lines.append(
            f"  {'tags':<14}{clean(', '.join(map(str, tags)) if isinstance(tags, list) else str(tags))}"
        )
    if execution.get("trace_id"):
        lines.append(f"  {'trace':<14}{execution['trace_id']}")
    return "\n".join(lines) + "\n"


def _raised_in(error_step: Row | None, steps: Sequence[Row]) -> Row | None:
    """The step the API names, else the failed one that ended first: those above only passed it on."""
    if error_step is not None:
        return next((step for step in steps if step["step_id"] == error_step["step_id"]), None)
    failed = [step for step in steps if step.get("error_stack")]
    return min(failed, key=lambda row: row["ended_at"] or "", default=None)


def _troubled(steps: Sequence[Row]) -> set[str]:
    """Names of the steps that did not succeed."""
    return {
        str(step["step_name"]) for step in steps if step["status"] not in {"success", "skipped"}
    }


def _child_that_failed(document: Row) -> Row | None:
    """The child execution that ended first with the same error."""
    execution: Row = document["execution"]
    failed = [
        row
        for row in document.get("children") or []
        if row["error_type"] and error_text(row) == error_text(execution)
    ]
    return min(failed, key=lambda row: row["ended_at"] or "", default=None)


def _failure(document: Row, steps: Sequence[Row], screen: Screen) -> list[str]:
    execution: Row = document["execution"]
    if not error_text(execution):
        return []
    text = _indent(clean(error_text(execution)))
    raised_in = _raised_in(document.get("error_step"), steps)
    child = None if raised_in is not None else _child_that_failed(document)
    if child is not None:
        who = f"{child['workflow_name']} {child['execution_id']}"
        text += f"  raised in child execution {clean(who)}\n"
    if execution.get("error_stack"):
        text += _indent(clean(execution["error_stack"]))
    elif raised_in is not None:
        text += f"  raised in step {clean(raised_in['step_name'])}\n"
        text += _indent(clean(raised_in["error_stack"] or "no stack was sent"))
    return [_titled("Error", text, screen)]


def _split(
    payloads: Sequence[Row], execution: Row, steps: Sequence[Row], attempts: Sequence[Row]
) -> tuple[list[Row], list[tuple[str, list[Row]]]]:
    """Payloads of the execution itself, and those of each step under its name, in order of steps.

    Live markers repeat what their span has, and a retried step mostly got the same input again:
    each content is shown once.
    """
    step_of_span = {row["span_id"]: row["step_id"] for row in (*attempts, *steps)}
    names = {row["span_id"]: str(row["step_name"]) for row in steps}
    for attempt in attempts:
        names.setdefault(attempt["span_id"], f"{attempt['step_name']} attempt {attempt['attempt']}")
    # The span that ended comes before its markers, the final attempt before the others.
    order = {span_id: place for place, span_id in enumerate([execution.get("span_id"), *names])}
    seen: set[tuple[Any, ...]] = set()
    own: list[Row] = []
    of_steps: dict[str, list[Row]] = {name: [] for name in names}
    for row in sorted(payloads, key=lambda row: order.get(row["span_id"], len(order))):
        span_id = row["span_id"]
        content = (step_of_span.get(span_id), row["kind"], row["key"], row["body"])
        if content not in seen:
            seen.add(content)
            of_steps.get(span_id, own).append(row)
    return own, [(names[span_id], rows) for span_id, rows in of_steps.items() if rows]


def _payload_parts(
    prefix: str, rows: Iterable[Row], screen: Screen, max_lines: int | None
) -> list[str]:
    parts = []
    ordered = sorted(rows, key=lambda row: (_KINDS.get(row["kind"], len(_KINDS)), row["key"]))
    params = {row["body"] for row in ordered if row["kind"] == "params"}
    inputs = {row["body"] for row in ordered if row["kind"] == "input"}
    for row in ordered:
        if row["kind"] == "input" and row["body"] in params:
            continue
        title = f"{prefix}{row['kind']}"
        if row["kind"] == "params" and row["body"] in inputs:
            title += " and input"
        if row["kind"] == "attribute":
            title += f" {clean(row['key'])}"
        if row["is_truncated"]:
            title += f" (cut by the sender; {format_bytes(row['size_bytes'])} whole)"
        parts.append(_titled(title[0].upper() + title[1:], _body(row, max_lines), screen))
    return parts


def _body(row: Row, max_lines: int | None) -> str:
    text = row["body"]
    if row["media_type"] == "application/json":
        try:
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        except ValueError:
            pass  # cut JSON is shown as it came
    lines = clean(text).split("\n")
    if max_lines is not None and len(lines) > max_lines:
        left = len(lines) - max_lines
        lines = [*lines[:max_lines], f"… {left} more lines; --full shows them"]
    return _indent("\n".join(lines))


def _titled(title: str, text: str, screen: Screen) -> str:
    return f"{bold(title, screen)}\n{text}"


def _indent(text: str) -> str:
    return "".join(f"  {line}".rstrip() + "\n" for line in text.rstrip("\n").split("\n"))

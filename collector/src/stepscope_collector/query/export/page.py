"""One execution as one HTML file that opens anywhere: no network, no script, dark and light (R094).

Everything in it that a sender wrote is text: escaped, control and direction characters written out. A
policy in the file forbids all else, should a browser see more in it than we do.
"""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final

from stepscope_collector import __version__
from stepscope_collector.query.export.plain import duration_text, plain, status_class, without_ansi
from stepscope_collector.query.rows import ErrorStep

__all__ = ["MAX_LOGS", "MAX_TEXT", "MAX_VALUES", "page"]

MAX_LOGS: Final = 5000
"""Log records on a page, the last ones; a browser has to lay them all out."""
MAX_TEXT: Final = 100_000
"""Characters of one value."""
MAX_ATTEMPTS: Final = 3000
MAX_VALUES: Final = 16_000_000
"""Characters of all inputs, outputs and the like together."""
_MAX_DEPTH: Final = 20

_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")
_FACTS: Final = (
    ("id", "execution_id"), ("name", "execution_name"), ("version", "workflow_version"),
    ("project", "project"), ("user", "user_id"), ("trigger", "trigger_type"),
    ("engine", "dialect"), ("service", "service_name"), ("queued", "queued_at"),
    ("started", "started_at"), ("ended", "ended_at"), ("last sign of life", "last_seen_at"),
    ("program", "program"), ("exit code", "exit_code"), ("parent", "parent_execution_id"), ("root", "root_execution_id"),
    ("retry of", "retry_of_execution_id"), ("trace", "trace_id"),
)  # fmt: skip

Row = Mapping[str, Any]


def page(
    document: Mapping[str, Any], error_step: ErrorStep | None = None, program: str | None = None
) -> str:
    """The file.

    Args:
        document: one of `documents`.
        error_step: the step that made it fail; None: none did.
        program: path of the program it stood for; None: not told.
    """
    execution: Row = document["execution"]
    room = _Room()
    title = f"{_plain(execution['workflow_name'])} · {_plain(execution['execution_id'])}"
    parts = [
        _head({**execution, "program": program}),
        _error(document, error_step),
        _waterfall(document),
        _params(document["params"]),
        _own_payloads(document, room),
        _steps(document, room),
        _logs(document["logs"]),
        f'<p class="note">Made by Stepscope {_text(__version__)}. Times are UTC.</p>',
    ]
    style = files(__package__).joinpath("page.css").read_text("utf-8")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="content-security-policy" content="{_POLICY}">'
        '<meta name="referrer" content="no-referrer">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title>\n<style>\n{style}</style></head>\n<body>\n"
        + "\n".join(part for part in parts if part)
        + "\n</body></html>\n"
    )


def _head(execution: Row) -> str:
    facts = [(name, execution[key]) for name, key in _FACTS if execution.get(key) is not None]
    duration = duration_text(execution["duration_ns"])
    facts += [("duration", duration)] if duration else []
    if execution.get("tags"):
        facts.append(("tags", ", ".join(map(str, execution["tags"]))))
    native = execution.get("status_native")
    said = f' <span class="note">({_text(native)})</span>' if native else ""
    return (
        f"<h1>{_text(execution['workflow_name'])} {_status(execution['status'])}{said}</h1>\n"
        + _list(facts)
    )


def _error(document: Mapping[str, Any], error_step: ErrorStep | None) -> str:
    execution: Row = document["execution"]
    if not (execution.get("error_type") or execution.get("error_message")):
        return ""
    kind, message = (_plain(execution.get(key) or "") for key in ("error_type", "error_message"))
    told = message if message.startswith(kind) else f"{kind}: {message}"
    lines = [f'<section class="error"><h2>Error</h2>{_pre(told)}']
    if error_step is not None:
        lines.append(
            f"<p>In step <strong>{_text(error_step.step_name)}</strong>, "
            f"attempt {error_step.attempt}.</p>"
        )
        for row in document["attempts"]:
            if row["step_id"] == error_step.step_id and row["attempt"] == error_step.attempt:
                lines.append(_pre(row["error_stack"]))
                break
    return "".join([*lines, "</section>"])


def _waterfall(document: Mapping[str, Any]) -> str:
    execution, attempts = document["execution"], document["attempts"]
    times = [
        at
        for row in (execution, *attempts)
        for name in ("queued_at", "started_at", "ended_at", "last_seen_at")
        if (at := _ns(row.get(name))) is not None
    ]
    if not attempts or not times:
        return ""
    first, whole = min(times), max(max(times) - min(times), 1)
    depths = _depths(attempts)
    rows = [
        _fall(row, depth, first, whole)
        for row, depth in zip(attempts[:MAX_ATTEMPTS], depths, strict=False)
    ]
    return (
        "<h2>Steps in time</h2>\n"
        + _cut(len(attempts), MAX_ATTEMPTS, "attempts", "first")
        + '<table class="falls"><thead><tr><th>step</th><th>'
        + f"{duration_text(whole)}</th><th>took</th></tr></thead><tbody>\n"
        + "\n".join(rows)
        + "</tbody></table>"
    )


def _fall(row: Row, depth: int, first: int, whole: int) -> str:
    start, end = _ns(row["started_at"]), _ns(row["ended_at"]) or _ns(row["last_seen_at"])
    bars = ""
    if start is not None:
        queued = _ns(row.get("queued_at"))
        if queued is not None and queued < start:
            bars += f'<div class="wait" style="{_place(queued, start, first, whole)}"></div>'
        bars += f'<div style="{_place(start, end or start, first, whole)}"></div>'
    again = f' <span class="note">attempt {row["attempt"]}</span>' if row["attempt"] > 1 else ""
    return (
        f'<tr><td class="name" style="padding-left:{0.5 + depth:.1f}rem">'
        f"{_text(row['step_name'])}{again}</td>"
        f'<td class="lane {status_class(row["status"])}"><div>{bars}</div></td>'
        f'<td class="n">{duration_text(row["duration_ns"]) or _status(row["status"])}</td></tr>'
    )


def _place(start: int, end: int, first: int, whole: int) -> str:
    left = min(max((start - first) / whole, 0), 1) * 100
    width = min(max((end - start) / whole, 0), 1) * 100
    return f"left:{left:.3f}%;width:{min(width, 100 - left):.3f}%"


def _depths(attempts: Sequence[Row]) -> list[int]:
    """How deep each stands below others of them, _MAX_DEPTH at most."""
    parents = {row["span_id"]: row["parent_span_id"] for row in attempts}
    depths = []
    for row in attempts:
        depth, above, seen = 0, row["parent_span_id"], {row["span_id"]}
        while above in parents and above not in seen and depth < _MAX_DEPTH:
            seen.add(above)
            depth, above = depth + 1, parents[above]
        depths.append(depth)
    return depths


def _params(params: Sequence[Row]) -> str:
    if not params:
        return ""
    return "<h2>Parameters</h2>\n" + _list(
        [(row["param_name"], row["param_value"]) for row in params]
    )


def _own_payloads(document: Mapping[str, Any], room: "_Room") -> str:
    """Values that came with no step: those of the execution."""
    of_steps = {row["span_id"] for row in document["attempts"]}
    own = [row for row in document["payloads"] if row["span_id"] not in of_steps]
    return "<h2>Inputs and outputs</h2>\n" + _values(own, room) if own else ""


class _Room:
    """What is left of MAX_VALUES."""

    def __init__(self) -> None:
        self._left = MAX_VALUES

    def take(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Those in front that there is room for."""
        for place, row in enumerate(rows):
            self._left -= min(len(row["body"]), MAX_TEXT)
            if self._left < 0:
                return rows[:place]
        return rows


def _values(payloads: Sequence[Row], room: _Room) -> str:
    shown = room.take(payloads)
    left_out = len(payloads) - len(shown)
    note = f'<p class="note">{left_out} values are left out; a bundle holds all.</p>'
    return "".join(
        f"<details{' open' if len(row['body']) < 400 else ''}><summary>{_text(row['kind'])}"
        f' <span class="note">{_text(row["key"])}, {row["size_bytes"]} bytes'
        f"{', cut by the sender' if row['is_truncated'] else ''}</span></summary>"
        f"{_pre(row['body'])}</details>"
        for row in shown
    ) + (note if left_out else "")


def _steps(document: Mapping[str, Any], room: _Room) -> str:
    if not document["attempts"]:
        return ""
    values: dict[str | None, list[Row]] = {}
    for row in document["payloads"]:
        values.setdefault(row["span_id"], []).append(row)
    whole = len(document["attempts"])
    told = [
        _attempt(row, values.get(row["span_id"], []), room)
        for row in document["attempts"][:MAX_ATTEMPTS]
    ]
    return "<h2>Attempts</h2>\n" + _cut(whole, MAX_ATTEMPTS, "attempts", "first") + "\n".join(told)


def _attempt(row: Row, payloads: Sequence[Row], room: _Room) -> str:
    tries = f" of {row['max_attempts']}" if row["max_attempts"] else ""
    facts = [
        (name, row[key])
        for name, key in (
            ("kind", "step_type"), ("queued", "queued_at"), ("started", "started_at"),
            ("ended", "ended_at"), ("error", "error_type"), ("message", "error_message"),
            ("span", "span_id"),
        )
        if row.get(key) is not None
    ]  # fmt: skip
    is_bad = row["status"] in ("failed", "timed_out", "lost")
    return (
        f"<details{' open' if is_bad else ''}><summary>{_text(row['step_name'])} "
        f"{_status(row['status'])} "
        f'<span class="note">attempt {row["attempt"]}{tries}, {duration_text(row["duration_ns"])}</span>'
        f"</summary>{_list(facts)}{_pre(row['error_stack'])}{_values(payloads, room)}</details>"
    )


def _logs(logs: Sequence[Row]) -> str:
    if not logs:
        return ""
    rows = [
        f'<tr><td class="n">{row["sequence"]}</td><td class="id">{_text(row["logged_at"])}</td>'
        f"<td>{_text(row['severity_text'])}</td><td>{_text(row['step_name'])}</td>"
        f"<td>{_text(row['event_name'])} {_line(row)}</td></tr>"
        for row in logs[-MAX_LOGS:]
    ]
    head = "<tr><th>#</th><th>time</th><th>level</th><th>step</th><th>message</th></tr>"
    return (
        "<h2>Log</h2>\n"
        + _cut(len(logs), MAX_LOGS, "log records", "last")
        + f"<table><thead>{head}</thead><tbody>\n"
        + "\n".join(rows)
        + "</tbody></table>"
    )


def _line(row: Row) -> str:
    stream = (row.get("attributes") or {}).get("log.iostream")
    mark = '<span class="note">stderr</span> ' if stream == "stderr" else ""
    return mark + _text(without_ansi(row["body"] or ""))


def _cut(whole: int, most: int, what: str, which: str) -> str:
    if whole <= most:
        return ""
    return f'<p class="note">The {which} {most} of {whole} {what}; a bundle holds all.</p>\n'


def _list(facts: Iterable[tuple[str, Any]]) -> str:
    rows = "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in facts)
    return f"<dl>{rows}</dl>"


def _pre(text: str | None) -> str:
    return "" if not text else f"<pre>{_text(text)}</pre>"


def _status(status: str) -> str:
    return f'<span class="status {status_class(status)}">{_text(status)}</span>'


def _text(value: object) -> str:
    return "" if value is None else html.escape(_plain(value))


def _plain(value: object) -> str:
    text = str(value)
    if len(text) > MAX_TEXT:
        text = f"{text[:MAX_TEXT]}… ({len(text)} characters in all; a bundle holds them)"
    return plain(text)


def _ns(written: str | None) -> int | None:
    found = _TIME.fullmatch(written or "")
    if found is None:
        return None
    second = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
    return int(second.timestamp()) * 10**9 + int((found[2] or "").ljust(9, "0"))

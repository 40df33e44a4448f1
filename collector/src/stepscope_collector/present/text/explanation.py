"""Why a span became what it is, for people."""

from collections.abc import Mapping
from typing import Any

from stepscope_collector.present.text.tables import Column, Screen, bold, render_table
from stepscope_collector.present.text.values import clean, one_line

__all__ = ["explanation_text"]

_MAX_CELL = 100

Row = Mapping[str, Any]


def explanation_text(document: Mapping[str, Any], screen: Screen) -> str:
    """The text of `GET /api/traces/{trace_id}/spans/{span_id}/explanation`."""
    return "\n".join(_span(each, screen) for each in document["spans"])


def _span(span: Row, screen: Screen) -> str:
    lines = [
        bold(f"Span {span['span_id']} {clean(span['name'])}", screen),
        f"  {'dialect':<11}{span['dialect']}{_changed(span)}",
        f"  {'role':<11}{span['role']}: {clean(span['role_reason'])}",
        f"  {'execution':<11}{clean(span['execution_id'])}: {clean(span['execution_reason'])}",
    ]
    if span["step_id"] is not None:
        lines.append(f"  {'step':<11}{clean(span['step_id'])}")
    if span["attempt"] is not None:
        lines.append(f"  {'attempt':<11}{span['attempt']}: {clean(span['attempt_reason'])}")
    if span["decides"]:
        lines.append(f"  {'decides':<11}{', '.join(span['decides'])} of the execution")
    parts = ["\n".join(lines) + "\n", _detection(span, screen)]
    if span["rules"]:
        parts.append(_table("Rules", _RULES, span["rules"], screen))
    parts.append(_table("Fields", _FIELDS, span["fields"], screen))
    return "\n".join(parts)


def _changed(span: Row) -> str:
    if span["detected_by"] == span["dialect"]:
        return ""
    return f" when it came; now {span['detected_by']} would map it: stepscope remap"


def _detection(span: Row, screen: Screen) -> str:
    """Those that match, and of the others those of whose attributes the span has any."""
    told, silent = [], 0
    for row in span["candidates"]:
        has_any = any(value is not None and "(" in name for name, value in row["reads"].items())
        if row["is_match"] or has_any:
            told.append(row)
        else:
            silent += 1
    text = _table("Detection, in the order in which profiles are asked", _CANDIDATES, told, screen)
    if silent:
        text += f"  {silent} more do not detect it, and read no attribute that it has\n"
    return text


def _reads(row: Row) -> str:
    told = [f"{name} = {value}" for name, value in row["reads"].items() if value is not None]
    absent = sum(value is None for value in row["reads"].values())
    return "; ".join([*told, *([f"{absent} absent"] if absent else [])])


_CANDIDATES = (
    Column("PROFILE", lambda row: row["dialect"]),
    Column("PRIORITY", lambda row: str(row["priority"]), align="right"),
    Column("WHY", lambda row: row["reason"]),
    Column("READS", lambda row: one_line(_reads(row), _MAX_CELL), is_cut=True),
)
_RULES = (
    Column("RULE", lambda row: row["name"]),
    Column("ROLE", lambda row: row["role"]),
    Column(
        "MET",
        lambda row: "chosen" if row["is_chosen"] else "yes, later" if row["is_match"] else "no",
    ),
    Column("WHEN", lambda row: one_line(row["condition"], _MAX_CELL), is_cut=True),
)
_FIELDS = (
    Column("FIELD", lambda row: row["field"]),
    Column("VALUE", lambda row: one_line(row["value"], _MAX_CELL), is_cut=True),
    Column("BY", lambda row: row["by"]),
    Column("EXPRESSION", lambda row: one_line(row["expression"], _MAX_CELL), is_cut=True),
)


def _table(title: str, columns: tuple[Column, ...], rows: list[Row], screen: Screen) -> str:
    table = render_table(columns, rows, screen)
    lines = "".join(f"  {line}" for line in table.splitlines(keepends=True))
    return f"{bold(title, screen)}\n{lines}"

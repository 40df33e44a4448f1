"""A document of names and values for people: sections, aligned names, tables for lists of rows."""

import json
from collections.abc import Mapping
from typing import Any

from stepscope_collector.present.text.tables import Column, Screen, bold, render_table
from stepscope_collector.present.text.values import NO_VALUE, clean, format_bytes, format_duration

__all__ = ["report_text"]


def report_text(document: Mapping[str, Any], screen: Screen) -> str:
    """Plain values first, then one section per mapping and one table per list of mappings."""
    plain = {name: value for name, value in document.items() if not _is_section(value)}
    parts = [_names(plain)] if plain else []
    for name, value in document.items():
        if _is_section(value):
            parts.append(bold(_label(name), screen) + "\n" + _section(value, screen))
    return "\n".join(parts)


def _is_section(value: Any) -> bool:
    return isinstance(value, Mapping) or _is_rows(value)


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _section(value: Any, screen: Screen) -> str:
    if isinstance(value, Mapping):
        return _names(value) if value else "  none\n"
    columns = [
        Column(
            clean(name).upper(),
            lambda row, name=name: _shown(name, row.get(name)),  # type: ignore[misc] # the default binds the loop variable
            align="right" if isinstance(value[0][name], int | float) else "left",
        )
        for name in value[0]
    ]
    lines = render_table(columns, value, screen).splitlines(keepends=True)
    return "".join(f"  {line}" for line in lines)


def _names(values: Mapping[str, Any], depth: int = 1) -> str:
    width = max(len(_label(name)) for name in values)
    lines = []
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            lines.append("  " * depth + _label(name) + "\n" + _names(value, depth + 1))
        else:
            lines.append("  " * depth + f"{_label(name):<{width}}  {_shown(name, value)}\n")
    return "".join(lines)


def _label(name: str) -> str:
    return clean(name).replace("_", " ")


def _shown(name: str, value: Any) -> str:
    """The value, with the unit its name ends with."""
    if value is None:
        return NO_VALUE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        if name.endswith("bytes"):
            return f"{value} ({format_bytes(value)})" if value >= 1024 else f"{value}"
        if name.endswith("_ns"):
            return format_duration(value)
        return f"{value}"
    return clean(value) if isinstance(value, str) else clean(json.dumps(value, ensure_ascii=False))

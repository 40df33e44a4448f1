"""Rows for people: aligned columns, status words in colour on a terminal.

No table library: importing one costs the start of every command more than these lines do, and the
one tried took seconds for an answer of 10,000 rows.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from stepscope_collector.present.text.values import NO_VALUE, clean

__all__ = ["Column", "Screen", "bold", "paint_status", "render_table", "text_width"]

_CODES = {
    "success": "32",
    "partial": "33",
    "failed": "1;31",
    "timed_out": "1;31",
    "lost": "35",
    "running": "36",
    "retrying": "36",
    "queued": "34",
    "waiting": "34",
}
_DIM = "2"
_GAP = "  "
_LEAST_CUT_WIDTH = 10


class Screen(NamedTuple):
    """What the text is for."""

    width: int | None = None
    """Columns of the terminal; None: no terminal, so no limit."""
    is_coloured: bool = False


class Column(NamedTuple):
    """One column of a table."""

    header: str
    show: Callable[[Mapping[str, Any]], Any]
    """The cell of a row: text, or None for no value."""
    align: Literal["left", "right"] = "left"
    is_status: bool = False
    is_cut: bool = False
    """Cut with an ellipsis when the terminal is narrow."""


def text_width(text: str) -> int:
    """Columns the text takes on a terminal: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.combining(char) or unicodedata.category(char) in {"Cf", "Me"}
        else 2
        if unicodedata.east_asian_width(char) in "WF"
        else 1
        for char in text
    )


def paint_status(word: str, screen: Screen, text: str | None = None) -> str:
    """`text` (the word itself if None) in the colour of the status; dim if it needs no attention."""
    return _paint(text or word, _CODES.get(word, _DIM), screen)


def bold(text: str, screen: Screen) -> str:
    """The text in bold where there is colour."""
    return _paint(text, "1", screen)


def render_table(
    columns: Sequence[Column], rows: Sequence[Mapping[str, Any]], screen: Screen
) -> str:
    """The table with a header line; each line ends with a line feed and has no trailing blanks."""
    cells = [[_cell(column, row) for column in columns] for row in rows]
    widths = [
        max([text_width(column.header), *(text_width(line[place]) for line in cells)])
        for place, column in enumerate(columns)
    ]
    _fit(widths, columns, screen)
    lines = [bold(_join(columns, [column.header for column in columns], widths), screen)]
    lines.extend(_join(columns, line, widths, screen) for line in cells)
    return "".join(line + "\n" for line in lines)


def _cell(column: Column, row: Mapping[str, Any]) -> str:
    value = column.show(row)
    if value is None:
        return NO_VALUE
    return clean(str(value)).replace("\n", "↵").replace("\t", " ")


def _fit(widths: list[int], columns: Sequence[Column], screen: Screen) -> None:
    """Narrow the widest columns that may be cut until the lines fit, as far as that goes."""
    if screen.width is None:
        return
    over = sum(widths) + len(_GAP) * (len(widths) - 1) - screen.width
    while over > 0:
        cuttable = [
            place
            for place, column in enumerate(columns)
            if column.is_cut and widths[place] > _LEAST_CUT_WIDTH
        ]
        if not cuttable:
            return
        widest = max(cuttable, key=lambda place: widths[place])
        step = min(over, max(1, (widths[widest] - _LEAST_CUT_WIDTH) // 2))
        widths[widest] -= step
        over -= step


def _join(
    columns: Sequence[Column],
    line: Sequence[str],
    widths: Sequence[int],
    screen: Screen | None = None,
) -> str:
    parts = []
    for column, text, width in zip(columns, line, widths, strict=True):
        shown = _cut(text, width)
        blanks = " " * (width - text_width(shown))
        if screen is not None and column.is_status:
            shown = paint_status(text, screen, shown)
        parts.append(blanks + shown if column.align == "right" else shown + blanks)
    return _GAP.join(parts).rstrip()


def _cut(text: str, width: int) -> str:
    if text_width(text) <= width:
        return text
    while text and text_width(text) > width - 1:
        text = text[:-1]
    return text + "…"


def _paint(text: str, code: str, screen: Screen) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if screen.is_coloured else text

"""Errors that point at the place of a filter they speak of."""

import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from stepscope_collector.errors import BadRequest

__all__ = ["complaint", "nearest_of", "quoted"]

_AROUND: Final = 50
"""Characters of the filter that are shown before and after the place."""
_TURNING: Final = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Signs of bidirectional text that would move the carets away from their place."""


def complaint(text: str, first: int, last: int, what: str, hint: str | None = None) -> BadRequest:
    """The error `what` at the characters `first` to `last` (not in it) of a filter.

    Its message has three lines: what and where, the filter around the place, and carets below.
    """
    begin, end = max(0, first - _AROUND), min(len(text), min(last, first + _AROUND) + _AROUND)
    before = ("…" if begin else "") + _shown(text[begin:first])
    shown_last = min(last, first + _AROUND)
    marked = _shown(text[first:shown_last])
    after = _shown(text[shown_last:end]) + ("…" if end < len(text) else "")
    carets = " " * _width(before) + "^" * max(1, _width(marked))
    where = "the end" if first >= len(text) else f"character {first + 1}"
    shown = f"  {before}{marked}{after}\n  {carets}"
    return BadRequest("\n".join([f"{what}, at {where} of the filter", shown]), hint=hint)


def quoted(text: str) -> str:
    """The text between quotes for a message, cut when it is long."""
    return repr(text if len(text) <= _AROUND else f"{text[: _AROUND - 1]}…")


def nearest_of(word: str, known: Iterable[str]) -> str:
    """A hint at the nearest known word, or at all of them."""
    names = sorted(set(known))
    nearest = get_close_matches(word.lower(), names, n=1, cutoff=0.5)
    return f"did you mean {nearest[0]!r}?" if nearest else f"known: {', '.join(names)}"


def _shown(text: str) -> str:
    """On one line, fit to be sent, and with no sign that turns the order of others round."""
    return "".join(
        " " if unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"} or sign in _TURNING else sign
        for sign in text
    )


def _width(text: str) -> int:
    """Columns of a terminal."""
    wide = sum(unicodedata.east_asian_width(sign) in {"W", "F"} for sign in text)
    marks = sum(unicodedata.category(sign) in {"Mn", "Me", "Cf"} for sign in text)
    return len(text) + wide - marks

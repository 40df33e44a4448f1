"""What a sender wrote, as text that does nothing in a page or a picture, and durations for people."""

import re
from typing import Final

__all__ = ["duration_text", "plain", "status_class", "without_ansi"]

# Line feed and tab stay. Direction characters could show a text as another one.
_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028\u2029\u202a-\u202e\u2060-\u206f\ufeff"
    "\ud800-\udfff\ufffe\uffff]"
)
# Colours, titles and places of the cursor; also in present/text/values.py, which imports nothing heavy.
_ANSI: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
_UNITS: Final = ((3_600_000_000_000, "h"), (60_000_000_000, "min"), (1_000_000_000, "s"), (1_000_000, "ms"),
                 (1000, "µs"))  # fmt: skip
_STATUS: Final = re.compile(r"[a-z_]+")


def plain(value: object) -> str:
    """The value as text, control and direction characters written out; markup is still to be escaped."""
    return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", str(value))


def without_ansi(text: str) -> str:
    """The text of a terminal without its colours and the like; a sequence that is none stays."""
    return _ANSI.sub("", text)


def status_class(status: object) -> str:
    """The status as the name of a class: it may hold anything."""
    word = str(status)
    return word if _STATUS.fullmatch(word) else "unknown"


def duration_text(duration_ns: int | str | None) -> str:
    """Three digits and a unit, such as `1.25 s`; of None nothing."""
    if duration_ns is None:
        return ""
    value = int(duration_ns)  # beyond 2^53 it is text
    for size, unit in _UNITS:
        if value >= size:
            return (
                f"{value / size:.3g} {unit}" if value < 1000 * size else f"{value // size} {unit}"
            )
    return f"{value} ns"

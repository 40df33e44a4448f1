"""Long lists for people: the rows that matter most, in their order, and what was left out."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

__all__ = ["MAX_ROWS", "foremost", "left_out"]

MAX_ROWS: Final = 200
"""Rows of a list of one execution that are read; `--full` shows all."""

Row = TypeVar("Row")


def foremost(rows: Sequence[Row], weight: Callable[[Row], Any], most: int | None) -> list[Row]:
    """The `most` rows of the greatest weight, of equal ones the first, in the order of `rows`."""
    if most is None or len(rows) <= most:
        return list(rows)
    heaviest = sorted(range(len(rows)), key=lambda place: weight(rows[place]), reverse=True)
    return [rows[place] for place in sorted(heaviest[:most])]


def left_out(count: int, what: str) -> str:
    """A line that says so; empty when nothing was left out."""
    return f"… {count:,} more {what}; --full shows them\n" if count else ""

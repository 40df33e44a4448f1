"""What is done to a database while it is copied, so that the copy can catch up."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from stepscope_collector.store.group import Group
from stepscope_collector.store.span_writer import Mapping

__all__ = ["Commit", "Journal", "Other", "Unnoted"]

T = TypeVar("T")

_MAX_ROWS: Final = 1_000_000
"""About 500 MB."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A group that was committed, and how."""

    group: Group
    now: datetime
    now_ns: int
    mapping: Mapping


@dataclass(frozen=True, slots=True)
class Other:
    """Something else that was done between commits."""

    run: Callable[..., Any]
    plan: Any
    """Of the decoder, at that time."""


@dataclass(frozen=True, slots=True)
class Unnoted(Generic[T]):
    """Work of the copying itself, which is not to be done again."""

    run: Callable[..., T]

    def __call__(self, committer: Any, plan: Any) -> T:
        """What the work gives."""
        return self.run(committer, plan)


@dataclass(slots=True)
class Journal:
    """Commits and other work in their order; written by the writer thread, read by another."""

    entries: list[Commit | Other] = field(default_factory=list)
    is_full: bool = False
    """More came than is kept: the copy cannot catch up."""
    _rows: int = 0

    def add(self, entry: Commit | Other, rows: int) -> None:
        """Note what was done; rows are those of its spans."""
        self._rows += rows
        if self._rows > _MAX_ROWS:
            self.is_full = True
            self.entries.clear()
        if not self.is_full:
            self.entries.append(entry)

"""The writer thread, as retention sees it."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from stepscope_collector.decode.batch import Plan
from stepscope_collector.store.commit import Committer
from stepscope_collector.tee import Deleted

__all__ = ["Queue", "Work"]

T = TypeVar("T")


class Queue(Protocol):
    """The queue of the tee, as retention sees it."""

    def begin_file(self) -> None:
        """Leave the file that is written; on the writer thread, before `erase`."""

    def erase(self, deleted: Deleted) -> None:
        """Take what was deleted out of all files but the one that is written; StoreUnavailable."""


class Work(Protocol):
    """Runs something on the writer thread between two commits."""

    def __call__(self, run: Callable[[Committer, Plan], T], /) -> T:
        """What it gives, or raises."""

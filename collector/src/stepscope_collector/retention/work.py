"""The writer thread, as retention sees it."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from stepscope_collector.decode.batch import Plan
from stepscope_collector.store.commit import Committer

__all__ = ["Work"]

T = TypeVar("T")


class Work(Protocol):
    """Runs something on the writer thread between two commits."""

    def __call__(self, run: Callable[[Committer, Plan], T], /) -> T:
        """What it gives, or raises."""

"""What has a thread, a lock or a connection must begin anew in a forked child."""

import os
import weakref
from typing import Protocol

__all__ = ["Forkable", "in_every_fork"]


class Forkable(Protocol):
    """Something that a fork leaves half behind."""

    def after_fork(self) -> None:
        """Runs in the child, before anything else there."""
        ...


_known: "weakref.WeakSet[Forkable]" = weakref.WeakSet()


def in_every_fork(item: Forkable) -> None:
    """Call the item's `after_fork` in every forked child from now on, as long as it lives.

    `os.register_at_fork` keeps what it is given for ever; this does not.
    """
    _known.add(item)


def _after_fork() -> None:
    for item in list(_known):
        item.after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)

"""What has a thread, a lock or a connection must begin anew in a forked child."""

import os
import threading
import weakref
from typing import Final, Protocol

__all__ = ["Forkable", "Unforked", "in_every_fork"]

_WAIT_S: Final = 0.5
"""A fork waits this long at most; a request to a collector that answers takes milliseconds."""


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


class Unforked:
    """A section of one thread during which a fork waits, for half a second at most.

    A child that is forked while another thread imports a module, or is inside gRPC, has a copy of
    locks that nobody there gives back: it could send nothing any more.
    """

    def __init__(self) -> None:
        self._begin()
        _sections.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()
        self._is_too_long = False

    def __exit__(self, *exc_info: object) -> None:
        self._lock.release()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._forking: int | None = None
        self._is_too_long = False

    def before_fork(self) -> None:
        """Wait for the section's end; a section that was too long once is not waited for again."""
        if not self._is_too_long:
            if self._lock.acquire(timeout=_WAIT_S):
                self._forking = threading.get_ident()
            else:
                self._is_too_long = True

    def after_fork_in_parent(self) -> None:
        """Let the section's thread go on."""
        if self._forking == threading.get_ident():
            self._forking = None
            self._lock.release()

    def after_fork(self) -> None:
        """The child has none of the threads that may be in the section."""
        self._begin()


_sections: "weakref.WeakSet[Unforked]" = weakref.WeakSet()


def _before_fork() -> None:
    for section in list(_sections):
        section.before_fork()


def _after_fork_in_parent() -> None:
    for section in list(_sections):
        section.after_fork_in_parent()


def _after_fork() -> None:
    for section in list(_sections):
        section.after_fork()
    for item in list(_known):
        item.after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork
    )

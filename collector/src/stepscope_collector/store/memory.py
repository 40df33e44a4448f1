"""Memory that the process holds and does not use."""

import ctypes
import os
from contextlib import suppress
from typing import Final

__all__ = ["give_back_memory", "share_arenas"]

_M_ARENA_MAX: Final = -8
"""Of GNU's malloc.h."""


def give_back_memory() -> None:
    """Have the C library return what is free; only that of GNU keeps it and can be asked."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def share_arenas() -> None:
    """Have as many threads as there are cores take memory at one time, at least two; before there are others.

    GNU's C library allows eight times as many, each from an arena of its own that keeps what is free in it, and the collector has a
    thread for each thing that is to be done. What the user has set stays.
    """
    if "MALLOC_ARENA_MAX" in os.environ or "arena_max" in os.environ.get("GLIBC_TUNABLES", ""):
        return
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, max(2, _cores()))


def _cores() -> int:
    """That this process may use, which in a container may be fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

"""Time and identifiers. The one place tests replace to get fixed clocks and ids."""

import os
import random
import time

__all__ = ["Source", "source"]

_random = random.Random()  # noqa: S311 - identifiers, not secrets
if hasattr(os, "register_at_fork"):  # not on Windows; a child must not draw its parent's ids
    os.register_at_fork(after_in_child=_random.seed)


class Source:
    """Clock and ids.

    A generator of our own is used, because drawing from the global one would change the results
    of a program that calls `random.seed` and would give two runs of it the same trace ids.
    """

    @staticmethod
    def now_ns() -> int:
        """Nanoseconds since the epoch."""
        return time.time_ns()

    @staticmethod
    def span_id() -> int:
        """A non-zero number of 64 bits."""
        return _random.getrandbits(64) or 1

    @staticmethod
    def trace_id() -> int:
        """A non-zero number of 128 bits."""
        return _random.getrandbits(128) or 1

    @staticmethod
    def execution_id() -> str:
        """A UUIDv7 (RFC 9562 section 5.7) as text: sorts by time of creation."""
        ms = time.time_ns() // 1_000_000
        bits = _random.getrandbits(74)
        return (
            f"{ms >> 16:08x}-{ms & 0xFFFF:04x}-7{bits >> 62:03x}"
            f"-{0x8000 | (bits >> 48 & 0x3FFF):04x}-{bits & 0xFFFFFFFFFFFF:012x}"
        )


class _Holder:
    """The source in use; `stepscope.testing` swaps it."""

    __slots__ = ("current",)

    def __init__(self) -> None:
        self.current: Source = Source()


source = _Holder()

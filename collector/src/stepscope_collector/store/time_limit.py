"""Ends what a connection does when its time is up, and knows what does not heed it.

DuckDB looks for interrupts between vectors of 2048 values. While one call of a function works on one
vector, or a statement is planned, an interrupt has no effect, and nothing else ends it: such a statement is
overdue (DuckDB 2.0.0, 2026-11: a regular expression on a text of 1 MB, sixty lateral joins).
"""

import threading
from collections.abc import Callable
from typing import Final

__all__ = ["Overdue", "TimeLimit"]

_INTERRUPT_EVERY_S: Final = 0.1
_HEEDED_WITHIN_ROUNDS: Final = 5
"""0.5 s; whatever heeds an interrupt has ended by then, unless the machine is very busy."""


class Overdue:
    """The number of statements that go on after their time. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.count = 0

    def add(self, change: int) -> None:
        """One more, or one less."""
        with self._lock:
            self.count += change


class TimeLimit:
    """Interrupts a connection when its time is up, until it has ended."""

    def __init__(
        self, interrupt: Callable[[], None], timeout_s: float | None, overdue: Overdue
    ) -> None:
        """Start it.

        Args:
            interrupt: of the connection.
            timeout_s: from now; None: never.
            overdue: counts the connection while it does not heed the interrupt.
        """
        self._interrupt = interrupt
        self._overdue = overdue
        self._is_up = threading.Event()
        self._is_done = threading.Event()
        self._thread: threading.Thread | None = None
        if timeout_s is not None:
            self._thread = threading.Thread(
                target=self._run, args=(timeout_s,), name="stepscope-sql-limit", daemon=True
            )
            self._thread.start()

    @property
    def is_up(self) -> bool:
        """Whether the time was up."""
        return self._is_up.is_set()

    def end(self) -> None:
        """The connection has ended; it is not interrupted any more when this returns."""
        self._is_done.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, timeout_s: float) -> None:
        if self._is_done.wait(timeout_s):
            return
        self._is_up.set()
        # Again and again: an interrupt that comes between two statements is lost.
        for _ in range(_HEEDED_WITHIN_ROUNDS):
            self._interrupt()
            if self._is_done.wait(_INTERRUPT_EVERY_S):
                return
        self._overdue.add(1)
        try:
            while not self._is_done.wait(_INTERRUPT_EVERY_S):
                self._interrupt()
        finally:
            self._overdue.add(-1)

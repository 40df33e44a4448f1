"""With how many threads the engine works: all it may have while somebody asks, one while there is only the writer.

The statements of a commit are about a row group or two, a single piece of work each. When another thread of the engine takes it, it needs
more CPU: memory and caches move between cores (decision 12).
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from stepscope_collector.store.engine import Connection, EngineError

__all__ = ["Threads"]

_QUIET_S: Final = 1.0
"""Without a question, after which none is expected: each change begins or ends threads."""


class Threads:
    """Those of one engine; its owner lets one thread at a time in."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left = 0
        """How many it may have; 0: it has them."""
        self._asked_s = clock()

    def begun(self) -> None:
        """There is another engine, with all threads."""
        self._left = 0
        self._asked_s = self._clock()

    def asked(self, connection: Connection) -> None:
        """Somebody asks, on this connection, or has just ended."""
        self._asked_s = self._clock()
        if self._left:
            with suppress(EngineError):  # then it takes longer
                connection.execute(f"set threads = {self._left}")
                self._left = 0

    def unasked(self, connection: Connection) -> None:
        """Nobody asks; for the thread that writes, on its connection, between statements."""
        if self._left or self._clock() - self._asked_s < _QUIET_S:
            return
        with suppress(EngineError):
            ((count,),) = connection.execute("select current_setting('threads')").fetchall()
            connection.execute("set threads = 1")
            self._left = int(count)

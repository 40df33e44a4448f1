"""The connections on which questions are asked, each inside a transaction of its own."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from stepscope_collector.store.engine import Connection, EngineError, connect_again
from stepscope_collector.store.threads import Threads

__all__ = ["Readers"]

logger = logging.getLogger(__name__)

_MAX_IDLE: Final = 16
_ROUND_S: Final = 0.05
_END_WITHIN_ROUNDS: Final = 100
"""5 s in all."""


class Readers:
    """Those of one database, which holds the lock for all but `give_back`.

    Args:
        lock: of the database.
    """

    def __init__(self, lock: threading.Condition) -> None:
        self._lock = lock
        self._idle: deque[Connection] = deque()
        self._busy: dict[Connection, bool] = {}
        """Those at work, and whether somebody waits for what they ask."""
        self._is_paused = False
        self._threads = Threads()

    @property
    def is_idle(self) -> bool:
        """Whether no reader is at work."""
        return not self._busy

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Until no reader is at work, or the time is up; whether none is."""
        return self._lock.wait_for(lambda: not self._busy, timeout_s)

    def take(self, root: Connection, *, new: bool, is_awaited: bool) -> Connection:
        """A connection inside a read-only transaction, which has to be given back.

        Args:
            root: to connect like it.
            new: it was used by nobody before.
            is_awaited: somebody waits for what is asked; else it is upkeep, which needs no threads.

        Raises:
            EngineError: there is none.
        """
        # A new connection costs its first statement 0.2 ms, a used one nothing.
        connection = self._idle.pop() if self._idle and not new else connect_again(root)
        if is_awaited:
            self._threads.asked(connection)  # what is refused in a transaction ends it
        try:
            connection.execute("begin transaction read only")
        except EngineError:
            connection.close()
            raise
        self._busy[connection] = is_awaited
        return connection

    def add(self, connection: Connection) -> Connection:
        """Count a connection without a transaction among those at work, until it is given back."""
        self._threads.asked(connection)
        self._busy[connection] = True
        return connection

    def give_back(self, connection: Connection, may_keep: Callable[[], bool]) -> None:
        """End its transaction.

        Args:
            connection: one at work.
            may_keep: whether somebody else may use it; asked with the lock.
        """
        # An interrupted or failed transaction may be over already.
        with suppress(EngineError):
            connection.execute("rollback")
        with self._lock:
            if self._busy.pop(connection, False):
                self._threads.asked(connection)
            if may_keep() and len(self._idle) < _MAX_IDLE:
                self._idle.append(connection)
            else:
                connection.close()
            self._lock.notify_all()

    def wait_while_paused(self) -> None:
        """Until whoever has paused them goes on."""
        self._lock.wait_for(lambda: not self._is_paused)

    @contextmanager
    def paused(self, writer: Connection, timeout_s: float) -> Iterator[bool]:
        """No further one begins inside the block; whether those at work have left in time.

        Args:
            writer: the other connection, which runs no statement now.
            timeout_s: for so long at most they are waited for.
        """
        self._is_paused = True
        try:
            if is_idle := self.wait_until_idle(timeout_s):
                self._threads.unasked(writer)
            yield is_idle
        finally:
            self._is_paused = False
            self._lock.notify_all()

    def end(self) -> None:
        """Interrupt those at work and wait until they have left."""
        self._threads.begun()
        while self._idle:
            self._idle.pop().close()
        # The file stays locked as long as any connection is open. An interrupt before the
        # reader's statement began has no effect, so it is repeated.
        for _ in range(_END_WITHIN_ROUNDS):
            for connection in self._busy:
                connection.interrupt()
            if self.wait_until_idle(_ROUND_S):
                break
        else:
            logger.warning("readers still at work", extra={"readers": len(self._busy)})

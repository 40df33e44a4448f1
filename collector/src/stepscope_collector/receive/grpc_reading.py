"""How long gRPC calls wait, for a thread and for their message.

Python's gRPC has a thread for each call and waits in it for the message of the call, however long that
takes: so few silent calls as there are threads would shut out everybody else. And calls stand in line for
a thread as long as it takes: if that is longer than the patience of clients, all the work is for calls
that were given up meanwhile and come again, and nobody gets an answer any more.
"""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

import grpc

__all__ = ["Line", "Reading"]

_BUSY_S: Final = 2.0
"""How long a message may take while more than half of the threads wait for one."""
_LOOK_S: Final = 0.5
_LONG_S: Final = 2.0
"""In line; the stock exporters give a request 10 s, answer included."""
_REST_S: Final = 0.1
"""How long nobody may join a line that was too long a moment ago."""


class Reading:
    """Reads the one message of a call, in time; thread-safe.

    Args:
        limit_s: how long the message may take, as long as threads are free.
        threads: calls that are read or worked on at one time.
        clock: monotonic seconds.
    """

    def __init__(
        self, limit_s: float, threads: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit_s = limit_s
        self._calm = max(1, threads // 2)
        self._clock = clock
        self._since: dict[grpc.ServicerContext, float] = {}
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="otlp-grpc-time", daemon=True)

    def start(self) -> None:
        """Begin to look for calls that take too long."""
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._is_over.set()

    def next(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes | None:
        """The message; None: there is none, or it took too long and the call is over."""
        with self._lock:
            self._since[context] = self._clock()
        try:
            return next(requests, None)
        except grpc.RpcError:
            return None
        finally:
            with self._lock:
                del self._since[context]

    def end_late(self) -> None:
        """End the calls whose message takes too long by now."""
        with self._lock:
            is_calm = len(self._since) <= self._calm
            before = self._clock() - (self._limit_s if is_calm else min(self._limit_s, _BUSY_S))
            late = [context for context, since in self._since.items() if since < before]
        for context in late:
            context.cancel()  # type: ignore[no-untyped-call]  # not in the stubs

    def _look(self) -> None:
        while not self._is_over.wait(min(_LOOK_S, self._limit_s)):
            self.end_late()


class Line:
    """Knows whether calls stand in line for a thread too long; thread-safe.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.now: Final = clock
        self._closed_until = 0.0

    def left(self, since: float) -> None:
        """A call that came at `since` has its thread."""
        now = self.now()
        if now - since > _LONG_S:
            self._closed_until = now + _REST_S

    @property
    def is_too_long(self) -> bool:
        """True when a further call had better come again later."""
        return self.now() < self._closed_until

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
_MOST_TIMES: Final = 4
"""As many calls per thread may stand in line while it is short in time."""
_LONG_S: Final = 1.0
"""In line; the stock exporters give a request 10 s, answer included."""
_SLOW_S: Final = 10.0
"""How long the line counts as slow after that, and after it was full: clients come again each second."""
_FORGOTTEN_S: Final = 60.0
"""Nobody stands in line that long: such a call has ended without being noticed."""


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
    """The calls that wait for a thread; thread-safe.

    Args:
        threads: calls that are worked on at one time.
        clock: monotonic seconds.
    """

    def __init__(self, threads: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._threads = threads
        self._clock = clock
        self._since: dict[object, float] = {}
        """By place, the oldest first."""
        self._slow_until = 0.0
        self._lock = threading.Lock()

    def join(self) -> object | None:
        """A place in the line; None: the call had better come again later."""
        with self._lock:
            now = self._clock()
            for place in [each for each, at in self._since.items() if now - at > _FORGOTTEN_S]:
                del self._since[place]
            most = self._threads if now < self._slow_until else self._threads * _MOST_TIMES
            if len(self._since) >= most:
                self._slow_until = now + _SLOW_S
                return None
            place = object()
            self._since[place] = now
            return place

    def leave(self, place: object) -> None:
        """The call has its thread."""
        with self._lock:
            now = self._clock()
            if now - self._since.pop(place, now) > _LONG_S:
                self._slow_until = now + _SLOW_S

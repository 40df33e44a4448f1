"""Ends gRPC calls whose message does not come.

Python's gRPC has a thread for each call and waits in it for the message of the call, however long that
takes: so few silent calls as there are threads would shut out everybody else.
"""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

import grpc

__all__ = ["Reading"]

_BUSY_S: Final = 2.0
"""How long a message may take while more than half of the threads wait for one."""
_LOOK_S: Final = 0.5


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

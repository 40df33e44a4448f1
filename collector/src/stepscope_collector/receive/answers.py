"""How the threads that answer requests wake the event loop that took them in."""

import asyncio
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

__all__ = ["AT_ONCE_BYTES", "Answers"]

T = TypeVar("T")

AT_ONCE_BYTES: Final = 16 * 1024
"""Requests up to this size are decoded in the event loop: the kernel keeps the interpreter for those of spans and log
records, so that a thread would only add its switches to a tenth of a millisecond."""


class Answers:
    """Awaits futures that other threads resolve, in one event loop: that of the first who awaits.

    Each that is resolved before the loop has woken for another costs it nothing more.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: deque[asyncio.Future[None]] = deque()
        self._is_waking = False

    async def of(self, future: Future[T]) -> T:
        """What the future gives; it goes on when this is cancelled."""
        if not future.done():
            if self._loop is None:
                self._loop = asyncio.get_running_loop()
            waiting = self._loop.create_future()
            future.add_done_callback(partial(self._put, waiting))
            await waiting
        return future.result()

    def _put(self, waiting: asyncio.Future[None], _: Future[Any]) -> None:
        # First in, then the look: `_wake` does both the other way round, so nobody is forgotten.
        self._done.append(waiting)
        if not self._is_waking:
            self._is_waking = True
            assert self._loop is not None
            with suppress(RuntimeError):  # the loop is closed, and nobody awaits
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._is_waking = False
        while self._done:
            waiting = self._done.popleft()
            if not waiting.done():  # its call has been cancelled
                waiting.set_result(None)

"""How long gRPC calls wait, for their turn and for their message.

As many calls as there are workers are read or worked on at one time, so that requests that are in memory
and in no budget are few. Their messages have to come in time: so few silent calls would shut out everybody
else. And calls stand in line for their turn as long as it takes: if that is longer than the patience of
clients, all the work is for calls that were given up meanwhile and come again, and nobody gets an answer
any more.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import grpc
import grpc.aio

__all__ = ["Context", "Line", "Reading", "cut", "message_of"]

logger = logging.getLogger(__name__)

Context = grpc.aio.ServicerContext[Any, Any]

_BUSY_S: Final = 2.0
"""How long a message may take while more than half of the workers wait for one."""
_LOOK_S: Final = 0.5
_MOST_TIMES: Final = 4
"""As many calls per worker may stand in line while it is short in time."""
_LONG_S: Final = 1.0
"""In line; the stock exporters give a request 10 s, answer included."""
_SLOW_S: Final = 10.0
"""How long the line counts as slow after that, and after it was full: clients come again each second."""
_FORGOTTEN_S: Final = 60.0
"""Nobody stands in line that long: such a call has ended without being noticed."""


async def message_of(context: Context) -> bytes | None:
    """The next message of a call; None: there is none, or the call is over."""
    try:
        message = await context.read()
    except (grpc.aio.AbortError, grpc.aio.InternalError):
        return None
    return message if isinstance(message, bytes) else None


async def cut(context: Context) -> None:
    """End a call whose message does not come, if it has not ended by itself."""
    with suppress(grpc.aio.BaseError):
        await context.abort(grpc.StatusCode.CANCELLED, "the message did not come in time")


class Reading:
    """Reads the one message of a call, in time; for one event loop.

    Args:
        limit_s: how long the message may take, as long as workers are free.
        workers: calls that are read or worked on at one time.
        clock: monotonic seconds.
    """

    def __init__(
        self, limit_s: float, workers: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit_s = limit_s
        self._calm = max(1, workers // 2)
        self._clock = clock
        self._since: dict[Context, float] = {}

    async def next(self, context: Context) -> bytes | None:
        """The message; None: there is none, or it took too long and the call is over."""
        self._since[context] = self._clock()
        try:
            return await message_of(context)
        finally:
            del self._since[context]

    async def end_late(self) -> None:
        """End the calls whose message takes too long by now."""
        is_calm = len(self._since) <= self._calm
        before = self._clock() - (self._limit_s if is_calm else min(self._limit_s, _BUSY_S))
        late = [context for context, since in self._since.items() if since < before]
        await asyncio.gather(*map(cut, late))

    async def look(self) -> None:
        """End such calls from now on."""
        while True:
            await asyncio.sleep(min(_LOOK_S, self._limit_s))
            try:
                await self.end_late()
            except Exception:  # a bug of ours must not let late calls stay from now on
                logger.exception("late calls not ended")


class Line:
    """The calls that wait for their turn; thread-safe.

    Args:
        workers: calls that are worked on at one time.
        clock: monotonic seconds.
    """

    def __init__(self, workers: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._workers = workers
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
            most = self._workers if now < self._slow_until else self._workers * _MOST_TIMES
            if len(self._since) >= most:
                self._slow_until = now + _SLOW_S
                return None
            place = object()
            self._since[place] = now
            return place

    def leave(self, place: object) -> None:
        """It is the turn of the call, or it has ended."""
        with self._lock:
            now = self._clock()
            if now - self._since.pop(place, now) > _LONG_S:
                self._slow_until = now + _SLOW_S

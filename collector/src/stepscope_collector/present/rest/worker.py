"""A thread for one statement, which can be left behind when nothing ends what it does."""

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

__all__ = ["GRACE_S", "Worker", "is_any_left"]

GRACE_S: Final = 1.0
"""A statement that was interrupted has so long to end by itself."""

_NAME: Final = "stepscope-sql"
_ENDS_WITHIN_S: Final = 0.1

T = TypeVar("T")


def is_any_left() -> bool:
    """Whether a worker of this process still does something."""
    for thread in threading.enumerate():
        if thread.name == _NAME:
            thread.join(_ENDS_WITHIN_S)
            if thread.is_alive():
                return True
    return False


class Worker:
    """A thread that does one thing after the other, for the event loop it was made on.

    It is no thread of a pool, which others would wait for, and does not hold up the end of the process.
    """

    def __init__(self) -> None:
        self.is_left = False
        """It did not come back in time; what it does has no effect any more."""
        self._loop = asyncio.get_running_loop()
        self._due_s: float | None = None
        self._pending: asyncio.Future[Any] | None = None
        self._given: queue.SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]] | None] = (
            queue.SimpleQueue()
        )
        threading.Thread(target=self._run, name=_NAME, daemon=True).start()

    def due_in(self, seconds: float) -> None:
        """From then on nothing that it does is waited for longer than the time of grace."""
        due_s = self._loop.time() + seconds
        self._due_s = due_s if self._due_s is None else min(due_s, self._due_s)
        if self._pending is not None:
            self._watch(self._pending)

    async def do(self, work: Callable[[], T]) -> T:
        """What it gives, or raises.

        Raises:
            TimeoutError: it was due and has not come back; the worker goes on alone.
        """
        pending: asyncio.Future[T] = self._loop.create_future()
        self._pending = pending
        self._given.put((work, pending))
        self._watch(pending)
        try:
            return await pending
        finally:
            self._pending = None

    async def end(self, last: Callable[[], object]) -> None:
        """Do `last`, as soon as it has come back, and nothing more; does not wait when it was left."""
        if self.is_left:
            self._given.put((last, self._loop.create_future()))
            self._given.put(None)
            return
        try:
            with suppress(TimeoutError):
                await self.do(last)
        finally:
            self._given.put(None)

    def _watch(self, pending: asyncio.Future[Any]) -> None:
        if self._due_s is not None:
            left_s = max(self._due_s - self._loop.time(), 0) + GRACE_S
            self._loop.call_later(left_s, self._leave, pending)

    def _leave(self, pending: asyncio.Future[Any]) -> None:
        if not pending.done():
            self.is_left = True
            pending.set_exception(TimeoutError())

    def _run(self) -> None:
        while (given := self._given.get()) is not None:
            work, pending = given
            try:
                result, error = work(), None
            except BaseException as raised:  # noqa: BLE001 carried to whoever waits for it
                result, error = None, raised
            with suppress(RuntimeError):  # the loop has ended meanwhile
                self._loop.call_soon_threadsafe(_settle, pending, result, error)


def _settle(pending: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if pending.done():
        return  # nobody waits for it any more
    if error is None:
        pending.set_result(result)
    else:
        pending.set_exception(error)

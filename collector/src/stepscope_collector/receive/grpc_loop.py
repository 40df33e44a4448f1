"""The event loop of OTLP/gRPC in a thread of its own, and how other threads wake it.

Python's gRPC with a thread for each call wakes two threads for each of its four events, and once more for
the answer. In one event loop a call is a task, and requests that are answered together wake it once.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

__all__ = ["Answers", "LoopThread"]

T = TypeVar("T")


class LoopThread:
    """An event loop; `start` and `close` once each.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._has_started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Event | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()
        self._has_started.wait()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What a coroutine gives that runs in the loop; not for the thread itself."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """End the loop and all that runs in it."""
        assert self._loop is not None
        assert self._ended is not None
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._has_started.set()
        await self._ended.wait()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop  # not on every platform
    except ImportError:
        return asyncio.SelectorEventLoop  # that of Windows cannot watch the socket of gRPC
    return uvloop.new_event_loop


class Answers:
    """Awaits futures that other threads resolve; made in the loop that awaits.

    Each that is resolved before the loop has woken for another costs it nothing more.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._done: deque[asyncio.Future[None]] = deque()
        self._is_waking = False

    async def of(self, future: Future[T]) -> T:
        """What the future gives; it goes on when this is cancelled."""
        if not future.done():
            waiting = self._loop.create_future()
            future.add_done_callback(partial(self._put, waiting))
            await waiting
        return future.result()

    def _put(self, waiting: asyncio.Future[None], _: Future[Any]) -> None:
        # First in, then the look: `_wake` does both the other way round, so nobody is forgotten.
        self._done.append(waiting)
        if not self._is_waking:
            self._is_waking = True
            with suppress(RuntimeError):  # the loop is closed, and nobody awaits
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._is_waking = False
        while self._done:
            waiting = self._done.popleft()
            if not waiting.done():  # its call has been cancelled
                waiting.set_result(None)

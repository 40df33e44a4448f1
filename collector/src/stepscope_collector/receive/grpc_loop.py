"""The event loop of OTLP/gRPC in a thread of its own.

Python's gRPC with a thread for each call wakes two threads for each of its four events, and once more for
the answer. In one event loop a call is a task, and requests that are answered together wake it once (`answers.py`).
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

__all__ = ["LoopThread"]

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

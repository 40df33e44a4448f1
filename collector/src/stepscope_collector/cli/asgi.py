"""Puts a request to an ASGI application in this process: the read API without a server.

The application runs on an event loop in a thread of its own, so that an answer of any length is
read as it is made.
"""

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable, Generator, Mapping, MutableMapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import unquote

from stepscope_collector.cli.client import Answer

__all__ = ["Application", "ask"]

Message = MutableMapping[str, Any]
Application = Callable[
    [
        MutableMapping[str, Any],
        Callable[[], Awaitable[Message]],
        Callable[[Message], Awaitable[None]],
    ],
    Awaitable[None],
]

_END: Final = object()
# An answer is made as fast as it is read, but for this many pieces.
_MAX_WAITING = 16
_LISTEN_TIMEOUT_S = 1.0
_END_TIMEOUT_S = 5.0


def ask(
    application: Application, method: str, target: str, headers: Mapping[str, str], body: bytes
) -> Answer:
    """The answer of the application; what it raises is raised here."""
    exchange = _Exchange(application, _scope(method, target, headers), body)
    exchange.thread.start()
    start = exchange.take()
    headers = {name.decode().lower(): value.decode() for name, value in start.get("headers", ())}
    return Answer(int(start["status"]), exchange.chunks(), headers)


class _Exchange:
    """One request and its answer, between the thread of the application and the one that asks."""

    def __init__(self, application: Application, scope: Message, body: bytes) -> None:
        self._application = application
        self._scope = scope
        self._body: bytes | None = body
        self._pieces: queue.Queue[Any] = queue.Queue(_MAX_WAITING)
        self._is_abandoned = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._is_gone = asyncio.Event()
        self.thread = threading.Thread(target=self.run, name="read-api", daemon=True)

    def run(self) -> None:
        """Run the application to its end; its thread does this."""
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 carried to the thread that asked
            self._put(error)
        else:
            self._put(_END)

    def take(self) -> Any:
        """The next piece: how the answer starts, then bytes, then the end; raises what the application did."""
        piece = self._pieces.get()
        if isinstance(piece, BaseException):
            raise piece
        return piece

    def chunks(self) -> Generator[bytes, None, None]:
        """The body; the application is stopped, and has ended, when the reading stops."""
        try:
            while (piece := self.take()) is not _END:
                yield piece
        finally:
            self._is_abandoned.set()
            # The loop may have been closed meanwhile: then the application has ended.
            with suppress(RuntimeError):
                assert self._loop is not None
                self._loop.call_soon_threadsafe(self._leave)
            self.thread.join(_END_TIMEOUT_S)

    def _leave(self) -> None:
        """Tell the application that the client has gone, and stop one that does not listen."""
        assert self._loop is not None
        assert self._task is not None
        self._is_gone.set()
        self._loop.call_later(_LISTEN_TIMEOUT_S, self._task.cancel)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        await self._application(self._scope, self._receive, self._send)

    async def _receive(self) -> Message:
        if self._body is None:
            await self._is_gone.wait()
            return {"type": "http.disconnect"}
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def _send(self, message: Message) -> None:
        if self._is_abandoned.is_set():
            # As a server does once its client has gone: nothing is sent and nothing raised.
            await asyncio.sleep(0)
        elif message["type"] == "http.response.start":
            await asyncio.to_thread(self._put, message)
        elif message["type"] == "http.response.body" and message.get("body"):
            await asyncio.to_thread(self._put, bytes(message["body"]))

    def _put(self, piece: Any) -> None:
        while not self._is_abandoned.is_set():
            with suppress(queue.Full):
                self._pieces.put(piece, timeout=0.1)
                return


def _scope(method: str, target: str, headers: Mapping[str, str]) -> Message:
    path, _, query = target.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode("ascii"),
        "root_path": "",
        "query_string": query.encode("ascii"),
        "headers": [(b"host", b"localhost")]
        + [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": None,
        "server": None,
    }

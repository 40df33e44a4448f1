"""Measures the requests of an HTTP port, from the head of a request to the end of its answer."""

import time
from collections.abc import Callable, Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Observe", "Timed"]

Observe = Callable[[str, str, float], None]
"""Takes route or method, status, and seconds."""


class Timed:
    """An ASGI app around another; `routes` are the paths worth a name of their own."""

    def __init__(self, app: ASGIApp, routes: Collection[str], observe: Observe) -> None:
        self._app = app
        self._routes = frozenset(routes)
        self._observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; its time is told whatever becomes of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = ""  # the client went away, or a bug

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        finally:
            path = scope["path"].rstrip("/")
            route = path if path in self._routes else ""
            self._observe(route, status, time.perf_counter() - started)

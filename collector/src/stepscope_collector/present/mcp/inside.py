"""The read API of this process, asked by the tools that it serves itself at /mcp."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final
from urllib.parse import unquote, urlencode

from starlette.types import ASGIApp, Message, Scope

from stepscope_collector import errors
from stepscope_collector.access.guard import TOKEN_NAME, TOKEN_USER
from stepscope_collector.errors import StepscopeError

__all__ = ["InsideAsker"]

_BY_CODE: Final = {getattr(errors, name).code: getattr(errors, name) for name in errors.__all__}


class InsideAsker:
    """Asks the application on its own event loop; for a thread that is not the loop's.

    Args:
        app: the read API, behind the gate: who asks was admitted to it already. Or the gate with
            all that is behind it, which asks for the token again: for what takes more than reading.
        loop: the loop it runs on.
        scope: the request whose questions these are; the log names its client.
    """

    def __init__(self, app: ASGIApp, loop: asyncio.AbstractEventLoop, scope: Scope) -> None:
        self._app = app
        self._loop = loop
        self._token = [pair for pair in scope.get("headers", ()) if pair[0] == b"authorization"]
        self._who = {name: scope.get(name) for name in ("client", "server", TOKEN_NAME, TOKEN_USER)}

    def __enter__(self) -> "InsideAsker":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """Nothing is held."""

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The JSON answer to GET `path`; params that are None are left out."""
        given = {
            name: value
            if isinstance(value, str) or not isinstance(value, Sequence)
            else ",".join(value)
            for name, value in (params or {}).items()
            if value is not None
        }
        return self._ask("GET", path, urlencode(given), b"")

    def sql(
        self,
        statement: str,
        params: Mapping[str, Any] | None = None,
        max_rows: int | None = None,
    ) -> dict[str, Any]:
        """The JSON answer of `POST /api/sql`."""
        question: dict[str, Any] = {"sql": statement, "params": dict(params or {})}
        if max_rows is not None:
            question["max_rows"] = max_rows
        return self._ask("POST", "/api/sql", "format=json", json.dumps(question).encode())

    def send(self, method: str, path: str) -> dict[str, Any]:
        """The JSON answer to a request that changes something."""
        return self._ask(method, path, "", b"")

    def _ask(self, method: str, path: str, query: str, body: bytes) -> dict[str, Any]:
        exchange = self._exchange(method, path, query, body)
        status, answer = asyncio.run_coroutine_threadsafe(exchange, self._loop).result()
        document: dict[str, Any] = json.loads(answer)
        if status >= 400:
            about = document["error"]
            kind = _BY_CODE.get(about["code"], StepscopeError)
            raise kind(about["message"], hint=about.get("hint"))
        return document

    async def _exchange(self, method: str, path: str, query: str, body: bytes) -> tuple[int, bytes]:
        pieces: list[bytes] = []
        status = 500
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            if waiting:
                return waiting.pop()
            await asyncio.Event().wait()  # until the application has answered
            raise AssertionError

        async def send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                pieces.append(message.get("body", b""))

        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [
                (b"host", b"localhost"),
                (b"content-type", b"application/json"),
                *self._token,
            ],
            **self._who,
        }
        await self._app(scope, receive, send)
        return status, b"".join(pieces)

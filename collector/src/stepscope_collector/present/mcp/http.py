"""The SDK's streamable HTTP in its form without sessions."""

import asyncio
import logging
from contextlib import AbstractContextManager
from typing import Any, Final

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.types import ASGIApp, Receive, Scope, Send

from stepscope_collector.config import McpConfig
from stepscope_collector.present.mcp.inside import InsideAsker
from stepscope_collector.present.mcp.server import mcp_server
from stepscope_collector.present.mcp.tool import Asker

__all__ = ["Sessionless"]

_MAX_BODY_BYTES: Final = 1024 * 1024


class Sessionless:
    """The server on HTTP; runs on the event loop that starts it."""

    def __init__(self, read_api: ASGIApp, guarded: ASGIApp, config: McpConfig) -> None:
        self._read_api = read_api
        self._guarded = guarded
        # It tells of every start and stop of its own.
        logging.getLogger("mcp").setLevel(logging.WARNING)
        self._manager = StreamableHTTPSessionManager(
            mcp_server(self._asker, config),
            json_response=True,
            stateless=True,
            max_request_body_size=_MAX_BODY_BYTES,
        )
        self._is_ending = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()

    async def start(self) -> None:
        """Run until `close`."""
        has_started = asyncio.Event()

        async def run() -> None:
            # One task enters and leaves it: it has a group of tasks.
            async with self._manager.run():
                has_started.set()
                await self._is_ending.wait()

        self._task = asyncio.create_task(run())
        await has_started.wait()

    async def close(self) -> None:
        """End it."""
        self._is_ending.set()
        if self._task is not None:
            await self._task

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._manager.handle_request(scope, receive, send)

    def _asker(self, request: Any, is_deleting: bool) -> AbstractContextManager[Asker]:
        app = self._guarded if is_deleting else self._read_api
        return InsideAsker(app, self._loop, request.scope)

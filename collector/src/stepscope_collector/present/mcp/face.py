"""The application at /mcp: streamable HTTP, without sessions.

Every request stands for itself, so that nothing is kept for clients who never come back, and any
of several collectors may answer. The SDK is loaded with the first request: it takes a second and
20 MB, which a collector that nobody asks like this need not spend.
"""

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from stepscope_collector.access.guard import TOKEN_NAME
from stepscope_collector.access.hosts import is_own_host
from stepscope_collector.config import McpConfig
from stepscope_collector.errors import NotFound, PermissionDenied

if TYPE_CHECKING:
    from stepscope_collector.present.mcp.http import Sessionless

__all__ = ["McpFace"]


class McpFace:
    """Answers POST.

    `read_api` is what the tools ask, `guarded` the same behind the gate, for those that delete. Both must
    be set before the first request.

    Args:
        config: budget of an answer, and whether there are tools that delete.
        allowed_hosts: names of this server, beside addresses and localhost, that a page may have
            been loaded from.
    """

    def __init__(self, config: McpConfig, allowed_hosts: Collection[str] = ()) -> None:
        self.read_api: ASGIApp | None = None
        self.guarded: ASGIApp | None = None
        self._config = config
        self._names = frozenset(name.lower() for name in allowed_hosts)
        self._served: Sessionless | None = None
        self._loading = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request.

        Raises:
            PermissionDenied: a page of another origin sent it, and no token came with it.
            NotFound: the SDK is not installed.
        """
        self._check_origin(scope)
        if scope["method"] != "POST":
            # No stream of the server's own and no session to end: the protocol asks for 405.
            await Response(status_code=405, headers={"allow": "POST"})(scope, receive, send)
            return
        served = await self._load()
        await served.answer(scope, receive, send)

    async def close(self) -> None:
        """End what goes on."""
        if self._served is not None:
            await self._served.close()

    def _check_origin(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if not origin or scope.get(TOKEN_NAME):
            return
        host = urlsplit(origin).netloc
        if host != headers.get("host") and not is_own_host(host, self._names):
            raise PermissionDenied(
                f"a page of {origin!r} may not ask here", hint="send a token with the request"
            )

    async def _load(self) -> "Sessionless":
        async with self._loading:
            if self._served is None:
                assert self.read_api is not None
                assert self.guarded is not None
                kind = await asyncio.to_thread(_sessionless)
                self._served = kind(self.read_api, self.guarded, self._config)
                await self._served.start()
            return self._served


def _sessionless() -> Any:
    try:
        # Comes with an extra, and is loaded by the first request.
        from stepscope_collector.present.mcp.http import Sessionless
    except ImportError as error:
        raise NotFound(
            f"there is no /mcp: the Model Context Protocol needs {error.name}, which is not installed",
            hint="pip install 'stepscope-collector[mcp]' on the server",
        ) from error
    return Sessionless

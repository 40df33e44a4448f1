"""Refuses requests that a web page of somebody else sent through a name it controls.

A browser lets a page talk to its own host name. When that name suddenly resolves to 127.0.0.1 (DNS
rebinding), the page reads everything here; but the Host header still says the name. Addresses and
names of this machine cannot be such names. A request with a token comes from no such page. Probes tell nobody anything, so that they
are answered under every name, as balancers ask.
"""

import socket
from collections.abc import Collection
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from stepscope_collector.access.guard import TOKEN_NAME
from stepscope_collector.access.hosts import is_own_host
from stepscope_collector.present.rest.encode import dumps

__all__ = ["PROBES", "HostCheck"]

PROBES: Final = frozenset({"/healthz", "/readyz"})
"""Paths that need no token."""


def _address_of(scope: Scope) -> str:
    """URL of the socket through which a request came."""
    host, port = scope.get("server") or ("127.0.0.1", 4319)
    return f"{scope['scheme']}://{f'[{host}]' if ':' in host else host}:{port}"


class HostCheck:
    """Answers 421 to requests whose Host is not this machine."""

    def __init__(self, app: ASGIApp, names: Collection[str] = ()) -> None:
        self._app = app
        self._names = frozenset({name.lower() for name in names} | {socket.gethostname().lower()})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host = Headers(scope=scope).get("host", "")
        if scope.get(TOKEN_NAME) or scope["path"] in PROBES or is_own_host(host, self._names):
            await self._app(scope, receive, send)
            return
        error = {
            "code": "misdirected",
            "message": f"host {host!r} is not this server",
            "hint": f"use the address of the server: {_address_of(scope)}",
        }
        body = Response(dumps({"error": error}), 421, media_type="application/json")
        await body(scope, receive, send)

"""The gate before an HTTP application, whatever the path and method of a request."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from stepscope_collector.access.credentials import CHALLENGES
from stepscope_collector.access.gate import Gate
from stepscope_collector.access.tokens import Scope
from stepscope_collector.errors import (
    PermissionDenied,
    StepscopeError,
    StoreUnavailable,
    Unauthenticated,
)

__all__ = ["TOKEN_NAME", "TOKEN_USER", "Guard"]

_Scope = MutableMapping[str, Any]
_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_App = Callable[[_Scope, _Receive, _Send], Awaitable[None]]

TOKEN_NAME: Final = "stepscope.token"  # noqa: S105 a key, no token
"""Key in the scope of a request: the name of its token; "" when none was needed."""
TOKEN_USER: Final = "stepscope.user"  # noqa: S105 a key, no token
"""Likewise: the user whose executions the answer may show; None: all."""


class Guard:
    """An ASGI app around another, which sees admitted requests only.

    Args:
        app: the other.
        gate: knows the tokens.
        transport: how requests come here, for the counts.
        need: from method and path, the scope a token must have; None: none is needed.
        refusal: from the error and the request's content type, media type and body of the answer.
        of_tenant: the app of a tenant, by its name; or StoreUnavailable. None: there are no tenants, and who
            has a token of one is not known.
    """

    def __init__(
        self,
        app: _App,
        gate: Gate,
        transport: str,
        need: Callable[[str, str], Scope | None],
        refusal: Callable[[StepscopeError, str], tuple[str, bytes]],
        of_tenant: Callable[[str], Awaitable[_App]] | None = None,
    ) -> None:
        self._app = app
        self._gate = gate
        self._transport = transport
        self._need = need
        self._refusal = refusal
        self._of_tenant = of_tenant

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Pass the request on, or refuse it without reading its body."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # nothing here speaks anything else
        need = self._need(scope["method"], scope["path"])
        app = self._app
        if need is not None:
            try:
                given = _values(scope, b"authorization")
                admitted = self._gate.admit(given, need, self._transport)
                scope[TOKEN_NAME] = admitted.name
                scope[TOKEN_USER] = admitted.user
                if admitted.tenant is not None:
                    app = await self._app_of(admitted.tenant)
            except (Unauthenticated, PermissionDenied, StoreUnavailable) as error:
                await self._refuse(error, scope, send)
                return
        await app(scope, receive, send)

    async def _app_of(self, tenant: str) -> _App:
        if self._of_tenant is None:
            raise Unauthenticated
        return await self._of_tenant(tenant)

    async def _refuse(self, error: StepscopeError, scope: _Scope, send: _Send) -> None:
        content_type = next(iter(_values(scope, b"content-type")), "")
        media_type, body = self._refusal(error, content_type)
        headers = [("content-type", media_type), ("content-length", str(len(body)))]
        if isinstance(error, Unauthenticated):
            headers += [("www-authenticate", challenge) for challenge in CHALLENGES]
        if error.retry_after_s:
            headers.append(("retry-after", str(error.retry_after_s)))
        if _values(scope, b"expect"):
            # The client may never send the body it announced.
            headers.append(("connection", "close"))
        raw = [(name.encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": error.http_status, "headers": raw})
        await send({"type": "http.response.body", "body": body})


def _values(scope: _Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]

"""Errors as answers of the read API, whoever raised them."""

import logging
from typing import Final
from urllib.parse import unquote

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match

from stepscope_collector.errors import NotFound, StepscopeError
from stepscope_collector.present.rest.encode import dumps, error_body

__all__ = ["HANDLERS"]

logger = logging.getLogger(__name__)


async def _on_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, StepscopeError)
    headers = {"retry-after": str(error.retry_after_s)} if error.retry_after_s else None
    return Response(error_body(error), error.http_status, headers, "application/json")


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return await _on_error(
            request, NotFound(f"there is no {unquote(request.url.path)}", hint="see /openapi.json")
        )
    if error.status_code == 405:
        # Starlette names those of the first route at this path only.
        here = [r for r in request.app.routes if r.matches(request.scope)[0] is not Match.NONE]
        allowed = ", ".join(sorted({method for route in here for method in route.methods}))
        message = f"{request.method[:20]} is not for {unquote(request.url.path)}"
        body = {"code": "method_not_allowed", "message": message, "hint": f"use {allowed}"}
        return Response(dumps({"error": body}), 405, {"allow": allowed}, "application/json")
    body = {"code": "bad_request", "message": str(error.detail).lower()}
    return Response(dumps({"error": body}), error.status_code, error.headers, "application/json")


async def _on_bug(_request: Request, error: Exception) -> Response:
    if isinstance(error, ClientDisconnect):
        return Response(status_code=400)
    logger.error("request failed", exc_info=error)
    body = error_body(StepscopeError("something went wrong inside the collector; see its log"))
    return Response(body, 500, media_type="application/json")


HANDLERS: Final = {
    StepscopeError: _on_error,
    HTTPException: _on_http_error,
    Exception: _on_bug,
}
"""By the class of an error; Starlette takes the nearest one."""

"""Lets pages of named origins send OTLP/HTTP from a browser (OTLP checklist H25)."""

import re
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

__all__ = ["with_cors"]

_MAX_AGE_S = 7200
"""How long a browser may remember a preflight; Chromium caps it at this."""


def with_cors(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """The app, before it what answers the preflights of browsers; they carry no credentials.

    Args:
        app: any.
        origins: those allowed, with `*` for any characters; none: the app as it is.
    """
    if not origins:
        return app
    pattern = "|".join(re.escape(origin).replace(r"\*", "[^/]*") for origin in origins)
    return _Cors(
        app,
        allow_origin_regex=pattern,
        allow_methods=["POST"],
        allow_headers=["*"],
        max_age=_MAX_AGE_S,
    )


class _Cors(CORSMiddleware):
    """Says nothing at all to a page of another origin."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """204 with what is allowed, or without it."""
        allowed = super().preflight_response(request_headers)
        if allowed.status_code != 200:
            return Response(status_code=204, headers={"vary": "Origin"})
        headers = {
            name: value
            for name, value in allowed.headers.items()
            if name not in ("content-length", "content-type")
        }
        return Response(status_code=204, headers=headers)

"""Paths whose ids may hold any sign, a slash as well.

A server decodes the path before it is routed, and then `%2F` in an id is a `/` between two segments.
So routes are matched on the encoded path, and each segment is decoded alone.
"""

import re
from typing import Final
from urllib.parse import quote, unquote

from starlette.convertors import Convertor, register_url_convertor
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["EncodedPath", "route_path"]

_NAME: Final = re.compile(r"\{(\w+)\}")


class _Segment(Convertor[str]):
    regex = "[^/]+"

    def convert(self, value: str) -> str:
        return unquote(value)

    def to_string(self, value: str) -> str:
        return quote(value, safe="")


register_url_convertor("segment", _Segment())


def route_path(path: str) -> str:
    """A path with `{names}` as Starlette takes it, each of them one encoded segment."""
    return _NAME.sub(r"{\1:segment}", path)


class EncodedPath:
    """Middleware: puts the path as it was sent, one spelling for each sign, in the place of the decoded."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands the request on."""
        raw = scope.get("raw_path")
        if scope["type"] == "http" and raw:
            segments = raw.decode("latin-1").partition("?")[0].split("/")
            path = "/".join(quote(unquote(each), safe="") for each in segments)
            scope = {**scope, "path": path}
        await self._app(scope, receive, send)

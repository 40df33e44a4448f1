"""The head of an OTLP/HTTP request, as ASGI has it.

Read without Starlette's `Headers`, which looks through all of them for each that is asked for: six times for a
small request.
"""

from typing import Final

from starlette.types import Scope

from stepscope_collector.access.guard import TOKEN_NAME
from stepscope_collector.decode.batch import Encoding
from stepscope_collector.receive.responses import MEDIA_TYPES

__all__ = ["Head", "encoding_of"]

_ENCODINGS: Final[dict[str, Encoding]] = {media: name for name, media in MEDIA_TYPES.items()}


class Head:
    """What stands before the body of a request; of a header that comes twice, the first."""

    def __init__(self, scope: Scope) -> None:
        self.method: str = scope["method"]
        client = scope.get("client")
        self.address: str = client[0] if client else ""
        self.token: str = scope.get(TOKEN_NAME, "")
        self._headers: dict[bytes, bytes] = dict(reversed(list(scope["headers"])))
        self.encoding: Encoding | None = encoding_of(self.text(b"content-type"))
        """How the body is written; None: not as OTLP is, or it is not told."""

    def text(self, name: bytes) -> str:
        """The value of a header, "" where it is not there; `name` in lower case."""
        return self._headers.get(name, b"").decode("latin-1")

    @property
    def content_length(self) -> str | None:
        """As sent; None: not there."""
        return self.text(b"content-length") if b"content-length" in self._headers else None

    @property
    def announced_bytes(self) -> int:
        """The Content-Length for a note of the refusal; 0 where there is none that can be true."""
        text = self.content_length or ""
        return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for word before it sends the body."""
        return self.text(b"expect").lower() == "100-continue"


def encoding_of(media_type: str) -> Encoding | None:
    """How a body of that Content-Type is written; None: not as OTLP is."""
    # RFC 9110 8.3.1: case does not matter, and parameters follow a semicolon.
    return _ENCODINGS.get(media_type.partition(";")[0].strip().lower())

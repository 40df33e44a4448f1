"""uvicorn's HTTP with an end to heads: what is neither body nor a complete head is kept in memory.

The parser gathers a header, or a trailer after a chunked body, until it is whole, and knows no limit;
so a stranger could make the process grow. This counts the bytes that bring a request no further.
"""

from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["MAX_HEAD_BYTES", "LimitedHttp"]

MAX_HEAD_BYTES: Final = 64 * 1024
"""Of a head or of trailers. Common servers take 8 to 64 KiB; gRPC's core takes 16 KiB. One read of the
socket, at most 256 KiB, may come on top."""

_REFUSAL: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class LimitedHttp(HttpToolsProtocol):
    """Answers 431 and closes when a head is too large."""

    _stalled_bytes = 0
    _has_progress = False

    def data_received(self, data: bytes) -> None:
        """Parse what has come, or end a connection that brings no request."""
        self._has_progress = False
        super().data_received(data)
        if self._has_progress:
            self._stalled_bytes = 0
            return
        self._stalled_bytes += len(data)
        if self._stalled_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_REFUSAL)
            self.transport.close()

    def on_headers_complete(self) -> None:
        """A head is whole."""
        self._has_progress = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a body has come."""
        self._has_progress = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole."""
        self._has_progress = True
        super().on_message_complete()

"""uvicorn's HTTP with limits of its own: on heads, on time, on connections.

Its parser gathers a header, or a trailer after a chunked body, until it is whole, and knows no
limit; so a stranger could make the process grow. It waits for clients that dribble, and takes as
many connections as there come.
"""

import asyncio
from typing import Any, Final, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["HttpLimits", "limited_http"]

_REFUSAL: Final = b"content-length: 0\r\nconnection: close\r\n\r\n"
_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\n" + _REFUSAL
_TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\n" + _REFUSAL
_PROGRESS_BYTES: Final = 64 * 1024
"""Of a body; so much earns it more time."""


class HttpLimits(Protocol):
    """What an HTTP port lets in."""

    @property
    def http_head_bytes(self) -> int:
        """Of a head or of trailers; one read of the socket, at most 256 KiB, may come on top."""

    @property
    def http_read_timeout_s(self) -> float:
        """Seconds for the head, and then for each 64 KiB of the body or the rest of it."""

    @property
    def http_max_connections(self) -> int:
        """Connections at one time."""


def limited_http(limits: HttpLimits) -> type[asyncio.Protocol]:
    """The protocol of a port with these limits, for uvicorn."""

    class Limited(_LimitedHttp):
        _limits = limits

    return Limited


class _LimitedHttp(HttpToolsProtocol):
    """Answers 431 when a head is too large, 408 when a request takes too long, and closes."""

    _limits: HttpLimits
    _stalled_bytes = 0
    _has_progress = False
    _body_bytes = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A client is there; the first request is to come."""
        super().connection_made(transport)
        if len(self.connections) > self._limits.http_max_connections:
            self.transport.abort()
        else:
            self._allow_time()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has come, or end a connection that brings no request."""
        self._has_progress = False
        if self._timer is None:  # between requests uvicorn's own timer has the connection
            self._allow_time()
        super().data_received(data)
        if self._has_progress:
            self._stalled_bytes = 0
            return
        self._stalled_bytes += len(data)
        if self._stalled_bytes > self._limits.http_head_bytes:
            self._end(_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """A head is whole."""
        self._has_progress = True
        self._body_bytes = 0
        self._allow_time()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a body has come."""
        self._has_progress = True
        self._body_bytes += len(body)
        if self._body_bytes >= _PROGRESS_BYTES:
            self._body_bytes = 0
            self._allow_time()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole."""
        self._has_progress = True
        self._stop_timer()
        super().on_message_complete()

    def _allow_time(self) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(self._limits.http_read_timeout_s, self._end, _TOO_SLOW)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self, answer: bytes) -> None:
        self._stop_timer()
        if self.transport.is_closing():
            return
        # An answer may be on its way already, to a request whose body was refused.
        cycle: Any = self.cycle  # None before the first request, whatever uvicorn declares
        if cycle is None or cycle.response_complete or not cycle.response_started:
            self.transport.write(answer)
        self.transport.close()

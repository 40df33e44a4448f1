"""One call, as its handler sees it."""

import asyncio
import base64
from typing import Final, NamedTuple, Protocol, cast
from urllib.parse import quote

import grpc
import grpc.aio

from stepscope_collector.errors import PayloadUndecodable, UnsupportedMedia
from stepscope_collector.receive.answers import AT_ONCE_BYTES
from stepscope_collector.receive.http2.kernel import Event, Kind
from stepscope_collector.receive.limits import decompress, too_large

__all__ = ["Call", "Carrier", "Details"]

_PRINTABLE: Final = "".join(chr(each) for each in range(0x20, 0x7F) if each != 0x25)
"""What stands in `grpc-message` as it is (gRPC over HTTP/2, Responses)."""
_ENCODINGS: Final = ("gzip", "deflate")
_OVER: Final = (Kind.END, 0, 0)

Metadata = tuple[tuple[str, str | bytes], ...]


class Details(NamedTuple):
    """What is known of a call before it is read, as `grpc.HandlerCallDetails`."""

    method: str
    invocation_metadata: Metadata


class Carrier(Protocol):
    """What a call needs of its connection."""

    @property
    def peer(self) -> str:
        """Address of the client, in gRPC's notation."""

    def want(self, stream: int, limit: int) -> Event | None:
        """Ask for the next message of a call; what there is already."""

    async def write(self, stream: int, message: bytes) -> None:
        """Send a message as soon as the client takes it."""

    def end(self, stream: int, message: bytes | None, trailers: list[tuple[str, str]]) -> None:
        """End a call."""


class Call:
    """Satisfies what handlers use of `grpc.aio.ServicerContext`; for the event loop.

    Args:
        carrier: its connection.
        stream: its number there.
        details: method and metadata.
        limit: bytes of a message, before and after decompression.
    """

    def __init__(self, carrier: Carrier, stream: int, details: Details, limit: int) -> None:
        self._carrier = carrier
        self._stream = stream
        self._details = details
        self._limit = limit
        self._waiting: asyncio.Future[Event] | None = None
        self._early: Event | None = None
        """What came before somebody waited for it."""
        self._is_done = False

    def invocation_metadata(self) -> Metadata:
        """Names and values of the head."""
        return self._details.invocation_metadata

    def peer(self) -> str:
        """Address of the client, `ipv4:1.2.3.4:5` or `ipv6:[::1]:5`."""
        return self._carrier.peer

    def done(self) -> bool:
        """Whether the call has ended."""
        return self._is_done

    async def read(self) -> bytes | None:
        """The next message, unpacked; None: there is none.

        Raises:
            InternalError: the call has ended.
            PayloadTooLarge: it is over the limit.
            PayloadUndecodable: it is not packed as the head says.
            UnsupportedMedia: it is packed by a method we do not know.
        """
        if self._is_done:
            raise grpc.aio.InternalError("the call has ended")
        event = self._carrier.want(self._stream, self._limit) or self._early
        self._early = None
        if event is None:
            self._waiting = asyncio.get_running_loop().create_future()
            event = await self._waiting
        if event[0] == Kind.MESSAGE:
            message = cast("bytes", event[3])
            return await self._unpacked(message) if event[2] else message
        if event[0] == Kind.TOO_LARGE:
            raise too_large(f"message of {event[2]} bytes", self._limit)
        return None

    async def _unpacked(self, message: bytes) -> bytes:
        encoding = next(
            (str(value) for key, value in self.invocation_metadata() if key == "grpc-encoding"), ""
        )
        if encoding in {"", "identity"}:
            raise PayloadUndecodable("message is compressed, and no grpc-encoding says how")
        if encoding not in _ENCODINGS:
            raise UnsupportedMedia(
                f"grpc-encoding {encoding[:40]!r} is not supported; use {', '.join(_ENCODINGS)}"
            )
        if len(message) <= AT_ONCE_BYTES // 4:
            return decompress(message, encoding, self._limit)
        unpacking = asyncio.create_task(
            asyncio.to_thread(decompress, message, encoding, self._limit)
        )
        try:
            return await asyncio.shield(unpacking)
        except asyncio.CancelledError:
            await asyncio.wait(
                [unpacking]
            )  # it keeps its turn until then, for its message is in memory
            unpacking.exception()  # nobody is there to be told
            raise

    async def write(self, message: bytes) -> None:
        """Send a message; returns when the client takes it.

        Raises:
            InternalError: the call has ended.
        """
        if self._is_done:
            raise grpc.aio.InternalError("the call has ended")
        await self._carrier.write(self._stream, message)

    async def abort(
        self,
        code: grpc.StatusCode,
        details: str = "",
        trailing_metadata: tuple[tuple[str, bytes], ...] = (),
    ) -> None:
        """End the call with an error.

        Raises:
            AbortError: always, so that its handler goes no further; as grpcio does.
            InternalError: it has ended already.
        """
        if self._is_done:
            raise grpc.aio.InternalError("the call has ended")
        self.end(code, details, trailing_metadata)
        raise grpc.aio.AbortError

    def end(
        self,
        code: grpc.StatusCode,
        details: str = "",
        trailing_metadata: tuple[tuple[str, bytes], ...] = (),
        message: bytes | None = None,
    ) -> None:
        """End the call, if it has not ended; whoever reads finds no message."""
        if self._is_done:
            return
        trailers = [("grpc-status", str(code.value[0]))]
        if details:
            trailers.append(("grpc-message", quote(details, safe=_PRINTABLE)))
        trailers += [
            (key, base64.b64encode(value).decode().rstrip("=")) for key, value in trailing_metadata
        ]
        self.over()
        self._carrier.end(self._stream, message, trailers)

    def over(self) -> None:
        """The call has ended."""
        self._is_done = True
        self.tell(_OVER)

    def tell(self, event: Event) -> None:
        """What has come for whoever reads."""
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            self._early = event
        elif not waiting.done():
            waiting.set_result(event)

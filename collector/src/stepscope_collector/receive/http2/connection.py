"""One connection: its socket on one side, its calls on the other."""

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from stepscope_collector.receive.http2.call import Call, Details
from stepscope_collector.receive.http2.kernel import Event, Kind, connection

__all__ = ["Connection", "Times"]

logger = logging.getLogger(__name__)

_PING_ANSWER_S: Final = 20.0
"""How long the answer to a ping may take, as gRPC has it by itself."""
_JITTER: Final = 0.1
"""Connections that began together do not end together."""
_IPV4_IN_IPV6: Final = "::ffff:"
"""A client of IPv4 on a port of both (RFC 4291, 2.5.5.2); gRPC's core says IPv4, too."""
_HTTP_1: Final = (b"GET ", b"POST ", b"PUT ", b"HEAD ", b"OPTIONS ")
_OTHER_PORT: Final = b"this port speaks gRPC; OTLP/HTTP has another, by default 4318\n"
_WRONG_PORT: Final = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(_OTHER_PORT), _OTHER_PORT)
)


class Times(NamedTuple):
    """How long what may take, in seconds."""

    greeting_s: float
    keepalive_s: float
    """A client that is silent for so long is asked whether it is there."""
    age_s: float
    """A connection that old takes no more calls; 0: no limit."""
    age_grace_s: float


class Connection(asyncio.Protocol):
    """Has a task for each call; for the event loop.

    Args:
        times: of it.
        limit_of: bytes of a message of a method.
        serve: answers a call, and ends it.
        opened: is told of the connection; False: there are too many.
        closed: is told of its end.
    """

    def __init__(
        self,
        times: Times,
        limit_of: Callable[[str], int],
        serve: Callable[[Call, Details], Any],
        opened: Callable[["Connection"], bool],
        closed: Callable[["Connection"], None],
    ) -> None:
        self._times = times
        self._limit_of = limit_of
        self._serve = serve
        self._opened = opened
        self._closed = closed
        self._loop = asyncio.get_running_loop()
        self._http = connection()
        self._transport: Any = None
        self._calls: dict[int, tuple[Call, asyncio.Task[None]]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._came = asyncio.Event()
        self._heard_s = 0.0
        self._asked_s = 0.0
        self._is_paused = False
        self.peer = ""
        """Address of the client, in gRPC's notation."""

    def connection_made(self, transport: Any) -> None:
        """A client is there; TLS has been agreed on."""
        self._transport = transport
        if not self._opened(self):
            transport.abort()
            return
        host, port = (transport.get_extra_info("peername") or ("", 0))[:2]
        host = host.removeprefix(_IPV4_IN_IPV6) if "." in host else host
        self.peer = f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}"
        self._heard_s = self._loop.time()
        self._after("greeting", self._times.greeting_s, self._end_silent)
        self._after("keepalive", self._times.keepalive_s, self._look)
        if self._times.age_s:
            jitter = random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 nobody gains by guessing
            self._after("age", self._times.age_s * jitter, self._retire)
        # nothing is sent yet: a client of HTTP/1 would read our settings in place of its answer

    def data_received(self, data: bytes) -> None:
        """Bytes of the client."""
        self._heard_s = self._loop.time()
        if self._http.is_greeting and data.startswith(_HTTP_1):
            self._transport.write(_WRONG_PORT)
            self._transport.close()
            return
        try:
            events = self._http.receive(data)
        except RuntimeError as error:
            self._give_up(error)
            return
        self._handle(events)
        self._flush()
        self._came.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone, and all its calls with it."""
        for timer in self._timers.values():
            timer.cancel()
        self._came.set()
        self._handle([(Kind.RESET, stream) for stream in self._calls])
        self._closed(self)

    def pause_writing(self) -> None:
        """The client does not take what it is sent: it need not send more."""
        self._is_paused = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """It does again."""
        self._is_paused = False
        if not self._transport.is_closing():
            self._transport.resume_reading()
            self._flush()
        self._came.set()

    def want(self, stream: int, limit: int) -> Event | None:
        """As `Carrier.want`."""
        found = None
        for event in self._http.want(stream, limit):
            if event[1] == stream and event[0] != Kind.RESET:
                found = event
            else:
                self._handle([event])
        if found is None:
            self._flush()  # that the client may send
        return found

    async def write(self, stream: int, message: bytes) -> None:
        """As `Carrier.write`."""
        while not self._transport.is_closing() and (
            self._is_paused or not self._http.write(stream, message)
        ):
            self._flush()
            self._came.clear()
            await self._came.wait()  # until the client takes more, or says how much
        self._flush()

    def end(self, stream: int, message: bytes | None, trailers: list[tuple[str, str]]) -> None:
        """As `Carrier.end`."""
        self._calls.pop(stream, None)
        self._http.end(stream, message, trailers)
        self._flush()

    def go_away(self) -> None:
        """Take no new calls, and close after the last of those that are there."""
        self._http.go_away()
        self._flush()

    def close(self) -> None:
        """Close after what has been written."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def calls(self) -> list[tuple[Call, asyncio.Task[None]]]:
        """Those that have not ended."""
        return list(self._calls.values())

    def _handle(self, events: list[Event]) -> None:
        for event in events:
            kind, stream = event[:2]
            if kind == Kind.CALL:
                details = Details(event[2], tuple(event[3]))
                call = Call(self, stream, details, self._limit_of(details.method))
                task = self._loop.create_task(self._serve(call, details))
                self._calls[stream] = call, task
            elif (there := self._calls.get(stream)) is not None:
                if kind == Kind.RESET:
                    call, task = self._calls.pop(stream)
                    call.over()
                    task.cancel()
                else:
                    there[0].tell(event)

    def _flush(self) -> None:
        """Send what there is to send, as far as the client takes it."""
        if self._is_paused or self._transport.is_closing():
            return
        try:
            data, events = self._http.output()
        except RuntimeError as error:
            self._give_up(error)
            return
        if data:
            self._transport.write(data)
        if events:
            self._handle(events)
        if self._http.is_closed:
            self._transport.close()

    def _give_up(self, error: RuntimeError) -> None:
        logger.error("connection ended by a bug", exc_info=error)
        self._transport.abort()

    def _after(self, name: str, seconds: float, run: Callable[[], None]) -> None:
        self._timers[name] = self._loop.call_later(seconds, run)

    def _end_silent(self) -> None:
        if self._http.is_greeting:
            self._transport.abort()

    def _look(self) -> None:
        silent_s = self._loop.time() - self._heard_s
        if silent_s < self._times.keepalive_s:
            self._after("keepalive", self._times.keepalive_s - silent_s, self._look)
            return
        self._asked_s = self._loop.time()
        self._http.ping()
        self._flush()
        self._after("keepalive", _PING_ANSWER_S, self._end_vanished)

    def _end_vanished(self) -> None:
        # by the loop's clock, of milliseconds, an answer may come when the ping goes
        if self._heard_s < self._asked_s:
            self._transport.abort()
        else:
            self._look()

    def _retire(self) -> None:
        self.go_away()
        self._after("age", self._times.age_grace_s, self.abort)

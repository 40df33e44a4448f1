"""One call of our own gRPC server, alone."""

import asyncio
from typing import Any

import grpc
import pytest

from stepscope_collector.receive.http2.call import Call, Details
from stepscope_collector.receive.http2.kernel import Event, Kind


class Wire:
    """Has what it is given, and keeps what it is told."""

    peer = "ipv4:127.0.0.1:1"

    def __init__(self, *events: Event | None) -> None:
        self.events = list(events)
        self.ends: list[Any] = []

    def want(self, stream: int, limit: int) -> Event | None:
        return self.events.pop(0)

    async def write(self, stream: int, message: bytes) -> None:
        raise AssertionError

    def end(self, stream: int, message: bytes | None, trailers: list[tuple[str, str]]) -> None:
        self.ends.append((stream, message, trailers))


def _call(wire: Wire) -> Call:
    return Call(wire, 1, Details("/a/b", ()), 100)


def test_a_message_is_there_or_comes_before_or_after_somebody_waits() -> None:
    """ours: nothing that has come is forgotten, whenever the connection is asked."""

    async def check() -> None:
        there = (Kind.MESSAGE, 1, False, b"there")
        assert await _call(Wire(there)).read() == b"there"
        early = _call(Wire(None, None))
        early.tell((Kind.MESSAGE, 1, False, b"early"))
        assert await early.read() == b"early"
        reading = asyncio.create_task(early.read())
        await asyncio.sleep(0)
        early.tell((Kind.END, 1, 0))
        assert await reading is None

    asyncio.run(check())


def test_who_reads_when_the_call_is_ended_finds_no_message() -> None:
    """ours: a call that is cut because its message does not come."""

    async def check() -> None:
        wire = Wire(None)
        call = _call(wire)
        reading = asyncio.create_task(call.read())
        await asyncio.sleep(0)
        with pytest.raises(grpc.aio.AbortError):
            await call.abort(grpc.StatusCode.CANCELLED, "too late: 100 %")
        assert await reading is None
        assert wire.ends == [
            (1, None, [("grpc-status", "1"), ("grpc-message", "too late: 100 %25")])
        ]
        with pytest.raises(grpc.aio.InternalError):
            await call.read()
        with pytest.raises(grpc.aio.InternalError):
            await call.abort(grpc.StatusCode.CANCELLED)
        call.end(grpc.StatusCode.OK)
        assert len(wire.ends) == 1

    asyncio.run(check())

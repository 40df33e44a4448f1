"""Messages of gRPC calls have to come in time, and in less of it when workers are short."""

import asyncio
from typing import Any

import grpc
import grpc.aio

from stepscope_collector.receive.grpc_reading import Line, Reading

_WAIT_S = 20


class Call:
    """A call whose message comes when it is let, or whose client is told that it is over."""

    def __init__(self) -> None:
        self._message: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.code: grpc.StatusCode | None = None

    async def read(self) -> Any:
        return await self._message

    def send(self, message: object) -> None:
        self._message.set_result(message)

    async def abort(self, code: grpc.StatusCode, _: str) -> None:
        self.code = code
        self._message.set_exception(grpc.aio.AbortError())
        raise grpc.aio.AbortError


class Desk:
    """Eight workers that read, by a clock that stands."""

    def __init__(self) -> None:
        self.now = 100.0
        self.reading = Reading(30.0, 8, lambda: self.now)

    async def read(self) -> tuple[Call, asyncio.Task[bytes | None]]:
        call = Call()
        task = asyncio.create_task(self.reading.next(call))  # type: ignore[arg-type]  # a context
        await asyncio.sleep(0)  # it reads
        return call, task


async def _of(message: asyncio.Task[bytes | None]) -> bytes | None:
    return await asyncio.wait_for(message, _WAIT_S)


def test_a_message_that_comes_in_time_is_read() -> None:
    """issue #4: slow bodies; who is only slow is not ended."""

    async def check() -> None:
        desk = Desk()
        call, message = await desk.read()
        desk.now += 29
        await desk.reading.end_late()
        call.send(b"at last")
        assert await _of(message) == b"at last"
        desk.now += 1000
        await desk.reading.end_late()
        assert call.code is None

    asyncio.run(check())


def test_a_call_that_ends_without_a_message_has_none() -> None:
    """OTLP: G8: gRPC has an object of its own for the end."""

    async def check() -> None:
        call, message = await Desk().read()
        call.send(grpc.aio.EOF)
        assert await _of(message) is None

    asyncio.run(check())


def test_a_message_that_does_not_come_ends_the_call() -> None:
    """issue #4: slow bodies."""

    async def check() -> None:
        desk = Desk()
        late, none = await desk.read()
        other, message = await desk.read()
        desk.now += 20
        fresh, more = await desk.read()
        other.send(b"x")
        assert await _of(message) == b"x"
        desk.now += 11
        await desk.reading.end_late()
        assert await _of(none) is None
        codes = [call.code for call in (late, other, fresh)]
        assert codes == [grpc.StatusCode.CANCELLED, None, None]
        fresh.send(b"y")
        assert await _of(more) == b"y"

    asyncio.run(check())


def test_when_half_of_the_workers_wait_they_wait_less_long() -> None:
    """issue #4: silent calls, as many as there are workers, must not shut out the others."""

    async def check() -> None:
        desk = Desk()
        calls = [await desk.read() for _ in range(4)]
        desk.now += 3
        await desk.reading.end_late()
        assert {call.code for call, _ in calls} == {None}
        fifth, message = await desk.read()
        await desk.reading.end_late()
        assert [await _of(none) for _, none in calls] == [None] * 4
        assert fifth.code is None
        fifth.send(b"z")
        assert await _of(message) == b"z"

    asyncio.run(check())


def test_a_line_that_is_slow_is_kept_short_as_long_as_many_come() -> None:
    """ours: 400 clients with 10 s of patience before four threads got 30 answers a second at first and 6 in
    the end, all other work was for calls that were given up (measured, 2026-11-21)."""
    now = 100.0
    line = Line(2, lambda: now)
    places = [line.join() for _ in range(9)]
    assert places.count(None) == 1  # four times as many as workers
    for place in places[:7]:
        line.leave(place)
    now += 9  # it was full a moment ago
    assert [line.join() is None for _ in range(3)] == [False, True, True]
    now += 9.9  # and again
    assert line.join() is None
    now += 60.1  # those nobody has seen leave are forgotten
    places = [line.join() for _ in range(8)]
    assert None not in places
    now += 1.1
    line.leave(places[0])  # slow
    assert line.join() is None


def test_a_line_that_moves_may_be_long() -> None:
    """ours: a burst is no overload."""
    now = 100.0
    line = Line(2, lambda: now)
    for _ in range(100):
        places = [line.join() for _ in range(8)]
        now += 0.5
        for place in places:
            assert place is not None
            line.leave(place)

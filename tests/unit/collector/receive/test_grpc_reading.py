"""Messages of gRPC calls have to come in time, and in less of it when threads are short."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from stepscope_collector.receive.grpc_reading import Line, Reading

_WAIT_S = 20


class Call:
    """A call whose message comes when it is let, or whose client is told that it is over."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.ended = threading.Event()
        self.message: list[bytes] = []
        self.is_cancelled = False

    def __iter__(self) -> Iterator[bytes]:
        self.began.set()
        assert self.ended.wait(_WAIT_S)
        yield from self.message

    def send(self, message: bytes) -> None:
        self.message.append(message)
        self.ended.set()

    def cancel(self) -> None:
        self.is_cancelled = True
        self.ended.set()


class Desk:
    """Eight threads that read, by a clock that stands."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.now = 100.0
        self.reading = Reading(30.0, 8, lambda: self.now)
        self._pool = pool

    def read(self) -> tuple[Call, Future[Any]]:
        call = Call()
        future = self._pool.submit(self.reading.next, iter(call), call)  # type: ignore[arg-type]  # a context
        assert call.began.wait(_WAIT_S)
        return call, future


@pytest.fixture
def desk() -> Iterator[Desk]:
    with ThreadPoolExecutor(8) as pool:
        yield Desk(pool)


def test_a_message_that_comes_in_time_is_read(desk: Desk) -> None:
    """issue #4: slow bodies; who is only slow is not ended."""
    call, message = desk.read()
    desk.now += 29
    desk.reading.end_late()
    call.send(b"at last")
    assert message.result(_WAIT_S) == b"at last"
    desk.now += 1000
    desk.reading.end_late()
    assert not call.is_cancelled


def test_a_message_that_does_not_come_ends_the_call(desk: Desk) -> None:
    """issue #4: slow bodies."""
    (late, none), (other, message) = desk.read(), desk.read()
    desk.now += 20
    fresh, more = desk.read()
    other.send(b"x")
    assert message.result(_WAIT_S) == b"x"
    desk.now += 11
    desk.reading.end_late()
    assert none.result(_WAIT_S) is None
    assert (late.is_cancelled, other.is_cancelled, fresh.is_cancelled) == (True, False, False)
    fresh.send(b"y")
    assert more.result(_WAIT_S) == b"y"


def test_when_half_of_the_threads_wait_they_wait_less_long(desk: Desk) -> None:
    """issue #4: silent calls, as many as there are threads, must not shut out the others."""
    calls = [desk.read() for _ in range(4)]
    desk.now += 3
    desk.reading.end_late()
    assert not any(call.is_cancelled for call, _ in calls)
    fifth, message = desk.read()
    desk.reading.end_late()
    assert [future.result(_WAIT_S) for _, future in calls] == [None] * 4
    assert not fifth.is_cancelled
    fifth.send(b"z")
    assert message.result(_WAIT_S) == b"z"


def test_a_line_that_is_slow_is_kept_short_as_long_as_many_come() -> None:
    """ours: 400 clients with 10 s of patience before four threads got 30 answers a second at first and 6 in
    the end, all other work was for calls that were given up (measured, 2026-11-21)."""
    now = 100.0
    line = Line(2, lambda: now)
    places = [line.join() for _ in range(9)]
    assert places.count(None) == 1  # four times as many as threads
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

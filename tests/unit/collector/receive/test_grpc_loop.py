"""The event loop of OTLP/gRPC: it awaits what other threads resolve, and is woken once for many."""

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from stepscope_collector.receive.answers import Answers
from stepscope_collector.receive.grpc_loop import LoopThread

_WAIT_S = 20


def test_futures_that_are_resolved_together_wake_the_loop_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """issue #6: small batches: a wake-up for each answer costs as much as a request of 32 spans."""

    async def check() -> None:
        loop, woken = asyncio.get_running_loop(), 0
        wake = loop.call_soon_threadsafe

        def counted(*call: Any) -> Any:
            nonlocal woken
            woken += 1
            return wake(*call)

        monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
        answers = Answers()
        futures: list[Future[int]] = [Future() for _ in range(20)]
        waiting = [asyncio.create_task(answers.of(each)) for each in futures]
        await asyncio.sleep(0)
        for number, each in enumerate(futures):  # the loop cannot run meanwhile
            each.set_result(number)
        assert woken == 1
        assert await asyncio.gather(*waiting) == list(range(20))
        done: Future[int] = Future()
        done.set_result(7)
        assert await answers.of(done) == 7
        assert woken == 1

    asyncio.run(check())


def test_no_future_is_forgotten_whoever_resolves_it_and_when() -> None:
    """ours: threads that resolve while the loop is waking."""

    async def check() -> None:
        answers = Answers()
        futures: list[Future[int]] = [Future() for _ in range(4000)]
        waiting = [asyncio.create_task(answers.of(each)) for each in futures]
        await asyncio.sleep(0)

        def resolve(first: int) -> None:
            for number in range(first, len(futures), 4):
                futures[number].set_result(number)

        with ThreadPoolExecutor(4) as pool:
            for first in range(4):
                pool.submit(resolve, first)
            found = await asyncio.wait_for(asyncio.gather(*waiting), _WAIT_S)
        assert found == list(range(len(futures)))

    asyncio.run(check())


def test_a_failure_is_raised_and_a_cancelled_wait_cancels_nothing() -> None:
    """OTLP: C9: a commit goes on for others, whatever becomes of one call."""

    async def check() -> None:
        answers = Answers()
        failing: Future[int] = Future()
        given_up: Future[int] = Future()
        first = asyncio.create_task(answers.of(failing))
        second = asyncio.create_task(answers.of(given_up))
        await asyncio.sleep(0)
        second.cancel()
        failing.set_exception(ZeroDivisionError())
        given_up.set_result(1)
        with pytest.raises(ZeroDivisionError):
            await first
        with pytest.raises(asyncio.CancelledError):
            await second

    asyncio.run(check())


def test_what_is_resolved_after_the_end_of_the_loop_harms_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """ours: a commit may come after the grace of a stop."""
    late: Future[int] = Future()

    async def leave() -> None:
        waiting = asyncio.create_task(Answers().of(late))
        await asyncio.sleep(0)
        waiting.cancel()

    asyncio.run(leave())
    late.set_result(1)
    assert late.result() == 1
    assert caplog.records == []  # where an error of a callback would stand


def test_a_thread_of_its_own_runs_what_others_ask_for() -> None:
    """ours: start, run, close; an error is raised where it was asked for."""
    loop = LoopThread("a-loop")
    loop.start()

    async def name() -> str:
        return threading.current_thread().name

    async def fail() -> None:
        raise ZeroDivisionError

    try:
        assert loop.run(name()) == "a-loop"
        with pytest.raises(ZeroDivisionError):
            loop.run(fail())
    finally:
        loop.close()
    assert "a-loop" not in {thread.name for thread in threading.enumerate()}

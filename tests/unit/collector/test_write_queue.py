"""What shares a transaction, and what the writer thread is woken for (decision 10)."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from stepscope_collector.admission import Admission
from stepscope_collector.config import IngestConfig
from stepscope_collector.decode.batch import Batch
from stepscope_collector.errors import StoreUnavailable
from stepscope_collector.waiting import Waiting, Work
from stepscope_collector.write_queue import Group, WriteQueue
from tests.unit.collector.taking import WAIT_S

_LONG_MS = 600_000
"""Far longer than the tests wait: a group that is there has not waited for it."""
_ENOUGH_BYTES = 1000


class _Writer:
    """A queue whose requests are answered before their commit, and the thread that takes one group."""

    def __init__(self) -> None:
        self.has_looked = threading.Event()
        config = IngestConfig(group_max_wait_ms=_LONG_MS)
        self.queue = WriteQueue(
            config, Admission(10**9), answers_first=self._look, enough_bytes=_ENOUGH_BYTES
        )
        self._pool = ThreadPoolExecutor(1)

    def _look(self) -> bool:
        """The thread asks this once each time it is awake and finds nothing more."""
        self.has_looked.set()
        return True

    def gather(self, first: Waiting) -> "Future[Group | Work | None]":
        """Begin a group; when this returns, the thread has seen that nothing else is there."""
        self.queue.put(first)
        taken = self._pool.submit(self.queue.take)
        assert self.has_looked.wait(WAIT_S)
        return taken


def request(size: int = 10) -> Waiting:
    return Waiting(Batch("traces"), size, None, None, Future())


def requests_of(taken: "Future[Group | Work | None]") -> list[Waiting]:
    group = taken.result(WAIT_S)
    assert isinstance(group, Group)
    return group.requests


def test_requests_that_are_answered_already_share_a_group_and_wake_nobody():
    """issue #6: small batches; a thread that each of them wakes takes the interpreter from those who decode."""
    writer = _Writer()
    made = [request() for _ in range(20)]
    taken = writer.gather(made[0])
    for each in made[1:]:
        writer.queue.put(each)
        threading.Event().wait(0.01)  # for a thread that is awake to take it out
    assert writer.queue.size >= len(made) - 3  # it may have taken one or two while it went to sleep
    work = Work(lambda *_: None)
    writer.queue.put(work)
    assert requests_of(taken) == made
    assert writer.queue.take() is work


def test_a_group_of_enough_bytes_waits_for_nothing_more():
    """issue #6: group commit by bytes."""
    writer = _Writer()
    made = [request(), request(_ENOUGH_BYTES)]
    taken = writer.gather(made[0])
    writer.queue.put(made[1])
    assert requests_of(taken) == made


def test_what_is_in_a_finished_group_does_not_count_for_the_next():
    """issue #6: else every group after the first would be as small as can be."""
    writer = _Writer()
    taken = writer.gather(request())
    writer.queue.put(request(_ENOUGH_BYTES))
    assert len(requests_of(taken)) == 2
    writer.has_looked.clear()
    again = writer.gather(request())
    writer.queue.put(request())
    assert not again.done()
    writer.queue.put(request(_ENOUGH_BYTES))
    assert len(requests_of(again)) == 3


def test_a_question_makes_the_writer_begin():
    """decision 10: what was answered is seen by every question from then on."""
    writer = _Writer()
    made = request()
    taken = writer.gather(made)
    with ThreadPoolExecutor(1) as asking:
        has_caught_up = asking.submit(writer.queue.catch_up, WAIT_S)
        assert requests_of(taken) == [made]
        writer.queue.settled(made.sequence, is_stalled=False)
        assert has_caught_up.result(WAIT_S)


def test_a_sender_that_waits_for_its_commit_makes_the_writer_begin():
    """decision 10: what only a commit can tell, as whether a log record is beyond a limit, is answered after it."""
    writer = _Writer()
    made = [request(), request()]
    taken = writer.gather(made[0])
    writer.queue.put(made[1], is_awaited=True)
    assert requests_of(taken) == made


def test_the_end_takes_what_waits_and_nothing_more():
    """OTLP: G19: a stop commits what waits."""
    writer = _Writer()
    made = request()
    taken = writer.gather(made)
    writer.queue.end()
    assert requests_of(taken) == [made]
    assert writer.queue.take() is None
    with pytest.raises(StoreUnavailable):
        writer.queue.put(request())

"""What shares a transaction, and what the writer thread is woken for (decision 10)."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from stepscope_collector.admission import Admission
from stepscope_collector.config import IngestConfig
from stepscope_collector.decode.batch import Batch, Plan, Signal
from stepscope_collector.decode.request import decode_request
from stepscope_collector.decode.streams import table_of
from stepscope_collector.errors import StoreUnavailable
from stepscope_collector.waiting import Waiting, Work
from stepscope_collector.write_queue import Group, WriteQueue
from tests.strategies.workflows import span
from tests.unit.collector.taking import WAIT_S, payload

_LONG_MS = 600_000
"""Far longer than the tests wait: a group that is there has not waited for it."""
_ENOUGH_BYTES = 1000
_ENOUGH_ROWS = 500
_MOST_BYTES = 8000
_ROW_GROUP = 100


class Writer:
    """A queue whose requests are answered before their commit, and the thread that takes one group."""

    def __init__(self, most_rows: int = _ENOUGH_ROWS) -> None:
        self.looks = 0
        self.is_answering = True
        self.has_looked = threading.Event()
        config = IngestConfig(
            group_max_wait_ms=_LONG_MS, group_max_rows=most_rows, group_max_bytes=_MOST_BYTES
        )
        self.queue = WriteQueue(
            config,
            Admission(10**9),
            answers_first=self._look,
            enough_bytes=_ENOUGH_BYTES,
            row_group=_ROW_GROUP,
        )
        self._pool = ThreadPoolExecutor(1)

    def _look(self) -> bool:
        """The thread asks this once each time it is awake and finds nothing more."""
        self.looks += 1
        self.has_looked.set()
        return self.is_answering

    def gather(self, first: Waiting) -> "Future[Group | Work | None]":
        """Begin a group; when this returns, the thread has seen that nothing else is there."""
        self.queue.put(first)
        taken = self.take()
        assert self.has_looked.wait(WAIT_S)
        return taken

    def take(self) -> "Future[Group | Work | None]":
        """What the thread takes next."""
        return self._pool.submit(self.queue.take)

    def end(self) -> None:
        """Let the thread go."""
        self.queue.end()
        self._pool.shutdown(wait=False)


@pytest.fixture
def writer() -> Iterator[Writer]:
    made = Writer()
    yield made
    made.end()


def request(size: int = 10, rows: int = 1, signal: Signal = "traces") -> Waiting:
    return Waiting(Batch(signal, row_count=rows), size, None, None, Future())


def spans(*names: str, size: int = 10) -> Waiting:
    """A request of spans as it is decoded."""
    data = payload(*(span(name, scope="x") for name in names))
    return Waiting(decode_request("traces", data, "protobuf", Plan()), size, None, None, Future())


def overdue(waiting: Waiting) -> Waiting:
    """A request that has waited as long as a group may."""
    waiting.received_s -= _LONG_MS / 1000
    return waiting


def names_of(waiting: Waiting) -> list[str]:
    assert waiting.batch.rows is not None
    names: list[str] = table_of(waiting.batch.rows).column("name").to_pylist()
    assert len(names) == waiting.batch.row_count
    return names


def requests_of(taken: "Future[Group | Work | None]") -> list[Waiting]:
    group = taken.result(WAIT_S)
    assert isinstance(group, Group)
    return group.requests


def test_requests_that_are_answered_already_share_a_group_and_wake_nobody(writer):
    """issue #6: small batches; a thread that each of them wakes takes the interpreter from those who decode."""
    made = [request() for _ in range(20)]
    taken = writer.gather(made[0])
    for each in made[1:]:
        writer.queue.put(each)
        threading.Event().wait(0.01)  # for a thread that is awake to take it out
    work = Work(lambda *_: None)
    writer.queue.put(work)
    assert requests_of(taken) == made
    assert writer.looks <= 4  # twice while it went to sleep, once or twice when the work woke it
    assert writer.take().result(WAIT_S) is work


def test_a_group_of_enough_bytes_waits_for_nothing_more(writer):
    """issue #6: group commit by bytes."""
    made = [request(), request(_ENOUGH_BYTES)]
    taken = writer.gather(made[0])
    writer.queue.put(made[1])
    assert requests_of(taken) == made


def test_a_group_of_as_many_rows_as_a_transaction_may_have_waits_for_nothing_more(writer):
    """issue #6: group commit by rows."""
    made = [request(), request(rows=_ENOUGH_ROWS - 1)]
    taken = writer.gather(made[0])
    writer.queue.put(made[1])
    assert requests_of(taken) == made


def test_a_group_of_few_bytes_a_row_waits_for_as_many_rows_as_it_may_have(writer):
    """issue #6: a row group that is whole costs half as much to store as its parts."""
    made = [request(_ENOUGH_BYTES, rows=_ENOUGH_ROWS // 2) for _ in range(2)]
    taken = writer.gather(made[0])
    assert not taken.done()
    writer.queue.put(made[1])
    assert requests_of(taken) == made


def test_a_request_of_spans_is_cut_where_a_row_group_ends_and_goes_on_in_the_next():
    """issue #6: DuckDB writes groups of a row group, or several, without its log."""
    writer = Writer(most_rows=_ROW_GROUP)
    try:
        before = request(rows=_ROW_GROUP - 2)
        made = spans("a", "b", "c", "d", "e")
        writer.queue.put(before)
        writer.queue.put(made)
        first, part = requests_of(writer.take())
        assert first is before
        assert names_of(part) == ["a", "b"]
        assert (part.is_part, part.payload_bytes, part.is_admitted) == (True, 0, False)
        writer.queue.put(request(rows=_ROW_GROUP - 3))
        rest, _ = requests_of(writer.take())
        assert names_of(rest) == ["c", "d", "e"]
        assert (rest.is_part, rest.payload_bytes, rest.is_admitted) == (False, 10, True)
        assert rest.future is part.future is made.future
        assert rest.sequence == part.sequence == made.sequence
        assert rest.receipt() == made.receipt()  # its sender is told of all of it
        writer.queue.put(spans(*"abcde"))
        writer.queue.end()
        (last,) = requests_of(writer.take())
        assert names_of(last) == [*"abcde"]
    finally:
        writer.end()


def test_a_request_of_many_row_groups_is_cut_into_them():
    """issue #6: the same for one request of tens of thousands of spans."""
    writer = Writer(most_rows=_ROW_GROUP)
    try:
        made = spans(*(str(n) for n in range(2 * _ROW_GROUP + 1)))
        writer.queue.put(made)
        writer.queue.end()
        parts = [requests_of(writer.take()) for _ in range(3)]
        assert [name for (part,) in parts for name in names_of(part)] == names_of(made)
        assert [part.is_part for (part,) in parts] == [True, True, False]
        assert writer.take().result(WAIT_S) is None
    finally:
        writer.end()


def test_what_is_beyond_a_row_group_when_the_time_is_up_goes_with_the_next_group():
    """issue #6: DuckDB writes a small rest of a commit twice: into its log, and when the row group is filled."""
    writer = Writer(most_rows=3 * _ROW_GROUP)
    try:
        made = [overdue(request(rows=_ROW_GROUP - 2)), spans(*"abcde"), spans("f")]
        for each in made:
            writer.queue.put(each)
        first, part = requests_of(writer.take())
        assert (first, names_of(part), part.is_part) == (made[0], ["a", "b"], True)
        taken = writer.gather(request(rows=_ROW_GROUP))
        assert not taken.done()  # they have as long as those that came with them
        writer.queue.put(overdue(request()))
        writer.queue.end()
        rest, last, *_ = requests_of(taken)
        assert (names_of(rest), last) == (["c", "d", "e"], made[2])
        assert writer.take().result(WAIT_S) is None
    finally:
        writer.end()


def test_what_is_held_goes_before_other_work():
    """ours: work sees all that was put in before it."""
    writer = Writer(most_rows=3 * _ROW_GROUP)
    try:
        work = Work(lambda *_: None)
        writer.queue.put(overdue(request(rows=_ROW_GROUP)))
        writer.queue.put(held := spans("a"))
        assert len(requests_of(writer.take())) == 1
        writer.queue.put(work)
        assert requests_of(writer.take()) == [held]
        assert writer.take().result(WAIT_S) is work
    finally:
        writer.end()


def test_nothing_is_held_that_somebody_waits_for():
    """decision 10: a question, or a sender whose answer comes after the commit, waits for one commit."""
    for is_answering, is_awaited in ((True, True), (False, False)):
        writer = Writer(most_rows=3 * _ROW_GROUP)
        try:
            writer.is_answering = is_answering
            writer.queue.put(overdue(request(rows=_ROW_GROUP)))
            writer.queue.put(spans("a"), is_awaited=is_awaited)
            assert [each.batch.row_count for each in requests_of(writer.take())] == [_ROW_GROUP, 1]
        finally:
            writer.end()


def test_a_group_that_is_full_of_bytes_ends_with_a_row_group():
    """issue #6: the same for spans of a kilobyte, of which no two row groups fit."""
    writer = Writer(most_rows=3 * _ROW_GROUP)
    try:
        half = _MOST_BYTES // 2
        before = request(half, rows=_ROW_GROUP - 1)
        for each in (before, spans("a", "b", size=half), request(half)):
            writer.queue.put(each)
        first, part = requests_of(writer.take())
        assert (first, names_of(part)) == (before, ["a"])
    finally:
        writer.end()


@pytest.mark.parametrize(
    ("most_rows", "signal"), [(_ROW_GROUP, "logs"), (_ROW_GROUP, "metrics"), (150, "traces")]
)
def test_what_has_no_identity_or_makes_no_row_group_is_not_cut(most_rows, signal):
    """decision 10: a request of log records or points is known by its content as a whole."""
    writer = Writer(most_rows)
    try:
        made = [request(rows=most_rows - 1, signal=signal), request(rows=2, signal=signal)]
        for each in made:
            writer.queue.put(each)
        assert requests_of(writer.take()) == made[:1]
        writer.queue.end()
        assert requests_of(writer.take()) == made[1:]
    finally:
        writer.end()


def test_a_request_that_is_known_as_a_whole_when_it_comes_again_is_not_cut():
    """issue #2: a request with spans that are refused has a hash, so that they are noted once."""
    writer = Writer(most_rows=_ROW_GROUP)
    try:
        made = spans("a", "b", "c")
        made.request_hash = b"h" * 16
        before = request(rows=_ROW_GROUP - 1)
        writer.queue.put(before)
        writer.queue.put(made)
        assert requests_of(writer.take()) == [before]
        writer.queue.end()
        assert requests_of(writer.take()) == [made]
    finally:
        writer.end()


def test_a_request_that_cannot_be_cut_goes_as_it_is(caplog):
    """ours: the thread that takes requests out must live, whatever one of them holds."""
    writer = Writer(most_rows=_ROW_GROUP)
    try:
        made = request(rows=_ROW_GROUP + 1)  # without the rows it tells of
        writer.queue.put(made)
        assert requests_of(writer.take()) == [made]
        assert "request not cut" in caplog.text
    finally:
        writer.end()


def test_the_writer_looks_again_when_answers_begin_to_wait(writer):
    """decision 10: then senders wait for commits, and a group that waits for more keeps them."""
    made = request()
    taken = writer.gather(made)
    writer.is_answering = False
    writer.queue.wake()
    assert requests_of(taken) == [made]


def test_what_is_in_a_finished_group_does_not_count_for_the_next(writer):
    """issue #6: else every group after the first would be as small as can be."""
    taken = writer.gather(request())
    writer.queue.put(request(_ENOUGH_BYTES))
    assert len(requests_of(taken)) == 2
    writer.has_looked.clear()
    again = writer.gather(request())
    writer.queue.put(request())
    assert not again.done()
    writer.queue.put(request(_ENOUGH_BYTES))
    assert len(requests_of(again)) == 3


def test_a_question_makes_the_writer_begin(writer):
    """decision 10: what was answered is seen by every question from then on."""
    made = request()
    taken = writer.gather(made)
    with ThreadPoolExecutor(1) as asking:
        has_caught_up = asking.submit(writer.queue.catch_up, WAIT_S)
        assert requests_of(taken) == [made]
        writer.queue.settled(made.sequence, is_stalled=False)
        assert has_caught_up.result(WAIT_S)


def test_a_sender_that_waits_for_its_commit_makes_the_writer_begin(writer):
    """decision 10: what only a commit can tell, as whether a log record is beyond a limit, is answered after it."""
    made = [request(), request()]
    taken = writer.gather(made[0])
    writer.queue.put(made[1], is_awaited=True)
    assert requests_of(taken) == made


def test_the_end_takes_what_waits_and_nothing_more(writer):
    """OTLP: G19: a stop commits what waits."""
    made = request()
    taken = writer.gather(made)
    writer.queue.end()
    assert requests_of(taken) == [made]
    assert writer.take().result(WAIT_S) is None
    with pytest.raises(StoreUnavailable):
        writer.queue.put(request())


def test_where_answers_wait_what_came_during_a_commit_waits_for_the_senders_of_it(writer):
    """ours: their requests are as old as that commit is long, and those that it answers come back now."""
    writer.is_answering = False
    writer.queue._last_commit_s = 4 * WAIT_S
    writer.queue._expected_requests = 2
    made = [overdue(request()), request()]
    taken = writer.gather(made[0])
    writer.queue.put(made[1])
    assert requests_of(taken) == made

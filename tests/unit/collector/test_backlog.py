"""Requests are answered when they are on disk, and are in the history for whoever asks from then on."""

import shutil
import threading
from concurrent.futures import Future
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope_collector.backlog import Backlog, Unanswered, backlog, has_backlog
from stepscope_collector.backlog.files import Files
from stepscope_collector.cli.server import wait_for
from stepscope_collector.config import IngestConfig
from stepscope_collector.errors import StoreUnavailable, Unwritable
from stepscope_collector.importing.source import read_source
from stepscope_collector.ingest import Receipt
from stepscope_collector.mapping.compile import compile_profiles
from stepscope_collector.mapping.profile import load_shipped
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.files import backlog_directory
from stepscope_collector.tee import Record
from tests.strategies.workflows import span
from tests.unit.collector.taking import WAIT_S, payload, taking
from tests.unit.collector.test_ingest import POISON, log_request

NAMES = "select name from stored.spans order by name"


def requests_of(folder):
    return sorted(folder.glob("*.requests"))


@contextmanager
def standing(take):
    """The writer stands still inside the block."""
    go_on = threading.Event()
    is_here = threading.Event()

    def stand(committer, plan):
        is_here.set()
        assert go_on.wait(WAIT_S)

    holder = threading.Thread(target=take.ingest.between_commits, args=(stand,))
    holder.start()
    assert is_here.wait(WAIT_S)
    try:
        yield
    finally:
        go_on.set()
        holder.join(WAIT_S)


class Failing(Committer):
    """Fails while `is_failing`, as on a full disk."""

    is_failing = True

    def commit(self, group, now, now_ns):
        if type(self).is_failing:
            raise StoreUnavailable("no space left")
        return super().commit(group, now, now_ns)


def test_answers_come_before_the_commit_and_questions_after_it(tmp_path):
    """issue #6, item 2: a checkpoint does not stall answers; design: what was answered is there."""
    path = tmp_path / "x.duckdb"
    with taking(path, backlog=backlog_directory(path)) as take:
        with standing(take):
            for name in ("a", "b"):
                assert take.take(payload(span(name))).accepted == 1
            asked = threading.Thread(target=lambda: seen.append(take.rows(NAMES)))
            seen = []
            asked.start()
        asked.join(WAIT_S)
        assert seen == [[("a",), ("b",)]]
        assert take.counts() == {"stored": 2}
    assert not backlog_directory(path).exists()


def test_a_question_does_not_wait_for_more_to_share_its_commit(tmp_path):
    """issue #7, item 4: a finished execution counts within 2 s; who asks waits for one commit only."""
    path = tmp_path / "x.duckdb"
    config = IngestConfig(group_max_wait_ms=1000)
    with taking(path, backlog=backlog_directory(path), config=config) as take:
        take.take(payload(span("a")))
        assert take.ingest.catch_up(WAIT_S)
        assert take.rows(NAMES) == [("a",)]
        assert take.ingest.catch_up(0)


def test_what_a_crash_left_is_committed_once_at_the_next_start(tmp_path):
    """issue #2: kill -9 after the answer: everything is there, nothing twice, all signals."""
    path = tmp_path / "x.duckdb"
    after = tmp_path / "after"
    with taking(path, backlog=backlog_directory(path)) as take:
        take.take(payload(span("before")))
        take.rows(NAMES)
        with standing(take):
            take.take(payload(span("a"), span("before")))
            take.take(log_request("one"), "logs")
            shutil.copytree(tmp_path, after)
        take.rows(NAMES)
    copy = after / "x.duckdb"
    for _ in range(2):  # the second time as if the first had been killed at its end
        assert has_backlog(copy)
        left = [(each, each.read_bytes()) for each in requests_of(backlog_directory(copy))]
        with taking(copy, backlog=backlog_directory(copy)) as take:
            assert take.rows(NAMES) == [("a",), ("before",)]
            assert take.rows("select count(*) from stored.log_records") == [(1,)]
        assert not backlog_directory(copy).exists()
        backlog_directory(copy).mkdir()
        for each, content in left:
            each.write_bytes(content)


@given(cut=st.integers(0, 400), garbage=st.binary(max_size=40))
def test_a_torn_end_costs_only_what_nobody_was_told_of(tmp_path_factory, cut, garbage):
    """design, section 4: whatever a loss of power leaves behind the last sync, the rest is read."""
    folder = tmp_path_factory.mktemp("torn")
    files = Files(folder)
    files.append([Record("traces", "protobuf", b"x" * 50, 0, sequence=1)])
    files.append([Record("logs", "json", b"{}", 0, sequence=2)])
    ((path,),) = [requests_of(folder)]
    synced = path.stat().st_size
    files.append([Record("metrics", "protobuf", b"y" * 90, 0, sequence=3)])
    files.close()
    whole = path.read_bytes()
    end = min(len(whole) - 1, synced + cut)
    path.write_bytes(whole[:end] + garbage)
    found = [(each.signal, each.body, each.sequence) for each in Files(folder).left()]
    assert found[:2] == [("traces", b"x" * 50, 1), ("logs", b"{}", 2)]
    assert found[2:] in ([], [("metrics", b"y" * 90, 3)])


def test_files_go_when_all_in_them_is_committed(tmp_path):
    """issue #7, R017: nothing of what was stored, or removed since, stays behind in the backlog."""
    folder = tmp_path / "backlog"
    files = Files(folder)
    big = b"z" * (9 << 18)
    for sequence in (1, 2, 3):
        files.append([Record("traces", "protobuf", big, 0, sequence=sequence)])
        files.settled(0)
    assert len(requests_of(folder)) == 2
    files.settled(2)
    assert sum(each.stat().st_size for each in requests_of(folder)) < 2 * len(big)
    files.settled(3)
    assert sum(each.stat().st_size for each in requests_of(folder)) == 0
    files.append([Record("traces", "protobuf", b"again", 0, sequence=4)])
    files.close()
    again = Files(folder)
    assert [each.body for each in again.left()] == [b"again"]
    assert again.next == 5
    again.forget_left()
    again.close()
    assert not folder.exists()


def test_when_much_waits_answers_wait_for_the_commit(tmp_path):
    """issue #2, back-pressure: senders become slower before anything is refused."""
    path = tmp_path / "x.duckdb"
    body = payload(span("a" * 4000))
    with taking(
        path, backlog=backlog_directory(path), max_inflight_bytes=4 * len(body)
    ) as take:  # fmt: skip
        with standing(take):
            for _ in range(2):
                take.take(body)
            third = take.ingest.submit("traces", body, "protobuf")
            with pytest.raises(TimeoutError):
                third.result(0.3)
        assert third.result(WAIT_S).accepted == 1


def test_while_room_is_made_answers_wait_for_the_commit(tmp_path):
    """issue #7: a cap holds whatever comes in: senders are no faster than commits, then than removal."""
    path = tmp_path / "x.duckdb"
    with taking(path, backlog=backlog_directory(path)) as take:
        assert take.ingest.taken_bytes == 0
        take.take(payload(span("a")))
        assert take.ingest.taken_bytes == len(payload(span("a")))
        take.ingest.waits_for_commits = lambda: True
        with standing(take):
            second = take.ingest.submit("traces", payload(span("b")), "protobuf")
            with pytest.raises(TimeoutError):
                second.result(0.3)
        assert second.result(WAIT_S).accepted == 1


def test_what_is_answered_is_tried_until_the_store_takes_it(tmp_path):
    """OTLP checklist H17: a full disk that comes after the answer loses nothing."""
    path = tmp_path / "x.duckdb"
    Failing.is_failing = True
    with taking(path, backlog=backlog_directory(path), committer=Failing) as take:
        assert take.take(payload(span("a"))).accepted == 1

        def take_more():
            for _ in range(10_000):  # from the first failure on nothing is answered early
                take.take(payload(span("b")))

        with pytest.raises(StoreUnavailable, match="no space left"):
            take_more()
        assert take.rows(NAMES) == []  # at once, while the store cannot be written
        Failing.is_failing = False
        assert wait_for(lambda: take.rows(NAMES)[:1] == [("a",)] or None, WAIT_S)
        assert wait_for(lambda: take.ingest.catch_up(WAIT_S) or None, WAIT_S)
        assert "waiting" not in take.counts()


def test_what_the_store_can_never_take_is_kept_as_a_file(tmp_path):
    """design: bad input gets a clear error and nothing is lost, even after its answer."""
    path = tmp_path / "x.duckdb"
    folder = backlog_directory(path)
    poisoned = payload(span("bad", scope="x", attributes={"n": "none"}))
    with taking(path, backlog=folder, mapping=compile_profiles([*load_shipped(), POISON])) as take:
        try:
            take.take(poisoned)
        except Unwritable:
            pytest.skip("the commit was faster than the disk")
        take.take(payload(span("good", scope="x")))
        assert take.rows(NAMES) == [("good",)]
        assert take.rows("select reason from stored.rejections") == [("unwritable",)]
    (kept,) = folder.iterdir()
    assert kept.read_bytes() == poisoned
    assert [piece.payload for piece in read_source(kept)] == [poisoned]


def test_what_a_crash_left_and_the_store_can_never_take_is_kept(tmp_path):
    """ours: it was looked for among what the new process had taken, and lost."""
    path = tmp_path / "x.duckdb"
    after = tmp_path / "after"
    poisoned = payload(span("bad", scope="x", attributes={"n": "none"}))
    with taking(path, backlog=backlog_directory(path)) as take, standing(take):
        take.take(payload(span("good", scope="x")))
        take.take(poisoned)
        shutil.copytree(tmp_path, after)
    copy = after / "x.duckdb"
    folder = backlog_directory(copy)
    mapping = compile_profiles([*load_shipped(), POISON])
    blocked = folder / f"{2:020}-traces.unwritable"
    blocked.mkdir()  # no file can be written there
    with taking(copy, backlog=folder, mapping=mapping) as take:
        assert take.rows(NAMES) == [("good",)]
    assert has_backlog(copy)
    blocked.rmdir()
    with taking(copy, backlog=folder, mapping=mapping) as take:
        assert take.rows(NAMES) == [("good",)]
    assert [each.read_bytes() for each in folder.iterdir()] == [poisoned]
    assert not has_backlog(copy)


def test_what_cannot_be_kept_now_is_kept_later(tmp_path, caplog):
    """ours: a disk that was full at that moment lost the request, as what is settled is removed."""
    path = tmp_path / "x.duckdb"
    folder = backlog_directory(path)
    poisoned = payload(span("bad", scope="x", attributes={"n": "none"}))
    kept = folder / f"{1:020}-traces.unwritable"
    kept.mkdir(parents=True)  # no file can be written there
    with taking(path, backlog=folder, mapping=compile_profiles([*load_shipped(), POISON])) as take:
        with standing(take):
            take.take(poisoned)
        assert wait_for(lambda: "request not kept" in caplog.text or None, WAIT_S)
        assert take.take(payload(span("good", scope="x"))).accepted == 1
        assert take.rows(NAMES) == [("good",)]
        (waiting,) = requests_of(folder)
        assert poisoned in waiting.read_bytes()
        kept.rmdir()
        assert take.take(payload(span("later", scope="x"))).accepted == 1
        assert take.rows(NAMES) == [("good",), ("later",)]
        assert wait_for(lambda: kept.exists() or None, WAIT_S)
    assert list(folder.iterdir()) == [kept]
    assert kept.read_bytes() == poisoned


def test_without_space_for_the_backlog_answers_wait_for_commits(tmp_path, monkeypatch):
    """OTLP checklist H17: the backlog only makes answers faster."""
    path = tmp_path / "x.duckdb"

    def full(*_):
        raise OSError(28, "No space left on device")

    with taking(path, backlog=backlog_directory(path)) as take:
        monkeypatch.setattr(Files, "append", full)
        assert take.take(payload(span("a"))).accepted == 1
        assert take.rows(NAMES) == [("a",)]


@contextmanager
def a_backlog(folder, monkeypatch, share_s, recent_s=10 * WAIT_S):
    """One that answers all, how to put requests in, and how many each sync had; it goes on with `go_on`."""
    monkeypatch.setattr(backlog, "_SHARE_S", share_s)
    monkeypatch.setattr(backlog, "_RECENT_S", recent_s)
    shared, go_on = [], threading.Semaphore(0)
    append = Files.append

    def slow(files, records):
        shared.append([record.sequence for record in records])
        assert go_on.acquire(timeout=WAIT_S)
        append(files, records)

    monkeypatch.setattr(Files, "append", slow)
    one = Backlog(folder, lambda: True, lambda: None)
    one.start()

    def put(sequence):
        future = Future()
        record = Record("traces", "protobuf", b"x", 0, sequence=sequence)
        one.put(Unanswered(record, future, Receipt(1, 0, "")))
        return future

    try:
        yield put, shared, go_on
    finally:
        for _ in range(10):
            go_on.release()
        one.close()


def share_one(put, shared, go_on):
    """The second and the third request in one sync: they came while the first had its own."""
    first = put(1)
    assert wait_for(lambda: shared or None, WAIT_S)
    two = [put(2), put(3)]
    for _ in range(2):
        go_on.release()
    assert [each.result(WAIT_S).accepted for each in (first, *two)] == [1, 1, 1]
    assert shared == [[1], [2, 3]]


def test_a_sender_alone_does_not_wait_for_others_to_share_its_sync(tmp_path, monkeypatch):
    """issue #6, item 2: no wait that gains nothing."""
    with a_backlog(tmp_path / "backlog", monkeypatch, share_s=10 * WAIT_S) as (put, shared, go_on):
        for sequence in (1, 2):
            answer = put(sequence)
            go_on.release()
            assert answer.result(WAIT_S).accepted == 1
    assert shared == [[1], [2]]


def test_requests_that_come_together_share_the_next_sync(tmp_path, monkeypatch):
    """issue #6, item 2: small-batch overhead: a sync waits until as many are there as shared the last one."""
    with a_backlog(tmp_path / "backlog", monkeypatch, share_s=10 * WAIT_S) as (put, shared, go_on):
        share_one(put, shared, go_on)
        fourth = put(4)
        with pytest.raises(TimeoutError):
            fourth.result(0.1)
        fifth = put(5)
        go_on.release()
        assert [each.result(WAIT_S).accepted for each in (fourth, fifth)] == [1, 1]
    assert shared == [[1], [2, 3], [4, 5]]


def test_a_request_long_after_those_that_shared_a_sync_waits_for_no_others(tmp_path, monkeypatch):
    """issue #6, item 2: exporters that send three signals every few seconds gain nothing from it."""
    folder = tmp_path / "backlog"
    with a_backlog(folder, monkeypatch, 10 * WAIT_S, recent_s=0) as (put, shared, go_on):
        share_one(put, shared, go_on)
        fourth = put(4)
        go_on.release()
        assert fourth.result(WAIT_S).accepted == 1
    assert shared == [[1], [2, 3], [4]]


def test_a_stop_waits_for_nobody_to_share_a_sync(tmp_path, monkeypatch):
    """design, section 4: what came in is on disk when the collector has stopped, and soon."""
    with a_backlog(tmp_path / "backlog", monkeypatch, share_s=10 * WAIT_S) as (put, shared, go_on):
        share_one(put, shared, go_on)
        fourth = put(4)
    assert fourth.result(0).accepted == 1
    assert shared == [[1], [2, 3], [4]]

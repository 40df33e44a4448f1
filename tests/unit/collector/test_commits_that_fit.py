"""What the engine's memory holds in one commit depends on the spans: what does not fit is written in parts."""

import threading
import time
from dataclasses import replace

import duckdb
import pytest

from stepscope_collector.config import IngestConfig, StoreConfig
from stepscope_collector.config.tree import LimitsConfig, TenantsConfig
from stepscope_collector.errors import StoreUnavailable
from stepscope_collector.store.commit import Committer
from stepscope_collector.write_queue import groups_that_fit
from tests.strategies.workflows import span
from tests.unit.collector.taking import WAIT_S, payload, taking
from tests.unit.collector.test_ingest import log_request

STORED = "select count(*) from stored.spans"
MIB = 1 << 20


class Small(Committer):
    """Has no memory for more rows than these."""

    fits = 45
    commits: list[int]

    def write(self, group, now, now_ns, *, may_wait=True):
        written = super().write(group, now, now_ns, may_wait=may_wait)
        rows = written.stored + (0 if group.logs is None else group.logs.num_rows)
        type(self).commits.append(rows)
        if rows > self.fits:
            raise duckdb.OutOfMemoryException("Out of Memory Error: no room")
        return written


@pytest.fixture
def small():
    Small.fits, Small.commits = 45, []
    return Small


def spans(name, count):
    return payload(*(span(f"{name}/{i}", scope="x") for i in range(count)))


def submitted(take, *, requests, each, name="r"):
    return [
        take.ingest.submit("traces", spans(f"{name}{n}", each), "protobuf") for n in range(requests)
    ]


def until(holds):
    end = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_what_does_not_fit_is_committed_in_parts(small, caplog):
    """issue #6: nobody's rows wait for ever because they came together."""
    with taking(committer=small) as take:
        with take.held():
            futures = submitted(take, requests=30, each=10)
        assert [future.result(WAIT_S).accepted for future in futures] == [10] * 30
        assert take.rows("select count(*) from stored.spans where name like 'r%'") == [(300,)]
        assert take.counts()["stored"] == take.rows(STORED)[0][0]
    assert "commit does not fit into the memory" in caplog.text
    assert small.commits[-1] <= 45
    assert len(small.commits) < 30, small.commits


def test_a_request_that_is_too_large_alone_is_cut(small):
    """ours: its sender is told once, of all its spans."""
    with taking(committer=small) as take:
        receipt = take.take(spans("large", 200))
        assert (receipt.accepted, receipt.rejected) == (200, 0)
        assert take.rows("select count(distinct name) from stored.spans") == [(200,)]
        assert take.counts() == {"stored": 200}


def test_what_cannot_be_cut_fails_alone(small):
    """ours: log records are known by their whole request when it comes again."""
    with taking(committer=small) as take:
        with take.held():
            good = submitted(take, requests=3, each=10)
            bad = take.ingest.submit("logs", log_request(*map(str, range(50))), "protobuf")
            good += submitted(take, requests=3, each=10, name="later ")
        assert [future.result(WAIT_S).accepted for future in good] == [10] * 6
        with pytest.raises(StoreUnavailable, match="no room"):
            bad.result(WAIT_S)
        assert take.counts("logs") == {"failed": 50}
        small.fits = 50
        assert take.take(log_request(*map(str, range(50))), "logs").accepted == 50


def test_memory_that_something_else_has_is_not_asked_for_row_by_row(small):
    """ours: each attempt costs as much as a commit, and nothing else is done meanwhile."""
    with taking(committer=small) as take:
        with take.held():
            small.fits = 0
            futures = submitted(take, requests=30, each=10)
        for future in futures:
            with pytest.raises(StoreUnavailable, match="no room"):
                future.result(WAIT_S)
        assert len(small.commits) < 15, small.commits
        assert take.counts()["failed"] == 300
        small.fits = 10**6
        assert take.take(spans("later", 20)).accepted == 20


def test_some_that_never_fit_do_not_keep_the_others_waiting(small, tmp_path):
    """ours: what cannot be cut is tried with the rest again, and comes last after a while."""
    config = IngestConfig(group_max_wait_ms=60_000)
    with taking(config=config, backlog=tmp_path / "b", committer=small) as take:
        futures = submitted(take, requests=2, each=10)
        for n in range(3):
            log = log_request(*(f"{n}/{i}" for i in range(50)))
            futures.append(take.ingest.submit("logs", log, "protobuf"))
        futures += submitted(take, requests=2, each=10, name="later ")
        assert [future.result(WAIT_S).accepted for future in futures] == [
            10,
            10,
            50,
            50,
            50,
            10,
            10,
        ]
        until(lambda: take.rows(STORED) == [(40,)])
        small.fits = 50
        until(lambda: take.rows("select count(*) from stored.log_records") == [(150,)])
        assert take.counts("logs")["stored"] == 150


def test_what_was_kept_does_not_wait_for_an_end_of_other_work(small, tmp_path, caplog):
    """ours: retention asks for one round after the other, for minutes."""
    is_over = threading.Event()

    def work(take):
        while not is_over.is_set():
            take.ingest.between_commits(lambda *_: is_over.wait(0.01))

    small.fits = 0
    with taking(backlog=tmp_path / "b", committer=small) as take:
        assert take.take(spans("kept", 10)).accepted == 10
        until(lambda: "commit refused" in caplog.text)
        workers = [threading.Thread(target=work, args=(take,)) for _ in range(2)]
        for worker in workers:
            worker.start()
        try:
            small.fits = 10**6
            until(lambda: take.rows(STORED) == [(10,)])
        finally:
            is_over.set()
            for worker in workers:
                worker.join(WAIT_S)


def test_a_commit_may_be_larger_again_once_there_is_room(small):
    """ours: a question may have had the memory."""
    with taking(committer=small) as take:
        take.take(spans("large", 200))
        small.fits = 10**6
        for n in range(40):
            small.commits.clear()
            take.take(spans(f"again {n}", 80))
        assert small.commits == [80]


def test_what_was_kept_for_another_try_is_no_larger_commit_than_others(small, tmp_path):
    """issue #6: a disk that is full for a moment while much is answered."""
    small.fits = 120
    config = IngestConfig(group_max_rows=100, group_max_wait_ms=60_000)
    is_under_way, may_fail = threading.Event(), threading.Event()

    class FailsOnce(small):
        def commit(self, *args):
            if not is_under_way.is_set():
                is_under_way.set()
                assert may_fail.wait(WAIT_S)
                raise StoreUnavailable("the store cannot commit now: disk full")
            return super().commit(*args)

    path = tmp_path / "stepscope.duckdb"
    with taking(path, config=config, backlog=tmp_path / "b", committer=FailsOnce) as take:
        futures = submitted(take, requests=9, each=10)
        assert [future.result(WAIT_S).accepted for future in futures] == [10] * 9
        futures = submitted(take, requests=1, each=10, name="full ")
        assert is_under_way.wait(WAIT_S)
        futures += submitted(take, requests=9, each=10, name="later ")
        assert [future.result(WAIT_S).accepted for future in futures] == [10] * 10
        may_fail.set()
        assert take.ingest.drain(WAIT_S)
        assert take.rows(STORED) == [(190,)]
        assert take.counts() == {"stored": 190}
    assert small.commits == [100, 90]


def test_the_memory_of_the_engine_is_what_counts(tmp_path, caplog):
    """issue #6: spans that are folded need several times the memory of others; real DuckDB."""
    config = StoreConfig(memory_limit_bytes=24 * MIB)
    path = tmp_path / "stepscope.duckdb"
    with taking(path, store=config, backlog=tmp_path / "backlog") as take:
        futures = []
        for n in range(30):
            made = [
                span(f"part {i}", trace=f"{n}/{i // 8}", scope="dbos-tracer",
                     attributes={"operationUUID": f"{n}/{i // 8}", "operationName": "w"})
                for i in range(400)
            ]  # fmt: skip
            futures.append(take.ingest.submit("traces", payload(*made), "protobuf"))
        assert [future.result(WAIT_S).accepted for future in futures] == [400] * 30
        assert take.ingest.drain(WAIT_S)
        assert take.rows(STORED) == [(12_000,)]
    assert "commit does not fit into the memory" in caplog.text, "the test has to be made harder"


def test_less_memory_and_less_under_way_make_smaller_groups():
    """docs/reference/config.md: one row group for each 96 MiB, and a quarter of what may be under way."""
    config, store = IngestConfig(), StoreConfig()
    assert groups_that_fit(config, store, LimitsConfig().max_inflight_bytes) == config
    tenants = TenantsConfig()
    of_tenant = replace(store, memory_limit_bytes=tenants.memory_limit_bytes)
    found = groups_that_fit(config, of_tenant, tenants.max_inflight_bytes)
    assert (found.group_max_rows, found.group_max_bytes) == (30_720, 16 * MIB)
    least = replace(store, memory_limit_bytes=64 * MIB)
    assert groups_that_fit(config, least, 1024).group_max_rows == 30_720
    few = replace(config, group_max_rows=10, group_max_bytes=5000)
    assert groups_that_fit(few, store, 1 << 30) == few

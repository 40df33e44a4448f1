"""The file becomes as small as what is in it, while commits, questions and deletions go on."""

import random
import threading

import pytest

from stepscope_collector.config import RetentionConfig, StoreConfig
from stepscope_collector.errors import StoreUnavailable
from stepscope_collector.retention import Retention
from stepscope_collector.retention.compaction import compact
from stepscope_collector.store.backup import backup_directory
from stepscope_collector.store.database import Database
from stepscope_collector.store.journal import Unnoted
from tests.strategies.workflows import execution, step
from tests.unit.collector.taking import payload, taking

TABLES = ("executions", "spans", "payloads", "traces", "resources", "scopes", "tombstones")

USED = "select used_blocks from pragma_database_size() where database_name = current_database()"


def run_of(execution_id, steps=20):
    """The request of one execution with large params."""
    noise = random.Random(execution_id).randbytes(50_000).hex()
    params = f'{{"text": "{noise}"}}'
    spans = [
        execution("w", execution_id, trace=execution_id, attributes={"stepscope.params": params}),
        *(
            step(
                f"s{n}",
                execution_id,
                trace=execution_id,
                parent="w",
                attributes={"x": execution_id * 20},
            )
            for n in range(steps)
        ),
    ]
    return payload(*spans)


def contents(take):
    """All rows of the history, in an order of their own."""
    return {table: take.rows(f"select * from stored.{table} order by all") for table in TABLES}


def compacted(take):
    return compact(take.database, take.ingest.between_commits)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "stepscope.duckdb"


def fill(take, count):
    """Executions, of which every fifth stays."""
    for n in range(count):
        take.take(run_of(f"e{n:04}"))
    retention = Retention(
        take.database, take.ingest.between_commits, RetentionConfig(), take.telemetry
    )
    retention.delete([f"e{n:04}" for n in range(count) if n % 5])
    take.ingest.between_commits(lambda committer, _: committer.checkpoint())
    return retention


def test_the_file_becomes_smaller_and_holds_the_same(path):
    """issue #7: the file really becomes smaller; nothing else changes."""
    with taking(path) as take:
        fill(take, 60)
        before = contents(take)
        done = compacted(take)
        assert done.after_bytes == path.stat().st_size
        assert done.after_bytes < done.before_bytes
        assert contents(take) == before
        take.take(run_of("later"))
        assert take.rows("select count(*) from stored.executions") == [(13,)]
        assert not backup_directory(path).exists()
    with Database.open(path, StoreConfig()) as database, database.read() as connection:
        assert connection.execute("select count(*) from executions").fetchall() == [(13,)]


def test_what_is_removed_after_a_compaction_is_freed(path):
    """issue #7: no snapshot of the swap is left over, which would keep the engine from freeing anything."""
    with taking(path) as take:
        retention = fill(take, 20)
        compacted(take)
        for n in range(20):
            take.take(run_of(f"x{n:04}"))
        take.ingest.between_commits(lambda committer, _: committer.checkpoint())
        before = take.rows(USED)
        retention.delete([f"x{n:04}" for n in range(20)])
        take.ingest.between_commits(lambda committer, _: committer.free())
        assert take.rows(USED) < before


def test_what_comes_meanwhile_is_there_afterwards(path):
    """issue #7: compaction by copy while serving: commits are caught up before the swap."""
    with taking(path) as take:
        retention = fill(take, 20)
        is_copied, stop = threading.Event(), threading.Event()
        sent = []

        def send():
            while not stop.is_set():
                execution_id = f"late{len(sent):04}"
                take.take(run_of(execution_id, steps=2))
                sent.append(execution_id)
                if len(sent) == 5:
                    retention.delete([sent[0], "e0005"])
                    is_copied.set()

        real = take.database.backup

        def slow(begin):
            copy = real(begin)
            assert is_copied.wait(30)
            return copy

        take.database.backup = slow
        thread = threading.Thread(target=send)

        def late(run):
            if not thread.is_alive() and not sent:
                result = take.ingest.between_commits(run)
                thread.start()
                return result
            return take.ingest.between_commits(run)

        try:
            done = compact(take.database, late)
        finally:
            stop.set()
            thread.join(30)
        assert done.waited_ns > 0
        stored = {row[0] for row in take.rows("select execution_id from stored.executions")}
        assert stored == {"e0000", "e0010", "e0015", *sent[1:]}
        spans = dict(take.rows("select execution_id, count(*) from stored.spans group by all"))
        assert {spans[execution_id] for execution_id in sent[1:]} == {3}
        take.take(run_of(sent[0]))
        assert take.rows(
            f"select count(*) from stored.executions where execution_id = '{sent[0]}'"
        ) == [(0,)]
    with taking(path) as take:
        again = {row[0] for row in take.rows("select execution_id from stored.executions")}
        assert again == stored


def test_too_much_meanwhile_leaves_the_file_as_it_was(path, monkeypatch):
    """ours: what is kept in memory for the copy is bounded."""
    monkeypatch.setattr("stepscope_collector.store.journal._MAX_ROWS", 1)
    with taking(path) as take:
        fill(take, 10)

        is_begun = []

        def late(run):
            result = take.ingest.between_commits(run)
            if not is_begun:
                is_begun.append(True)
                take.take(run_of("meanwhile"))
            return result

        with pytest.raises(StoreUnavailable, match="more came in during the compaction"):
            compact(take.database, late)
        assert take.committer.journal is None
        take.take(run_of("after"))
        assert take.rows("select count(*) from executions") == [(4,)]
        assert compacted(take).after_bytes > 0


def test_a_swap_that_fails_leaves_a_database_that_goes_on(path, monkeypatch):
    """ours: the disk may refuse to rename; nothing is lost, and the next request is answered."""
    with taking(path) as take:
        take.committer.reopen = take.database.reopen
        fill(take, 10)

        def refuse(*_):
            raise OSError(5, "input/output error")

        with monkeypatch.context() as patch:
            patch.setattr(type(path), "replace", refuse)
            with pytest.raises(StoreUnavailable, match="the files cannot be exchanged"):
                compacted(take)
        take.take(run_of("after"))
        assert take.rows("select count(*) from executions") == [(3,)]


def test_a_database_that_was_opened_again_meanwhile_is_not_exchanged(path, monkeypatch):
    """ours: what has been committed since then the copy has not been told of."""
    with taking(path) as take:
        take.committer.reopen = take.database.reopen
        fill(take, 20)
        wait, turns = Database.wait_until_idle, []

        def opened_again(database, idle_s):
            wait(database, idle_s)
            turns.append(idle_s)
            if len(turns) == 1:
                take.ingest.between_commits(Unnoted(lambda committer, _: committer.stop()))
                take.take(run_of("later"))

        monkeypatch.setattr(Database, "wait_until_idle", opened_again)
        with pytest.raises(StoreUnavailable, match="opened again meanwhile"):
            compacted(take)
        monkeypatch.undo()
        assert take.rows("select count(*) from stored.executions") == [(5,)]
        assert compacted(take).after_bytes == path.stat().st_size
        assert take.rows("select count(*) from stored.executions") == [(5,)]


def test_one_copy_at_a_time(path):
    """ours: a backup and a compaction would write to the same place."""
    with taking(path) as take:
        with take.database.copied(lambda connection: connection.execute("begin")):
            with pytest.raises(StoreUnavailable, match="a backup is being made already"):
                compacted(take)
            assert take.committer.journal is None
        compacted(take)


def test_questions_about_the_catalogue_do_not_end_it(path):
    """issue #7: sizes are looked at while the copy is attached; the engine closes it after the last look."""
    with taking(path) as take:
        retention = fill(take, 10)
        before = contents(take)
        is_done = threading.Event()
        failures = []

        def look():
            while not is_done.wait(0.001):
                try:
                    with take.database.read() as connection:
                        connection.execute(USED).fetchall()
                except StoreUnavailable:  # while the files are exchanged
                    continue
                except BaseException as error:
                    failures.append(error)
                    raise

        threads = [threading.Thread(target=look) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(4):
                retention.compact()
        finally:
            is_done.set()
            for thread in threads:
                thread.join()
        assert failures == []
        assert contents(take) == before

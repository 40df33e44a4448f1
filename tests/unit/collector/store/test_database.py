import os
import stat
import subprocess
import sys
import threading
from contextlib import suppress

import pytest
from arro3.core import Array, DataType, Table

from stepscope_collector.config import StoreConfig
from stepscope_collector.errors import (
    DatabaseDamaged,
    DatabaseLocked,
    NotFound,
    QueryTimeout,
    StoreUnavailable,
)
from stepscope_collector.store import Database, EngineError, Interrupted
from stepscope_collector.store.engine import arrow_batches, checkpoint

CONFIG = StoreConfig(memory_limit_bytes=512 << 20, threads=2)
INSERT = "insert into stored.requests values ($id::uuid, '2026-01-01')"
COUNT = "select count(*) from stored.requests"
ENDLESS = "select count(*) from range(1000000000) a, range(1000000000) b"


def uuid_of(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012}"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "stepscope.duckdb"


@pytest.fixture
def database(path):
    with Database.open(path, CONFIG) as database:
        yield database


def count(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(COUNT).fetchone()[0]


def add(database: Database, number: int) -> None:
    database.writer().execute(INSERT, {"id": uuid_of(number)})


def test_directory_and_file_are_for_their_owner_only(database, path):
    """ours: a history holds inputs and outputs of programs."""
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_database_lives_in_memory_without_a_path():
    """ours: `None` is a database without a file."""
    with Database.open(None, CONFIG) as database:
        add(database, 1)
        assert (database.path, count(database)) == (None, 1)


def test_rows_are_there_after_the_database_is_opened_again(path):
    """issue #2: the store keeps what was committed."""
    with Database.open(path, CONFIG) as database:
        add(database, 1)
    with Database.open(path, CONFIG) as database:
        assert count(database) == 1


def test_writer_reads_a_registered_arrow_table(database):
    """ours: batches reach DuckDB as Arrow, with access to anything outside switched off."""
    ids = Array([uuid_of(1), uuid_of(2)], DataType.string())
    writer = database.writer()
    writer.register("incoming", Table.from_arrays([ids], names=["id"]))
    writer.execute("insert into stored.requests select id::uuid, '2026-01-01' from incoming")
    writer.unregister("incoming")
    assert count(database) == 2


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('/etc/passwd')",
        "attach 'other.duckdb'",
        "copy stored.requests to 'out.csv'",
        "copy stored.requests from '/etc/passwd'",
        "export database 'out'",
        "install httpfs",
        "load 'nothing.duckdb_extension'",
        "set allowed_configs = ['memory_limit']",
        "set enable_external_access = true",
        "set lock_configuration = false",
        "set memory_limit = '100GB'",
        "select * from CONFIG",
        "select * from ids",
    ],
)
def test_nothing_outside_the_database_is_reached(database, sql, tmp_path):
    """issue #2: external access off, no extension by itself, configuration locked."""
    ids = Table.from_arrays([Array([1], DataType.int64())], names=["a"])
    assert len(ids) == 1
    with pytest.raises(EngineError):
        database.writer().execute(sql)
    assert [entry.name for entry in tmp_path.iterdir()] == ["data"]


def test_large_work_spills_beside_the_file(path):
    """ours: a question larger than memory_limit_bytes is answered from disk."""
    with Database.open(path, StoreConfig(memory_limit_bytes=64 << 20, threads=1)) as database:
        with database.read() as connection:
            connection.execute(
                "select count(*) from (select range a, md5(range::varchar) b from range(1500000) order by b)"
            )
            assert connection.fetchone() == (1_500_000,)
            setting = connection.execute("select current_setting('temp_directory')").fetchone()
        assert setting == (f"{path}.tmp",)


def test_reader_sees_one_snapshot_and_the_next_what_was_committed_since(database):
    """ours: answers of several statements belong together; a commit is seen at once afterwards."""
    with database.read() as connection:
        assert connection.execute(COUNT).fetchone() == (0,)
        add(database, 1)
        assert connection.execute(COUNT).fetchone() == (0,)
    assert count(database) == 1


def test_reader_cannot_write(database):
    """ours: one writer."""
    with (
        database.read() as connection,
        pytest.raises(EngineError, match="Cannot write to database"),
    ):
        connection.execute(INSERT, {"id": uuid_of(1)})
    assert count(database) == 0


def test_reader_is_whole_again_after_an_error(database):
    """ours: a wrong statement spoils neither the connection nor the next reader."""
    for _ in range(3):
        with pytest.raises(EngineError), database.read() as connection:
            connection.execute("select no_such_column from executions")
        assert count(database) == 0


def test_readers_in_many_threads_see_commits_grow(database):
    """R027: readers and the writer do not get in each other's way."""
    start, end, failures = threading.Barrier(5), threading.Event(), []

    def watch() -> None:
        start.wait(5)
        last = 0
        try:
            while not end.is_set() or last < 50:
                seen = count(database)
                if seen < last:
                    failures.append((last, seen))
                last = max(last, seen)
        except EngineError as error:
            failures.append(error)

    threads = [threading.Thread(target=watch) for _ in range(4)]
    for thread in threads:
        thread.start()
    start.wait(5)
    for number in range(50):
        add(database, number)
        if number % 20 == 0:
            database.checkpoint()
    end.set()
    for thread in threads:
        thread.join(10)
    assert failures == []
    assert count(database) == 50


@pytest.mark.parametrize(
    "sql",
    [
        "delete from stored.requests",
        "with gone as (delete from stored.requests returning *) select * from gone",
        "create table mine (a integer)",
        "drop view executions",
    ],
)
def test_user_sql_changes_nothing(database, sql):
    """issue #2: user SQL runs in a read-only transaction; a CTE that deletes is typed SELECT."""
    add(database, 1)
    with database.read_user_sql() as connection, suppress(EngineError):
        connection.execute(sql).fetchall()
    assert count(database) == 1
    with database.read() as connection:
        connection.execute("select * from executions").fetchall()


def test_user_sql_leaves_nothing_behind(database):
    """issue #2: always rolled back, on a connection of its own."""
    with database.read_user_sql() as connection:
        connection.execute("create temp table mine as select 1 as a")
    with database.read_user_sql() as connection, pytest.raises(EngineError, match="mine"):
        connection.execute("select * from mine")


def test_user_sql_is_stopped_when_its_time_is_up(database):
    """issue #2: limits on time; the database goes on."""
    with pytest.raises(QueryTimeout, match=r"longer than 0\.1 s"), database.read_user_sql(0.1) as c:
        c.execute(ENDLESS).fetchall()
    assert count(database) == 0


def test_user_sql_in_time_is_answered(database):
    """ours: the timer of one statement does not reach the next."""
    with database.read_user_sql(timeout_s=30) as connection:
        assert connection.execute("select 42").fetchall() == [(42,)]


def test_user_sql_is_stopped_by_its_caller(database):
    """issue #2: cancel on disconnect."""
    with database.read_user_sql(timeout_s=50) as connection:
        timer = threading.Timer(0.1, connection.interrupt)
        timer.start()
        with pytest.raises(Interrupted):
            connection.execute(ENDLESS).fetchall()
        timer.join()
    assert count(database) == 0


def test_closing_leaves_one_file(database, path):
    """issue #2: SIGTERM drains and checkpoints; no log is left to replay."""
    add(database, 1)
    assert path.with_name(f"{path.name}.wal").exists()
    database.close()
    database.close()
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_batches_that_are_interrupted_end_as_a_statement_does(database):
    """ours: the Arrow C stream interface hands on texts, and a reader that has to leave is no error of ours."""
    with database.read() as connection:
        batches = arrow_batches(connection.sql("select hash(range) from range(100_000_000)"))
        assert next(batches).num_rows > 0
        connection.interrupt()
        with pytest.raises(Interrupted):
            list(batches)


def test_batches_end_with_the_error_of_a_statement(database):
    failing = "case when range = 2_500_000 then error('not this one') else range end"
    with database.read() as connection:
        batches = arrow_batches(connection.sql(f"select {failing} from range(3_000_000)"))
        assert next(batches).num_rows > 0
        with pytest.raises(EngineError, match="not this one"):
            list(batches)


@pytest.mark.parametrize("kind", ["read", "read_user_sql"])
def test_closing_interrupts_readers(database, path, kind):
    """ours: a long question does not hold up the end of the process."""
    started, outcome = threading.Event(), []

    def ask() -> None:
        try:
            with getattr(database, kind)() as connection:
                started.set()
                connection.execute(ENDLESS).fetchall()
        except StoreUnavailable as error:
            outcome.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    assert started.wait(5)
    database.close()
    thread.join(10)
    assert outcome == ["the database is being closed"]
    Database.open(path, CONFIG).close()


def test_closed_database_says_so(database):
    """ours: no engine's error for a late reader."""
    database.close()
    for use in (database.read, database.read_user_sql):
        with pytest.raises(StoreUnavailable, match="the database is closed"), use():
            pass
    with pytest.raises(StoreUnavailable, match="the database is closed"):
        database.checkpoint()


def test_other_process_is_told_who_holds_the_file(database, path):
    """issue #2: helpful errors, file locked by PID."""
    code = (
        "import sys, pathlib\n"
        "from stepscope_collector.config import StoreConfig\n"
        "from stepscope_collector.errors import DatabaseLocked\n"
        "from stepscope_collector.store import Database\n"
        "try: Database.open(pathlib.Path(sys.argv[1]), StoreConfig(), read_only=bool(sys.argv[2]))\n"
        "except DatabaseLocked as error: print(error, error.hint, sep='\\n')\n"
    )
    for read_only in ("", "yes"):
        result = subprocess.run(
            [sys.executable, "-c", code, str(path), read_only],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        pid = os.getpid()
        assert result.stdout.splitlines() == [
            f"{path} is in use by process {pid}",
            "ask the server that runs there, or stop that process first",
        ]


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("config", [CONFIG, StoreConfig(threads=1)])
def test_second_owner_in_one_process_is_refused(database, path, config, read_only):
    """ours: one Database per file and process."""
    with pytest.raises(DatabaseLocked, match="in use by this process"):
        Database.open(path, config, read_only=read_only)
    assert count(database) == 0


def test_a_reader_of_a_damaged_file_is_told_and_leaves_it_alone(path):
    """issue #2: no traceback; the remedy is said."""
    path.parent.mkdir()
    path.write_bytes(b"hello " * 5000)
    with pytest.raises(DatabaseDamaged, match="cannot be opened as a database") as caught:
        Database.open(path, CONFIG, read_only=True)
    assert str(path) in str(caught.value)
    assert "put back a copy" in caught.value.hint
    assert path.read_bytes() == b"hello " * 5000


def test_directory_in_place_of_the_file_is_an_error(tmp_path):
    """ours: the remedy is said."""
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        Database.open(tmp_path, CONFIG)


def test_file_in_place_of_the_directory_is_an_error(tmp_path):
    """ours: the remedy is said."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match=r"directory .*file.* cannot be made"):
        Database.open(tmp_path / "file" / "stepscope.duckdb", CONFIG)


def test_reading_only_leaves_the_file_as_it_is(path):
    """ours: a command without a server only looks."""
    with Database.open(path, CONFIG) as database:
        add(database, 1)
    before = path.read_bytes()
    with Database.open(path, CONFIG, read_only=True) as database:
        assert count(database) == 1
        with database.read_user_sql() as connection:
            assert connection.execute("select count(*) from executions").fetchone() == (0,)
    assert path.read_bytes() == before


def test_reading_only_needs_a_file(path):
    """ours: looking makes no empty history."""
    with pytest.raises(NotFound, match="there is no database at"):
        Database.open(path, CONFIG, read_only=True)
    assert not path.exists()


WRITER = """
import sys, pathlib
from stepscope_collector.config import StoreConfig
from stepscope_collector.store import Database
database = Database.open(pathlib.Path(sys.argv[1]), StoreConfig(checkpoint_threshold_bytes=1 << 20))
number = 0
while True:
    database.writer().execute(
        "insert into stored.requests select md5(($n * 1000 + range)::varchar)::uuid, '2026-01-01' "
        "from range(1000)", {"n": number})
    number += 1
    print(number, flush=True)
"""


@pytest.mark.parametrize("commits", [1, 60])
@pytest.mark.parametrize("read_only", [False, True])
def test_killed_process_loses_nothing_it_committed(path, commits, read_only):
    """issue #2: kill -9 at any moment; restart needs no repair."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        for line in process.stdout:
            if int(line) >= commits:
                break
        process.kill()
        rest = process.stdout.read().split()
    acknowledged = int(rest[-1]) if rest else commits
    assert path.with_name(f"{path.name}.wal").exists()
    with Database.open(path, CONFIG, read_only=read_only) as database:
        rows = count(database)
        # The commit that was under way may be there whole or not at all.
        assert rows in {acknowledged * 1000, (acknowledged + 1) * 1000}
        with database.read() as connection:
            distinct = connection.execute(
                "select count(distinct request_hash) from stored.requests"
            ).fetchone()
        assert distinct == (rows,)


def test_the_time_limit_holds_for_a_statement_that_starts_after_it():
    """ours: an interrupt between two statements is lost, so the limit interrupts again."""

    def ask_for_ever(database):
        with database.read_user_sql(timeout_s=0.01) as connection:
            while True:  # each statement is short; one of them meets the limit
                connection.execute("select count(*) from range(200000)").fetchall()

    with Database.open(None, StoreConfig()) as database, pytest.raises(QueryTimeout):
        ask_for_ever(database)


def test_a_limit_holds_over_an_empty_table():
    """ours: DuckDB 2.0.0 gave all rows of a view whose other table is empty."""
    log = (
        "insert into stored.log_records (time_unix_nano, observed_time_unix_nano, severity_number, "
        "dropped_attributes_count, flags, resource_id, scope_id, execution_id, ingested_at) "
        "select n + 1, 0, 9, 0, 0, 1, 1, 'e', '2026-01-01' from range(5) t(n)"
    )
    with Database.open(None, StoreConfig()) as database:
        database.writer().execute(log)
        with database.read() as connection:
            rows = connection.execute("select * from execution_logs limit 2").fetchall()
    assert len(rows) == 2


def test_a_checkpoint_waits_for_another_one(database):
    """issue #7: the engine refuses a second checkpoint at a time; ours are done one after the other."""
    started = threading.Barrier(3)
    failures = []

    def again_and_again():
        connection = database._root.cursor()
        started.wait(30)
        try:
            for _ in range(20):
                checkpoint(connection, within_s=60)
        except EngineError as error:
            failures.append(error)

    threads = [threading.Thread(target=again_and_again) for _ in range(2)]
    for thread in threads:
        thread.start()
    started.wait(30)
    for number in range(100):
        add(database, number)
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert count(database) == 100

"""The engine lets go of what it has written before its memory is full, and nobody notices."""

import threading
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest

from stepscope_collector.config import StoreConfig
from stepscope_collector.errors import StoreUnavailable
from stepscope_collector.mapping.group import NewDimensions
from stepscope_collector.store import Database, headroom
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.headroom import Headroom
from stepscope_collector.store.statements import statement
from tests.strategies.workflows import MAPPING, History
from tests.unit.collector.store.crashed import spans_of

MIB = 1 << 20
LIMIT = 64 * MIB
ENOUGH = headroom._ROWS
WAIT_S = 30


@pytest.fixture
def database(tmp_path):
    """With 32 MB of blocks in a memory of 64."""
    config = StoreConfig(memory_limit_bytes=LIMIT, threads=1)
    with Database.open(tmp_path / "data" / "stepscope.duckdb", config) as made:
        writer = made.writer()
        writer.execute("create table stored.noise as select hash(range) as n from range(4000000)")
        read_noise(made)
        yield made


def read_noise(made: Database) -> None:
    made.checkpoint()
    made.writer().execute("select bit_xor(n) from stored.noise").fetchall()
    assert memory(made)[0] > 20 * MIB


def memory(made: Database) -> tuple[int, int]:
    """Blocks, and all else."""
    ((blocks, others),) = made.writer().execute(statement("engine_memory")).fetchall()
    return blocks, others


def room(made: Database) -> int:
    return LIMIT - sum(memory(made))


def test_blocks_are_let_go_of_after_so_many_rows(database):
    looked = Headroom(database.alone, LIMIT)
    before = memory(database)
    looked.written(ENOUGH - 1)
    assert memory(database) == before
    looked.written(1)
    assert room(database) >= LIMIT // 2
    assert database.writer().execute("select count(distinct n) from stored.noise").fetchall() == [
        (4_000_000,)
    ]


def test_it_begins_to_count_anew(database):
    looked = Headroom(database.alone, LIMIT)
    looked.written(ENOUGH)
    read_noise(database)
    looked.written(ENOUGH - 1)
    assert memory(database)[0] > 20 * MIB
    looked.written(1)
    assert room(database) >= LIMIT // 2


def test_who_asks_is_left_alone_and_the_next_commit_will_do(database):
    looked = Headroom(database.alone, LIMIT)
    before = memory(database)
    with database.read():
        looked.written(ENOUGH)
        assert memory(database) == before
    looked.written(1)
    assert room(database) >= LIMIT // 2


def test_where_there_is_room_nothing_is_let_go_of(database):
    before = memory(database)
    Headroom(database.alone, 32 * LIMIT).written(ENOUGH)
    assert memory(database) == before


def test_what_is_no_block_stays(database):
    """A question about to read a large table in memory, say: what is left is not enough for the rest."""
    writer = database.writer()
    writer.execute("create temp table much as select hash(range) as n from range(5500000)")
    blocks, others = memory(database)
    assert others > LIMIT // 2
    Headroom(database.alone, LIMIT).written(ENOUGH)
    assert memory(database)[1] == others
    assert memory(database)[0] <= blocks
    assert writer.execute("select count(*) from much").fetchall() == [(5_500_000,)]


def test_of_many_gigabytes_some_are_enough():
    """An array has 100,000 elements at most, and a system may grant no more memory than it has."""
    full = Full()
    Headroom(lambda: nullcontext(full), 64 << 30).written(ENOUGH)
    (asked,) = full.asked
    with Database.open(None, StoreConfig(memory_limit_bytes=1 << 30)) as database:
        assert database.writer().execute(asked).fetchall() == [(None,)]


class Full:
    """A connection to an engine whose memory is full of blocks."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def execute(self, sql: str) -> Any:
        if "duckdb_memory" not in sql:
            self.asked.append(sql)
        return self

    def fetchall(self) -> list[tuple[int, int]]:
        return [(64 << 30, 0)]


def test_a_database_that_is_closed_tells_the_next_commit(tmp_path):
    with Database.open(tmp_path / "data" / "stepscope.duckdb", StoreConfig()) as database:
        looked = Headroom(database.alone, 1)
    looked.written(ENOUGH)
    with pytest.raises(StoreUnavailable, match="closed"), database.alone():
        pass


def test_an_engine_that_fails_takes_no_commit_with_it(database):
    @contextmanager
    def alone():
        yield database.writer()
        database.writer().execute("select error('full')")

    Headroom(alone, LIMIT).written(ENOUGH)
    assert room(database) >= LIMIT // 2


def test_questions_wait_for_who_is_alone(database):
    is_read = threading.Event()

    def ask() -> None:
        with database.read() as connection:
            connection.execute("select 1").fetchall()
        is_read.set()

    asking = threading.Thread(target=ask)
    with database.alone() as writer:
        assert writer is database.writer()
        asking.start()
        assert not is_read.wait(0.05)
    assert is_read.wait(WAIT_S)
    asking.join(WAIT_S)


class Counting(Headroom):
    def __init__(self) -> None:
        self.counted: list[int] = []

    def written(self, rows: int) -> None:
        self.counted.append(rows)


class Watched(History):
    def __init__(self, database: Database) -> None:
        self.database = database
        self.headroom = Counting()
        self._committer = Committer(database.writer(), MAPPING, headroom=self.headroom)
        self._dimensions = NewDimensions()


def test_rows_are_counted_once_they_are_committed(tmp_path, monkeypatch):
    with Database.open(tmp_path / "data" / "stepscope.duckdb", StoreConfig()) as database:
        history = Watched(database)
        history.write(spans_of(1))
        history.write(spans_of(1), spans_of(2)[:3])
        assert history.headroom.counted == [41, 3]
        monkeypatch.setattr(
            history._committer, "committed", lambda: (_ for _ in ()).throw(OSError("disk"))
        )
        with pytest.raises(OSError, match="disk"):
            history.write(spans_of(3))
        assert history.headroom.counted == [41, 3]

"""The engine lets go of what it has written before its memory is full, and nobody notices."""

import logging
import threading
from contextlib import nullcontext
from typing import Any

import pytest

from stepscope_collector.config import StoreConfig
from stepscope_collector.errors import StoreUnavailable
from stepscope_collector.store import Database, headroom
from stepscope_collector.store.engine import EngineError
from stepscope_collector.store.headroom import Headroom
from stepscope_collector.store.statements import statement

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


def is_roomy(made: Database) -> bool:
    """Whether blocks were let go of: of the 30 MB no more is left than others may need meanwhile."""
    return memory(made)[0] <= headroom._LEFT_BYTES + MIB


def test_blocks_are_let_go_of_after_so_many_rows(database):
    looked = Headroom(database.alone, LIMIT)
    before = memory(database)
    looked.written(ENOUGH - 1)
    assert memory(database) == before
    looked.written(1)
    assert is_roomy(database)
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
    assert is_roomy(database)


def test_who_asks_is_left_alone_and_the_next_commit_will_do(database):
    looked = Headroom(database.alone, LIMIT)
    before = memory(database)
    with database.read():
        looked.written(ENOUGH)
        assert memory(database) == before
    looked.written(1)
    assert is_roomy(database)


def test_where_there_is_room_nothing_is_let_go_of(database):
    before = memory(database)
    Headroom(database.alone, 32 * LIMIT).written(ENOUGH)
    assert memory(database) == before


def test_what_is_no_block_stays(database):
    """A question about to read a large table in memory, say: what is left is not enough for the rest."""
    writer = database.writer()
    writer.execute("create temp table much as select hash(range) as n from range(5500000)")
    _, others = memory(database)
    assert others > LIMIT // 2
    Headroom(database.alone, LIMIT).written(ENOUGH)
    assert memory(database)[1] == others
    assert writer.execute("select count(*) from much").fetchall() == [(5_500_000,)]


def test_of_many_gigabytes_some_are_enough():
    """An array has 100,000 elements at most, and a system may grant no more memory than it has."""
    full = Full(64 << 30)
    Headroom(lambda: nullcontext(full), 64 << 30).written(ENOUGH)
    (asked,) = full.asked
    with Database.open(None, StoreConfig(memory_limit_bytes=1 << 30)) as database:
        assert database.writer().execute(asked).fetchall() == [(None,)]


class Full:
    """A connection to an engine whose memory is full of blocks."""

    def __init__(self, blocks: int = LIMIT) -> None:
        self.blocks = blocks
        self.asked: list[str] = []

    def execute(self, sql: str) -> Any:
        if "duckdb_memory" not in sql:
            self.asked.append(sql)
        return self

    def fetchall(self) -> list[tuple[int, int]]:
        return [(self.blocks, 0)]


def test_a_database_that_is_closed_tells_the_next_commit(tmp_path):
    with Database.open(tmp_path / "data" / "stepscope.duckdb", StoreConfig()) as database:
        looked = Headroom(database.alone, 1)
    looked.written(ENOUGH)
    with pytest.raises(StoreUnavailable, match="closed"), database.alone():
        pass


@pytest.mark.parametrize(
    ("error", "level"),
    [(EngineError("Out of Memory Error"), logging.DEBUG), (OSError("no file"), logging.ERROR)],
)
def test_what_fails_takes_no_commit_with_it(error, level, caplog):
    """The rows are committed and answered: an error would have them committed again."""

    class Failing(Full):
        def execute(self, sql: str) -> Any:
            super().execute(sql)
            if self.asked:
                raise error
            return self

    caplog.set_level(logging.DEBUG, logger=headroom.__name__)
    failing = Failing()
    looked = Headroom(lambda: nullcontext(failing), LIMIT)
    looked.written(ENOUGH)
    said = [record for record in caplog.records if record.name == headroom.__name__]
    assert [record.levelno for record in said] == [level]
    failing.asked.clear()
    looked.written(ENOUGH)
    assert len(failing.asked) == 1


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

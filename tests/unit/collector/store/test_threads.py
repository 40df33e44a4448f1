"""The engine has all its threads while somebody asks, and one while there is only the writer."""

import duckdb
import pytest

from stepscope_collector.config import StoreConfig
from stepscope_collector.store import Database, headroom, threads
from stepscope_collector.store.engine import ROW_GROUP_ROWS, Connection, EngineError
from stepscope_collector.store.headroom import Headroom
from stepscope_collector.store.threads import Threads

ALL = 3


def count(connection: Connection) -> int:
    ((found,),) = connection.execute("select current_setting('threads')").fetchall()
    return int(found)


class Clock:
    """Says what it is told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch):
    """Of every database that is opened."""
    made = Clock()
    monkeypatch.setattr(threads.Threads.__init__, "__defaults__", (made,))
    return made


@pytest.fixture
def database(tmp_path, clock):
    with Database.open(tmp_path / "data" / "stepscope.duckdb", StoreConfig(threads=ALL)) as made:
        yield made


def leave_alone(database: Database) -> int:
    """With how many threads the engine works when the writer has been alone."""
    with database.alone() as writer:
        assert writer is database.writer()
    return count(database.writer())


def test_alone_the_writer_has_one_and_questions_have_all(database, clock):
    """issue #6: the CPU of taking spans in."""
    assert leave_alone(database) == ALL  # just opened
    clock.now_s += 1
    assert leave_alone(database) == 1
    with database.read() as reader:
        assert count(reader) == ALL
        clock.now_s += 10
    assert leave_alone(database) == ALL  # just asked
    clock.now_s += 1
    assert leave_alone(database) == 1
    with database.read_user_sql() as reader:
        assert count(reader) == ALL


def test_upkeep_needs_none(database, clock):
    """It looks every second."""
    clock.now_s += 1
    with database.read(is_fresh=False):
        pass
    assert leave_alone(database) == 1
    with database.read(is_fresh=False) as reader:
        assert count(reader) == 1


def test_who_asks_keeps_them(database, clock):
    with database.read() as reader:
        clock.now_s += 10
        with database.alone() as writer:
            assert writer is None
        assert count(reader) == ALL


def test_they_are_back_after_a_question_that_fails(database, clock):
    clock.now_s += 1
    assert leave_alone(database) == 1
    with pytest.raises(duckdb.Error), database.read() as reader:
        reader.execute("select error('x')").fetchall()
    with database.read() as reader:
        assert count(reader) == ALL


def test_an_engine_that_was_opened_again_has_all(database, clock):
    clock.now_s += 1
    assert leave_alone(database) == 1
    assert database.renew() is not None
    assert leave_alone(database) == ALL
    clock.now_s += 1
    assert leave_alone(database) == 1
    assert count(database.reopen()) == ALL
    with database.read() as reader:
        assert count(reader) == ALL


@pytest.mark.parametrize(("rows", "left"), [(ROW_GROUP_ROWS, 1), (ROW_GROUP_ROWS - 1, ALL)])
def test_the_writer_has_been_alone_after_a_whole_row_group(database, clock, rows, left):
    """Small commits are no load: a page that asks now and then has its threads."""
    clock.now_s += 1
    Headroom(database.alone, 1 << 40).written(rows)
    assert count(database.writer()) == left
    assert headroom._ROWS > rows


def test_a_question_is_answered_with_fewer_if_there_are_no_more(database, monkeypatch):
    """What is refused inside a transaction would end it."""

    def refused(_: Threads, connection: Connection) -> None:
        with pytest.raises(EngineError):
            connection.execute("set memory_limit = '9GB'")

    monkeypatch.setattr(Threads, "asked", refused)
    with database.read() as reader:
        assert reader.execute("select 1").fetchall() == [(1,)]


def test_that_is_all_anybody_can_change(database):
    """The configuration stays locked, for questions and for the writer."""
    for change in ("memory_limit = '9GB'", "allowed_configs = ['memory_limit']"):
        with pytest.raises(EngineError, match="locked"):
            database.writer().execute(f"set {change}")


def test_an_engine_that_refuses_keeps_its_threads(clock):
    """DuckDB 1.5 cannot leave a setting unlocked."""
    with duckdb.connect(config={"threads": ALL}) as connection:
        connection.execute("set lock_configuration = true")
        made = Threads()
        clock.now_s += 1
        made.unasked(connection)
        made.asked(connection)
        assert count(connection) == ALL

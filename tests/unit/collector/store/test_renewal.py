"""The file is opened anew now and then, for what the engine keeps of its row groups: nobody notices."""

import threading
from contextlib import closing
from uuid import uuid4

import pytest

from stepscope_collector.cli.import_file import taking
from stepscope_collector.config import Settings
from stepscope_collector.config.tree import DataConfig
from stepscope_collector.decode.native import id_set
from stepscope_collector.errors import DatabaseLocked, StoreUnavailable
from stepscope_collector.mapping.group import NewDimensions
from stepscope_collector.store import Database, commit
from stepscope_collector.store import database as database_module
from stepscope_collector.store.aside import move_aside
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.journal import Journal
from stepscope_collector.store.mark import log_path
from stepscope_collector.store.opening import Made
from stepscope_collector.store.verifier import Verifier
from tests.strategies.workflows import MAPPING, request
from tests.unit.collector.store.crashed import CONFIG, FileHistory, spans_of

LATER = type(CONFIG)(memory_limit_bytes=512 << 20, threads=2, verify_s=1e-9)
WAIT_S = 30


class Written(FileHistory):
    """A history whose writer knows its executions, as in a server."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.committer = self._committer = Committer(
            database.writer(), MAPPING, database.reopen, database.committed, id_set=id_set
        )
        self.committer.known.fill(database.read)
        self._dimensions = NewDimensions()

    def renew(self) -> bool:
        return self.committer.renew(self.database.renew)

    def spans(self) -> dict[str, int]:
        with self.database.read() as connection:
            return dict(
                connection.execute(
                    "select execution_id, count(*) from stored.spans group by all order by all"
                ).fetchall()
            )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "stepscope.duckdb"


@pytest.fixture
def history(path):
    with Database.open(path, CONFIG) as database:
        yield Written(database)


def test_writing_and_asking_go_on(history, path):
    history.write(spans_of(1)[:20])
    known = history.committer.known
    writer = history.database.writer()
    assert history.renew()
    assert history.database.writer() is not writer
    assert not log_path(path).exists()
    assert history.committer.known is known
    history.write(spans_of(1)[20:])
    history.write(spans_of(2))
    assert history.spans() == {"E1": 41, "E2": 41}
    assert [row["execution_id"] for row in history.tables()["executions"]] == ["E1", "E2"]


def test_what_was_sent_before_is_not_stored_twice(history):
    history.write(spans_of(1))
    assert history.renew()
    assert history.write(spans_of(1)) == (0, 41)


def test_a_reader_at_work_is_left_alone(history):
    history.write(spans_of(1))
    with history.database.read() as connection:
        before = connection.execute("select count(*) from stored.spans").fetchall()
        assert not history.renew()
        assert connection.execute("select count(*) from stored.spans").fetchall() == before
    history.write(spans_of(2))
    assert history.renew()
    assert history.spans() == {"E1": 41, "E2": 41}


@pytest.mark.parametrize("leaves", [True, False])
def test_questions_go_on_during_the_checkpoint(history, monkeypatch, leaves):
    """ours: it may take a while, and only the moment after it is nobody's."""
    history.write(spans_of(1))
    reading, checkpoint, seen = history.database.read(), database_module.checkpoint, []

    def ask():
        seen.append(history.spans())
        reading.__enter__()

    def asked(connection):
        if not seen:  # the first of two
            asking = threading.Thread(target=ask)
            asking.start()
            asking.join(WAIT_S)
            if leaves:
                threading.Timer(0.05, lambda: reading.__exit__(None, None, None)).start()
        checkpoint(connection)

    monkeypatch.setattr(database_module, "checkpoint", asked)
    assert history.renew() is leaves
    if not leaves:
        reading.__exit__(None, None, None)
    assert seen == [{"E1": 41}]
    assert history.spans() == {"E1": 41}


def test_who_asks_meanwhile_waits(history, monkeypatch):
    history.write(spans_of(1))
    answers, connect = [], Made.connect
    asking = threading.Thread(target=lambda: answers.append(history.spans()))

    def slow(made, *arguments, **options):
        asking.start()
        asking.join(0.2)
        assert not answers
        return connect(made, *arguments, **options)

    monkeypatch.setattr(Made, "connect", slow)
    assert history.renew()
    asking.join(WAIT_S)
    assert answers == [{"E1": 41}]


def test_a_copy_that_is_being_made_is_not_disturbed(history):
    history.committer.journal = Journal()
    assert not history.renew()


def test_a_database_in_memory_stays_as_it_is():
    with Database.open(None, CONFIG) as database:
        assert database.renew() is None


def test_a_file_that_cannot_be_opened_now_is_opened_by_whoever_comes_next(history, monkeypatch):
    """ours: questions are answered again although nobody sends."""
    history.write(spans_of(1))

    def refused(*_, **__):
        raise StoreUnavailable("not now")

    with monkeypatch.context() as patched:
        patched.setattr(Made, "connect", refused)
        with pytest.raises(StoreUnavailable, match="cannot be opened again: not now"):
            history.renew()
        with pytest.raises(StoreUnavailable):
            history.spans()
        with pytest.raises(StoreUnavailable, match="not open"):
            history.database.backup()
    assert not history.renew()
    assert history.spans() == {"E1": 41}
    with history.database.copied(lambda connection: connection.execute("begin")):
        pass
    history.write(spans_of(2))
    assert history.spans() == {"E1": 41, "E2": 41}


def fail_once(monkeypatch, error):
    connect, errors = Made.connect, [error]

    def connected(made, *arguments, **options):
        if errors:
            raise errors.pop()
        return connect(made, *arguments, **options)

    monkeypatch.setattr(Made, "connect", connected)


def test_a_file_that_opens_at_the_second_try_is_open_at_once(history, monkeypatch):
    history.write(spans_of(1))
    fail_once(monkeypatch, StoreUnavailable("not now"))
    with pytest.raises(StoreUnavailable, match="not now"):
        history.renew()
    assert history.spans() == {"E1": 41}


def test_who_still_holds_the_file_for_a_moment_is_waited_for(history, monkeypatch):
    history.write(spans_of(1))
    fail_once(monkeypatch, DatabaseLocked("held"))
    assert history.renew()
    assert history.spans() == {"E1": 41}


def test_a_file_that_was_set_aside_meanwhile_is_another(history, monkeypatch):
    """ours: what is left to read of the old one says nothing of the new one."""
    history.write(spans_of(1))
    connect, generation = Made.connect, history.committer.generation
    history.database._made.sweep = object()

    def set_aside(made, path, **options):
        move_aside(path, "damaged")
        return connect(made, path, again=True)

    monkeypatch.setattr(Made, "connect", set_aside)
    assert history.renew()
    assert history.database.unread() is None
    assert history.committer.generation > generation, "resources are written again"
    history.write(spans_of(2))
    assert history.spans() == {"E2": 41}


def test_a_damaged_file_is_left_to_the_next_start(history):
    history.write(spans_of(1))
    history.database.damage = "a block"
    assert not history.renew()


def test_what_is_in_memory_of_the_history_stays(history):
    """ours: how long a large trace waits, and how many log records an execution has."""
    limiter, large = history.committer._logs, history.committer._spans.large
    large.due_s[uuid4()] = 1.0
    limiter._known["E1"] = (5, 50)
    assert history.renew()
    now = history.committer
    assert now._logs._known == {"E1": (5, 50)}
    assert now._logs.connection is history.database.writer()
    assert now._spans.large.due_s == large.due_s


def test_it_is_due_after_so_many_rows(history, monkeypatch):
    """issue #6: memory stays flat over an hour."""
    monkeypatch.setattr(commit, "_RENEW_ROWS", 60)
    history.write(spans_of(1))
    assert not history.committer.wants_renewal
    history.write(spans_of(2))
    assert history.committer.wants_renewal
    assert history.renew()
    assert not history.committer.wants_renewal


def test_reading_the_rest_of_the_file_goes_on(path):
    with Database.open(path, CONFIG) as database:
        Written(database).write(spans_of(1))
    with Database.open(path, LATER) as database:
        history, damages = Written(database), []
        verifier = Verifier(database, lambda damage, _: damages.append(damage))
        sweep, read = database.unread()
        assert history.renew()
        with pytest.raises(StoreUnavailable, match="closed"):
            read(0, 1)
        assert database.unread() != (sweep, read)
        assert database.is_unread(sweep)
        while verifier.go_on() is not None:
            pass
        assert (database.unread(), damages) == (None, [])


def test_a_file_that_is_opened_anew_while_it_is_read_is_read_again(path, monkeypatch):
    with Database.open(path, CONFIG) as database:
        Written(database).write(spans_of(1))
    with Database.open(path, LATER) as database:
        history = Written(database)
        unread = database.unread()
        assert history.renew()
        found = iter([unread])
        now = database.unread
        monkeypatch.setattr(database, "unread", lambda: next(found, None) or now())
        verifier = Verifier(database, lambda *_: None)
        assert verifier.go_on() is not None, "again soon, and no error"
        while verifier.go_on() is not None:
            pass


def test_an_idle_connection_is_not_used_again(history):
    history.write(spans_of(1))
    with history.database.read() as connection:
        before = connection
    assert history.renew()
    with closing(before), history.database.read() as connection:
        assert connection is not before


def test_a_long_import_into_a_file_opens_it_anew(tmp_path, monkeypatch):
    """ours: nothing else looks after the file that a command writes."""
    monkeypatch.setattr(commit, "_RENEW_ROWS", 60)
    renewed, renew = [], Database.renew
    monkeypatch.setattr(
        Database, "renew", lambda database: renewed.append(database) or renew(database)
    )
    with taking(Settings(data=DataConfig(tmp_path))) as taker:
        for number in range(4):
            payload = request(spans_of(number)).SerializeToString()
            taker.take("traces", payload, "a file", [])
    assert len(renewed) == 2
    with Database.open(tmp_path / "stepscope.duckdb", CONFIG) as database:
        assert Written(database).spans() == {f"E{number}": 41 for number in range(4)}

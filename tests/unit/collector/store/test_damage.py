"""A torn or flipped byte: the database starts with right rows, or is set aside; nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepscope_collector.errors import DatabaseDamaged, StoreUnavailable
from stepscope_collector.store import Database, EngineError, sweep, verifier
from stepscope_collector.store.aside import files_aside
from stepscope_collector.store.lock import lock_path
from stepscope_collector.store.mark import log_path
from stepscope_collector.store.recover import find_damage
from stepscope_collector.store.verifier import Verifier
from tests.unit.collector.store.crashed import (
    CONFIG,
    copy_crashed,
    crashed_files,
    opened,
    spans_of,
    tables,
)

UNVERIFIED = type(CONFIG)(memory_limit_bytes=512 << 20, threads=2, verify_s=0)
LATER = type(CONFIG)(memory_limit_bytes=512 << 20, threads=2, verify_s=1e-9)
BLOCK = 256 << 10
HEADERS = 3 * 4096


class Expected(list):
    """Tables that do not fill the screen when a property fails."""

    def __repr__(self):
        return "Expected()"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Six executions in the file, four more in its log, all acknowledged."""
    directory = tmp_path_factory.mktemp("crashed")
    crashed_files(directory)
    return directory


@pytest.fixture(scope="module")
def expected(files, tmp_path_factory):
    """Rows of the whole history, of the file without its log, and of a new file."""
    work = tmp_path_factory.mktemp("expected")
    whole = tables(copy_crashed(files, work / "whole"))
    path = copy_crashed(files, work / "base")
    log_path(path).unlink()
    lock_path(path).unlink()
    base, nothing = tables(path), tables(work / "new" / "stepscope.duckdb")
    assert [len(each["executions"]) for each in (whole, base, nothing)] == [10, 6, 0]
    return Expected([whole, base, nothing])


def flip(path, at, bits):
    content = bytearray(path.read_bytes())
    content[at] ^= bits
    path.write_bytes(content)
    return bytes(content)


def test_a_killed_database_is_whole_again(files, expected, tmp_path):
    """ours: nothing is called damage that is none."""
    path = copy_crashed(files, tmp_path / "data")
    assert tables(path) == expected[0]
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@settings(max_examples=12)
@given(at=st.floats(0, 1, exclude_max=True), bits=st.integers(1, 255), in_head=st.booleans())
def test_any_flipped_byte_of_the_file_is_found_or_does_not_matter(
    files, expected, tmp_path_factory, at, bits, in_head
):
    """issue #4: flip any byte: the server starts with right data or sets the file aside."""
    path = copy_crashed(files, tmp_path_factory.getbasetemp() / "flipped-file")
    size = HEADERS if in_head else path.stat().st_size
    flipped = flip(path, int(at * size), bits)
    log = log_path(path).read_bytes()
    found = tables(path)
    aside = files_aside(path)
    if not aside:
        assert found == expected[0]
        return
    assert found == expected[2]
    (moved,) = aside
    # nothing is deleted
    assert (path.parent / moved.file).read_bytes() == flipped
    assert (path.parent / f"{moved.file}.wal").read_bytes() == log
    assert (moved.bytes, bool(moved.reason)) == (len(flipped) + len(log), True)


@settings(max_examples=12)
@given(
    at=st.floats(0, 1, exclude_max=True),
    bits=st.integers(1, 255),
    how=st.sampled_from(["flip", "cut", "zero"]),
)
def test_any_damage_to_the_acknowledged_log_is_found(
    files, expected, tmp_path_factory, at, bits, how
):
    """issue #4: also where DuckDB takes a wrong length for the end of the log."""
    path = copy_crashed(files, tmp_path_factory.getbasetemp() / "flipped-log")
    log = log_path(path)
    content, position = log.read_bytes(), int(at * log.stat().st_size)
    damaged = {
        "flip": content[:position] + bytes([content[position] ^ bits]) + content[position + 1 :],
        "cut": content[:position],
        "zero": content[:position] + bytes(len(content) - position),
    }[how]
    if damaged == content:
        return
    file = path.read_bytes()
    log.write_bytes(damaged)
    # what was moved into the file is still served, the rest is kept for whoever can mend it
    assert tables(path) == expected[1]
    (moved,) = files_aside(path)
    assert "acknowledged" in moved.reason
    assert (path.parent / moved.file).read_bytes() == file
    assert (path.parent / f"{moved.file}.wal").read_bytes() == damaged


@settings(max_examples=6)
@given(tail=st.one_of(st.binary(min_size=1, max_size=9000), st.integers(1, 9000).map(bytes)))
def test_what_follows_the_acknowledged_log_may_be_anything(files, expected, tmp_path_factory, tail):
    """issue #4: a power loss leaves half a commit that nobody was told of."""
    path = copy_crashed(files, tmp_path_factory.getbasetemp() / "tail")
    with log_path(path).open("ab") as log:
        log.write(tail)
    assert tables(path) == expected[0]
    assert files_aside(path) == []


def test_a_log_that_is_gone_is_told(files, expected, tmp_path, caplog):
    """issue #4: rows do not vanish without a word."""
    path = copy_crashed(files, tmp_path / "data")
    log_path(path).unlink()
    with pytest.raises(DatabaseDamaged, match="has lost acknowledged rows"):
        Database.open(path, CONFIG, read_only=True)
    assert tables(path) == expected[1]
    assert "acknowledged rows are missing" in caplog.text


def test_a_broken_log_without_a_mark_is_set_aside(files, expected, tmp_path):
    """ours: the lock file may be lost with the rest, or the file come from elsewhere."""
    path = copy_crashed(files, tmp_path / "data")
    lock_path(path).unlink()
    flip(log_path(path), 4000, 1)
    assert tables(path) == expected[1]
    (moved,) = files_aside(path)
    assert "WAL file" in moved.reason


@pytest.mark.parametrize("content", [b"hello " * 5000, b"DUCK" * 5000])
def test_a_file_that_is_no_database_is_set_aside(tmp_path, content):
    """issue #4: service continues with a new file."""
    path = tmp_path / "stepscope.duckdb"
    path.write_bytes(content)
    with opened(path) as history:
        history.write(spans_of(1))
    assert len(tables(path)["executions"]) == 1
    (moved,) = files_aside(path)
    assert (tmp_path / moved.file).read_bytes() == content


def damage_unread_block(path, opens):
    """Flip a byte of a block that opening does not read, and `opens` does not mind."""
    size = path.stat().st_size
    whole = path.read_bytes()
    for block in reversed(range((size - HEADERS) // BLOCK)):
        flip(path, HEADERS + block * BLOCK + 1000, 255)
        try:
            with Database.open(path, UNVERIFIED, read_only=True) as database:
                with database.read() as connection:
                    damage = find_damage(connection, None)
                if damage and opens(database):
                    return damage
        except DatabaseDamaged:
            pass
        path.write_bytes(whole)
    raise AssertionError("every block is read at open")


def read_all(database):
    with database.read() as connection:
        for table in ("spans", "payloads", "executions", "traces", "open_spans"):
            connection.execute(f"select * from stored.{table}").fetchall()


@pytest.fixture
def checkpointed(tmp_path):
    """A history that is all in the file."""
    path = tmp_path / "data" / "stepscope.duckdb"
    with opened(path) as history:
        history.write(*(spans_of(number) for number in range(10)))
    return path


def test_a_question_that_meets_damage_is_refused_and_the_rest_answered(checkpointed):
    """issue #4: a read that fails with a checksum error is reported, never answered wrongly."""
    damage_unread_block(checkpointed, lambda _: True)
    with Database.open(checkpointed, UNVERIFIED) as database:
        with pytest.raises(DatabaseDamaged, match="damaged where this question reads"):
            read_all(database)
        assert "checksum" in database.damage
        with database.read() as connection:
            assert connection.execute("select 1").fetchone() == (1,)


def verify(database, committer):
    """Read what the start has left, as upkeep does, without its pauses."""
    verifier = Verifier(
        database, lambda damage, is_that_file: is_that_file() and committer.set_aside(damage)
    )
    while verifier.go_on() is not None:
        pass


def test_reading_at_start_stops_in_time_and_goes_on_later(checkpointed, caplog):
    """issue #6: store.verify_s bounds the start, and all is read all the same."""
    caplog.set_level("INFO")
    with opened(checkpointed, LATER) as history:
        assert "is read while it serves" in caplog.text
        verify(history.database, history._committer)
        assert "database read in full" in caplog.text
        assert history.database.unread() is None
        assert len(history.tables()["executions"]) == 10
    assert files_aside(checkpointed) == []


def test_a_start_after_a_kill_is_silent_about_blocks_that_wait_for_a_checkpoint(
    files, tmp_path, caplog
):
    """ours: a commit that was under way leaves some every time; nothing is unread."""
    caplog.set_level("INFO")
    path = copy_crashed(files, tmp_path / "data")
    with path.open("ab") as file:
        file.write(bytes(BLOCK))
    with opened(path) as history:
        sweep, _ = history.database.unread()
        assert (sweep.waits_for_checkpoint, sweep.unread_bytes) == (True, 0)
    assert "is read while it serves" not in caplog.text


def test_damage_that_is_found_later_sets_the_file_aside(checkpointed):
    """issue #6: a start that does not read all of a long history promises as much."""
    damage_unread_block(checkpointed, lambda _: True)
    with opened(checkpointed, LATER) as history:
        verify(history.database, history._committer)
        assert history.write(spans_of(3)) == (41, 0)
        assert len(history.tables()["executions"]) == 1
        verify(history.database, history._committer)
        assert history.database.unread() is None
    (moved,) = files_aside(checkpointed)
    assert "checksum" in moved.reason


def test_a_file_that_took_the_place_of_the_damaged_one_stays(checkpointed):
    """ours: a commit may meet the damage before the verdict has its turn on the writer thread."""
    damage_unread_block(checkpointed, lambda _: True)
    with opened(checkpointed, LATER) as history:
        committer = history._committer

        def late(damage, is_that_file):
            assert is_that_file()
            committer.set_aside("met by a commit")
            assert not is_that_file()

        verifier = Verifier(history.database, late)
        while verifier.go_on() is not None:
            pass
    (moved,) = files_aside(checkpointed)
    assert moved.reason == "met by a commit"


def test_an_engine_that_cannot_say_is_asked_again(checkpointed, monkeypatch):
    """ours: a suspicion stays until somebody has judged it."""
    damage_unread_block(checkpointed, lambda _: True)
    with opened(checkpointed, LATER) as history:
        judge = verifier.find_damage
        answers = iter([StoreUnavailable("not now")])

        def busy(*arguments):
            for error in answers:
                raise error
            return judge(*arguments)

        monkeypatch.setattr(verifier, "find_damage", busy)
        with pytest.raises(StoreUnavailable, match="not now"):
            verify(history.database, history._committer)
        assert history.database.unread() is not None
        verify(history.database, history._committer)
    assert len(files_aside(checkpointed)) == 1


def test_damage_where_nothing_lies_is_none(checkpointed, caplog, monkeypatch):
    """ours: the engine has the last word on a block that fails."""
    monkeypatch.setattr(verifier, "find_damage", lambda *_: None)
    damage_unread_block(checkpointed, lambda _: True)
    with opened(checkpointed, LATER) as history:
        verify(history.database, history._committer)
        assert "all rows are read" in caplog.text
        assert history.database.unread() is None
    assert files_aside(checkpointed) == []


def test_nothing_is_read_of_a_file_that_is_closed(checkpointed):
    """ours: its descriptor may be another file's by then."""
    with opened(checkpointed, LATER) as history:
        sweep, read = history.database.unread()
        history.database.reopen()
        with pytest.raises(StoreUnavailable, match="the database file is closed"):
            sweep.read_on(read)


def test_a_file_of_an_unknown_kind_is_read_by_the_engine(checkpointed, monkeypatch, caplog):
    """ours: as all were; that ends in time, too."""
    monkeypatch.setattr(sweep, "layout_of", lambda _: None)
    with opened(checkpointed, LATER) as history:
        assert history.database.unread() is None
        assert len(history.tables()["executions"]) == 10
    assert "not read in full" in caplog.text
    damage_unread_block(checkpointed, lambda _: True)
    with opened(checkpointed) as history:
        assert len(history.tables()["executions"]) == 0
    assert len(files_aside(checkpointed)) == 1


def test_a_writer_that_meets_damage_goes_on_with_a_new_file(checkpointed):
    """issue #4: the damaged file set aside, service continues with a new file; it never loops."""

    def is_met_by_writer(database):
        with database.read() as connection:
            try:
                connection.execute("select count(distinct (trace_id, span_id)) from stored.spans")
            except EngineError as error:
                return "checksum" in str(error)
        return False

    damage_unread_block(checkpointed, is_met_by_writer)
    with opened(checkpointed, UNVERIFIED) as history:
        with pytest.raises(StoreUnavailable, match="damaged and replaced by a new one"):
            history.write(spans_of(3))
        assert history.write(spans_of(3)) == (41, 0)
        assert len(history.tables()["executions"]) == 1
    assert len(files_aside(checkpointed)) == 1
    assert len(tables(checkpointed)["spans"]) == 41

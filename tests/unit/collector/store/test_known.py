"""The writer looks for executions only where the set of those that it knows says that there may be one."""

import random
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from stepscope_collector.decode.native import id_set
from stepscope_collector.store import known, statements
from stepscope_collector.store.commit import Committer
from tests.strategies.workflows import MAPPING, NOW, NOW_NS, execution, history, step
from tests.unit.collector.store.test_commit import streams

pytestmark = pytest.mark.skipif(id_set() is None, reason="the native decoder is not installed")

SQL = Path(statements.__file__).parent / "sql"


def spans(name):
    return [execution(f"sync {name}", name, end=500)]


def late(name):
    return [step("pull", name, parent=f"sync {name}", start=1, end=4)]


@pytest.fixture
def looked(monkeypatch):
    """Where the writer has begun to look for executions."""
    found = []
    run = statements.Prepared.run

    def seen(self, name, /, *arguments, **parameters):
        if name == "find_known":
            found.append(parameters["from_row"])
        return run(self, name, *arguments, **parameters)

    monkeypatch.setattr(statements.Prepared, "run", seen)
    return found


def committer_of(store, *, is_filled=True):
    made = Committer(store.database.writer(), MAPPING, id_set=id_set)
    if is_filled:
        made.known.fill(store.database.read)
    return made


def counts(store):
    return {
        row["execution_id"]: row["span_count"]
        for row in store.rows("select execution_id, span_count from stored.executions")
    }


def write(committer, sent):
    committer.commit(streams(sent), NOW, NOW_NS)


def test_new_executions_are_not_looked_for(looked):
    with history() as store:
        committer = committer_of(store)
        write(committer, spans("A"))
        write(committer, spans("B"))
        assert looked == []
        write(committer, late("A"))
        assert looked == [0]
        assert counts(store) == {"A": 2, "B": 1}


def test_what_was_stored_before_a_start_is_known(looked):
    with history() as store:
        store.write(spans("A"))
        committer = committer_of(store)
        looked.clear()
        write(committer, late("A"))
        write(committer, spans("B"))
        assert looked == [0]
        assert counts(store) == {"A": 2, "B": 1}


def test_until_the_set_is_whole_all_rows_are_looked_through(looked):
    with history() as store:
        store.write(spans("A"))
        committer = committer_of(store, is_filled=False)
        assert committer.known.wants_filling
        looked.clear()
        write(committer, spans("B"))
        write(committer, late("A"))
        assert looked == [0, 0]
        committer.known.fill(store.database.read)
        assert not committer.known.wants_filling
        write(committer, late("B"))
        write(committer, spans("C"))
        assert looked == [0, 0, 0]
        assert counts(store) == {"A": 2, "B": 2, "C": 1}


def test_what_is_committed_while_the_set_is_filled_is_known():
    with history() as store:
        store.write(spans("A"))
        committer = committer_of(store, is_filled=False)

        @contextmanager
        def read():
            with store.database.read() as connection:
                connection.execute("select 1 from stored.executions limit 1").fetchall()
                write(committer, spans("B"))
                yield connection

        committer.known.fill(read)
        write(committer, [*late("A"), *late("B")])
        assert counts(store) == {"A": 2, "B": 2}


def test_a_set_that_becomes_whole_while_it_is_asked_is_not_believed_yet():
    """The writer has put an execution in just before, of which the reader would have told it."""
    with history() as store:
        store.write(spans("A"))

        class Overtaken:
            """Between the answer to the writer and its next line the reader comes to its end."""

            def __init__(self):
                self._hashes = id_set()
                self.put_all = self._hashes.put_all

            def put(self, hashes):
                found = self._hashes.put(hashes)
                committer.known.fill(store.database.read)
                return found

        committer = Committer(store.database.writer(), MAPPING, id_set=Overtaken)
        write(committer, late("A"))
        assert counts(store) == {"A": 2}


def test_a_set_that_was_begun_while_another_was_filled_has_to_be_filled():
    with history() as store:
        store.write(spans("A"))
        committer = committer_of(store, is_filled=False)
        committer.known.fill(store.database.read, committer.known._begin)
        assert committer.known.wants_filling
        write(committer, late("A"))
        assert counts(store) == {"A": 2}


def test_reading_what_is_stored_rests_in_between():
    """issue #6: the newest page is shown in time while a collector starts on a long history."""
    with history() as store:
        store.write(spans("A"))
        committer = committer_of(store, is_filled=False)
        rests = []
        committer.known.fill(store.database.read, lambda: rests.append(len(rests)))
        assert rests == [0]
        assert not committer.known.wants_filling


def test_an_execution_of_long_ago_is_found_among_the_older_rows(monkeypatch, looked):
    monkeypatch.setattr(known, "_RECENT_ROWS", 2)
    with history() as store:
        committer = committer_of(store)
        for name in "ABCDE":
            write(committer, spans(name))
        write(committer, late("E"))
        assert looked == [3]
        write(committer, [*late("E"), *late("A")])
        assert looked == [3, 3, 0]
        assert counts(store) == {"A": 2, "B": 1, "C": 1, "D": 1, "E": 2}


def test_what_came_to_nothing_is_looked_for_and_not_found(looked):
    with history() as store:
        committer = committer_of(store)
        group = streams(spans("A"))
        group.rejections = object()
        with pytest.raises(Exception, match="object"):
            committer.commit(group, NOW, NOW_NS)
        write(committer, spans("A"))
        assert looked == [0, 0]
        assert counts(store) == {"A": 1}


def test_the_set_is_made_anew_when_much_was_removed(monkeypatch):
    monkeypatch.setattr(known, "_RECENT_ROWS", 1)
    with history() as store:
        committer = committer_of(store)
        for name in "ABC":
            write(committer, spans(name))
        committer.delete(["A"], NOW, NOW)
        assert not committer.known.wants_filling
        committer.delete(["B"], NOW, NOW)
        assert committer.known.wants_filling
        committer.known.fill(store.database.read)
        write(committer, late("C"))
        assert counts(store) == {"C": 2}


def test_every_statement_that_stores_an_execution_is_one_that_the_set_hears_of():
    """A row that it does not know of would be written twice; see `KnownExecutions`."""
    storing = {
        str(path.relative_to(SQL))
        for path in SQL.rglob("*.sql")
        if "into stored.executions" in path.read_text(encoding="utf-8")
    }
    assert storing == {"insert_executions.sql", "fold/insert_executions.sql"}


def test_a_set_of_hashes_is_exact_but_for_the_bits_it_leaves_out():
    rng = random.Random(7)
    hashes, told = id_set(), set()
    for _ in range(40):
        some = [rng.getrandbits(63) for _ in range(rng.randrange(1000))]
        mixed = some + rng.sample(sorted(told), min(len(told), 50))
        rng.shuffle(mixed)
        if rng.random() < 0.5:
            hashes.put_all(b"".join(each.to_bytes(8, sys.byteorder) for each in mixed))
        else:
            assert hashes.put(mixed) == [each for each in mixed if each in told]
        told.update(mixed)
        assert len(hashes) == len(told)
    with pytest.raises(ValueError, match="8 bytes"):
        hashes.put_all(b"1234567")


def test_a_set_of_many_hashes_forgets_none_and_takes_few_new_ones_for_known():
    """issue #6: it takes little memory, so its parts are laid out anew as it grows."""
    rng = random.Random(8)
    hashes, told = id_set(), []
    for size in (1, 3000, 30_000, 150_000):
        some = [rng.getrandbits(63) for _ in range(size)]
        assert len(hashes.put(some)) <= 2
        assert hashes.put(some) == some
        told += some
        assert hashes.put(told) == told
        assert len(told) - 2 <= len(hashes) <= len(told)


def test_a_set_of_hashes_in_a_file_forgets_none(tmp_path):
    """issue #6: memory stays flat over an hour. The files have no names."""
    rng = random.Random(9)
    folder = tmp_path / "data"
    folder.mkdir()
    hashes, told = type(id_set())(folder, 1000), set()
    for size in (10, 3000, 100, 30_000, 3000):
        some = [rng.getrandbits(63) for _ in range(size)]
        before = rng.sample(sorted(told), min(len(told), 1000))
        assert set(before) <= set(hashes.put(some + before)) <= {*before, *some[:2]}
        told.update(some)
        assert list(folder.iterdir()) == []
    assert hashes.put(sorted(told)) == sorted(told)
    assert len(told) - 5 <= len(hashes) <= len(told)


def test_a_set_of_hashes_stays_in_memory_where_there_can_be_no_file(tmp_path):
    """A full disk, or a folder that may not be written, costs memory."""
    rng = random.Random(10)
    hashes = type(id_set())(tmp_path / "missing", 1000)
    some = [rng.getrandbits(63) for _ in range(30_000)]
    hashes.put_all(b"".join(each.to_bytes(8, sys.byteorder) for each in some[:10_000]))
    assert hashes.put(some[:20_000]) == some[:10_000]
    assert hashes.put(some) == some[:20_000]
    assert len(hashes) == 30_000


def test_executions_whose_hashes_are_in_files_are_written_once(tmp_path, looked):
    """A row that the set has forgotten would be written a second time."""

    def small_set():
        return type(id_set())(tmp_path, 0)

    with history() as store:
        committer = Committer(store.database.writer(), MAPPING, id_set=small_set)
        committer.known.fill(store.database.read)
        names = [f"E{number}" for number in range(300)]
        for some in (names[:100], names[100:200], names[200:]):
            write(committer, [span for name in some for span in spans(name)])
        assert looked == []
        write(committer, [span for name in names for span in late(name)])
        assert counts(store) == dict.fromkeys(names, 2)


def test_a_set_of_hashes_that_are_alike_forgets_none():
    hashes = id_set()
    for some in (
        list(range(5000)),
        [number << 40 for number in range(5000)],
        [2**63 - 1, 2**64 - 1],
    ):
        hashes.put(some)
        assert hashes.put(some) == some

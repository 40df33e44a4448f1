"""What a running collector does by itself, and when it leaves the writer alone."""

import threading
from pathlib import Path
from typing import Any

import pytest

from stepscope_collector import upkeep
from stepscope_collector.config import StoreConfig
from stepscope_collector.store.database import Database
from stepscope_collector.store.sweep import Sweep
from stepscope_collector.upkeep import Upkeep

WAIT_S = 30


@pytest.mark.parametrize("has_unfolded", [True, False])
def test_the_writer_is_asked_for_only_where_a_large_trace_waits(
    monkeypatch: pytest.MonkeyPatch, has_unfolded: bool
) -> None:
    """issue #6: work between commits ends the group that is gathered, and with it a row group."""
    monkeypatch.setattr(upkeep, "_LOOK_S", 0.001)
    looks, works = threading.Semaphore(0), []

    def look() -> bool:
        looks.release()
        return has_unfolded

    def work(run: Any) -> bool:
        works.append(run)
        return False

    with Database.open(None, StoreConfig()) as database:
        caring = Upkeep(database, work, 300, has_unfolded=look)
        caring.start()
        try:
            for _ in range(3):
                assert looks.acquire(timeout=WAIT_S)
        finally:
            caring.close()
    assert bool(works) == has_unfolded


def test_the_file_is_opened_anew_where_that_is_due(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """issue #6: memory stays flat over an hour."""
    monkeypatch.setattr(upkeep, "_LOOK_S", 0.001)
    is_due, is_done = threading.Event(), threading.Event()

    class Committer:
        def renew(self, renew: Any) -> bool:
            assert renew() is not None
            is_due.clear()
            is_done.set()
            return True

    with Database.open(tmp_path / "stepscope.duckdb", StoreConfig()) as database:
        writer = database.writer()
        caring = Upkeep(
            database,
            lambda run: run(Committer(), None),  # type: ignore[arg-type]
            300,
            has_unfolded=lambda: False,
            wants_renewal=is_due.is_set,
        )
        caring.start()
        try:
            assert not is_done.wait(0.1)
            is_due.set()
            assert is_done.wait(WAIT_S)
        finally:
            caring.close()
        assert database.writer() is not writer


def test_nobody_waits_for_a_renewal_while_somebody_asks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """ours: an export that takes minutes must not stop the writer every second."""
    monkeypatch.setattr(upkeep, "_LOOK_S", 0.001)
    looks, is_asked = threading.Semaphore(0), threading.Event()

    def wants_renewal() -> bool:
        looks.release()
        return True

    with Database.open(tmp_path / "stepscope.duckdb", StoreConfig()) as database:
        caring = Upkeep(
            database,
            lambda _: is_asked.set(),
            300,
            has_unfolded=lambda: False,
            wants_renewal=wants_renewal,
        )
        with database.read():
            caring.start()
            for _ in range(5):
                assert looks.acquire(timeout=WAIT_S)
            assert not is_asked.is_set()
        try:
            assert is_asked.wait(WAIT_S)
        finally:
            caring.close()


def test_what_the_start_left_unread_is_read(tmp_path: Path) -> None:
    """issue #6: a start is quick, and damage is found all the same."""
    path = tmp_path / "stepscope.duckdb"
    with Database.open(path, StoreConfig()):
        pass
    with Database.open(path, StoreConfig(verify_s=1e-9)) as database:
        assert database.unread() is not None
        is_read = threading.Event()
        was_read = database.was_read

        def note(sweep: Sweep) -> None:
            was_read(sweep)
            is_read.set()

        database.was_read = note  # type: ignore[method-assign]
        caring = Upkeep(database, lambda _: False, 300, has_unfolded=lambda: False)
        caring.start()
        try:
            assert is_read.wait(WAIT_S)
        finally:
            caring.close()
        assert database.unread() is None


def test_the_executions_of_a_history_are_read_for_the_writer() -> None:
    """issue #6: a commit of new executions looks through none that are stored."""

    class Known:
        wants_filling = True
        is_filled = threading.Event()

        def fill(self, read: Any, rest: Any) -> None:
            with read() as connection:
                assert connection.execute("select 1").fetchall() == [(1,)]
            rest()
            self.wants_filling = False
            self.is_filled.set()

    known: Any = Known()
    with Database.open(None, StoreConfig()) as database:
        caring = Upkeep(database, lambda _: False, 300, known=lambda: known)
        caring.start()
        try:
            assert known.is_filled.wait(WAIT_S)
        finally:
            caring.close()


def test_what_a_compaction_interrupts_is_done_again_soon_and_no_reason_to_warn(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """ours: it warned that upkeep had failed, and did nothing for half a minute."""
    monkeypatch.setattr(upkeep, "_LOOK_S", 0.001)
    monkeypatch.setattr(upkeep, "_EVERY_S", 10 * WAIT_S)
    reads, is_filled = threading.Semaphore(0), threading.Event()

    class Known:
        wants_filling = True
        statement = "select count(*) from range(1_000_000_000) a, range(1_000_000) b"

        def fill(self, read: Any, rest: Any) -> None:
            statement, self.statement = self.statement, "select 1"
            with read() as connection:
                reads.release()
                connection.execute(statement).fetchall()
            self.wants_filling = False
            is_filled.set()

    known: Any = Known()
    other = tmp_path / "other.duckdb"
    Database.open(other, StoreConfig()).close()
    with Database.open(tmp_path / "stepscope.duckdb", StoreConfig()) as database:
        caring = Upkeep(
            database,
            lambda _: False,
            4 * 10 * WAIT_S,
            has_unfolded=lambda: False,
            known=lambda: known,
        )
        caring.start()
        try:
            assert reads.acquire(timeout=WAIT_S)
            database.swap(other)
            assert is_filled.wait(WAIT_S)
        finally:
            caring.close()
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == []

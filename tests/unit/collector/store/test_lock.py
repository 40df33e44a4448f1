"""One process owns the file; the mark in the lock file says what was acknowledged."""

import os
import subprocess
import sys
import threading

import pytest

from stepscope_collector.errors import DatabaseLocked, StoreUnavailable
from stepscope_collector.store import Database
from stepscope_collector.store.lock import PID_BYTES, FileLock, lock_path
from stepscope_collector.store.mark import log_path, read_mark
from tests.unit.collector.store.crashed import CONFIG, opened, spans_of


def mark_of(path):
    descriptor = os.open(lock_path(path), os.O_RDONLY)
    try:
        return read_mark(descriptor)
    finally:
        os.close(descriptor)


def test_the_lock_names_its_holder_and_goes_with_it(tmp_path):
    """issue #4: a second server gets DatabaseLocked with the PID at once."""
    path = tmp_path / "stepscope.duckdb"
    lock = FileLock.take(path)
    for refused in (FileLock.take, FileLock.refuse_if_taken):
        with pytest.raises(DatabaseLocked, match=r"in use by this process$"):
            refused(path)
    lock.release()
    assert list(tmp_path.iterdir()) == []
    FileLock.refuse_if_taken(path)
    FileLock.take(path).release()


def test_a_lock_file_without_holder_is_no_lock(tmp_path):
    """issue #4: restart after kill -9 needs no repair."""
    path = tmp_path / "stepscope.duckdb"
    lock_path(path).write_text("1\n")
    FileLock.refuse_if_taken(path)
    lock = FileLock.take(path)
    assert os.pread(lock.descriptor, PID_BYTES, 0).strip() == str(os.getpid()).encode()
    lock.release()


def test_of_many_that_come_at_once_one_has_the_lock(tmp_path):
    """ours: a lock file that is removed while another waits for it is not locked by both."""
    path = tmp_path / "stepscope.duckdb"
    held, most = [], []

    def contend():
        for _ in range(50):
            try:
                lock = FileLock.take(path)
            except DatabaseLocked:
                continue
            held.append(1)
            most.append(len(held))
            held.pop()
            lock.release()

    threads = [threading.Thread(target=contend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert set(most) == {1}


def test_a_directory_that_cannot_be_written_is_an_error(tmp_path):
    """issue #4: start-up on a read-only disk gives a clear error."""
    lock_path(tmp_path / "stepscope.duckdb").mkdir()
    with pytest.raises(StoreUnavailable, match="cannot be opened: is a directory"):
        FileLock.take(tmp_path / "stepscope.duckdb")


def test_the_lock_outlives_descriptors_of_the_database(tmp_path):
    """ours: DuckDB's own lock is given up when any descriptor of the file is closed."""
    path = tmp_path / "stepscope.duckdb"
    with Database.open(path, CONFIG):
        path.read_bytes()
        code = "import sys,pathlib; from stepscope_collector.store import Database; "
        code += "from stepscope_collector.config import StoreConfig; "
        code += "Database.open(pathlib.Path(sys.argv[1]), StoreConfig())"
        second = subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=30,
            check=False,
        )  # fmt: skip
        assert f"is in use by process {os.getpid()}" in second.stderr


def test_each_commit_moves_the_mark_and_a_checkpoint_ends_its_log(tmp_path):
    """issue #4: note which acknowledgement precedes which sync: none precedes its mark."""
    path = tmp_path / "stepscope.duckdb"
    with opened(path) as history:
        first = mark_of(path)
        history.write(spans_of(1))
        second = mark_of(path)
        assert second.number == first.number + 1
        assert second.log_bytes == log_path(path).stat().st_size > first.log_bytes
        assert (second.head, second.log_crc != first.log_crc) == (first.head, True)
        history.database.checkpoint()
        history.write(spans_of(2))
        third = mark_of(path)
        assert third.head != second.head
        assert third.log_bytes == log_path(path).stat().st_size


def test_a_torn_mark_leaves_the_one_before(tmp_path):
    """issue #4: the power may fail while the mark is written."""
    path = tmp_path / "stepscope.duckdb"
    with opened(path) as history:
        history.write(spans_of(1))
        before = mark_of(path)
        history.write(spans_of(2))
        after = mark_of(path)
        slot = PID_BYTES * (1 + after.number % 2)
        with lock_path(path).open("r+b") as file:
            file.seek(slot + 20)
            file.write(bytes(8))
        assert mark_of(path) == before

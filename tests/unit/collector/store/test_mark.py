"""What is noted of the log after each commit."""

import os

import pytest

from stepscope_collector.store import mark
from stepscope_collector.store.mark import Marker, log_path, read_mark


@pytest.fixture
def path(tmp_path):
    """A file that stands for a database."""
    made = tmp_path / "x.duckdb"
    made.write_bytes(b"\0" * 12288)
    return made


@pytest.fixture
def synced(monkeypatch):
    """The directories that were synced."""
    found = []
    monkeypatch.setattr(mark, "sync", found.append)
    return found


@pytest.fixture
def marker(path):
    """Its marks go into a file of their own."""
    descriptor = os.open(path.with_name("lock"), os.O_RDWR | os.O_CREAT)
    made = Marker(path, descriptor)
    yield made, descriptor
    made.close()
    os.close(descriptor)


def test_a_new_log_and_one_that_is_gone_are_so_on_the_disk_before_anybody_is_answered(
    path, synced, marker
):
    """issue #4, loss of power: a log that is back after two checkpoints is taken for that of another file."""
    one, descriptor = marker
    one.write()
    assert synced == []
    log_path(path).write_bytes(b"first")
    one.write()
    one.write()
    assert synced == [path.parent]
    assert read_mark(descriptor).log_bytes == 5
    log_path(path).unlink()  # a checkpoint
    one.write()
    assert synced == [path.parent] * 2
    one.write()
    assert synced == [path.parent] * 2
    assert read_mark(descriptor).log_bytes == 0

"""Blocks that the power tore while a checkpoint wrote them are put back."""

import os
import shutil
import subprocess
import sys
from datetime import datetime

import pytest

from stepscope_collector.config import StoreConfig
from stepscope_collector.errors import DatabaseDamaged, DatabaseLocked, StoreUnavailable
from stepscope_collector.store.backup import restore
from stepscope_collector.store.blocks import (
    HEAD_BYTES,
    failed_blocks,
    head_of,
    layout_of,
    noted_blocks,
)
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.database import Database
from stepscope_collector.store.lock import lock_path
from stepscope_collector.store.mark import log_path, read_mark
from stepscope_collector.store.undo import Undo, undo_path, undo_torn
from tests.strategies.workflows import MAPPING

SECTOR = 512
TORN = b"torn".ljust(SECTOR, b"\0")
"""Words in pairs would not change DuckDB's checksum."""


class File:
    """A database file as the store reads it."""

    def __init__(self, path):
        self.path = path

    def read(self, offset, size):
        with self.path.open("rb") as file:
            return os.pread(file.fileno(), size, offset)

    @property
    def head(self):
        with self.path.open("rb") as file:
            return head_of(file.fileno())

    @property
    def layout(self):
        return layout_of(self.read(0, HEAD_BYTES))

    @property
    def rewritten(self):
        return noted_blocks(self.read, self.layout).rewritten

    def block(self, number):
        return self.read(self.layout.at(number), self.layout.block_bytes)

    def follow(self):
        """Copy what has changed; the places of the file of copies that were written."""
        undo = Undo(self.path)
        undo.follow(self.head, self.read)
        undo.close()

    def tear(self, number):
        """Change a sector in the middle of a block."""
        with self.path.open("r+b") as file:
            os.pwrite(file.fileno(), TORN, self.layout.at(number) + 100 * SECTOR)

    def grow(self, rounds=1):
        """More rows, with a checkpoint after each of so many rounds."""
        with Database.open(self.path, StoreConfig()) as database:
            connection = database.writer()
            for _ in range(rounds):
                connection.execute("create table if not exists main.t (a bigint, b varchar)")
                connection.execute("insert into main.t select range, 'x' from range(30720)")
                connection.execute("checkpoint")
                database.committed()


@pytest.fixture
def file(tmp_path):
    made = File(tmp_path / "x.duckdb")
    made.grow(3)
    made.follow()
    assert made.rewritten
    return made


def test_a_torn_block_is_put_back(file):
    """issue #4, loss of power: a file that a checkpoint left torn is as its last header says."""
    before = {number: file.block(number) for number in file.rewritten}
    for number in before:
        file.tear(number)
        assert failed_blocks(file.block(number), file.layout.block_bytes) == [0]
    assert undo_torn(file.path) == len(before)
    assert {number: file.block(number) for number in before} == before
    assert undo_torn(file.path) == 0


def test_a_file_that_ends_within_a_block_is_whole_again(file):
    """ours: the size of a file may be lost as well."""
    number = max(file.rewritten)
    before = file.block(number)
    os.truncate(file.path, file.layout.at(number) + 5000)
    assert undo_torn(file.path) >= 1
    assert file.block(number) == before


def test_a_block_that_is_whole_is_left(file):
    """issue #4: the checkpoint had written it to its end, and the parts in use are the same."""
    number = max(file.rewritten)
    other = file.block(min(set(range(file.layout.blocks)) - {number}))
    with file.path.open("r+b") as opened:
        os.pwrite(opened.fileno(), other, file.layout.at(number))
    undo_torn(file.path)
    assert file.block(number) == other


def test_after_the_next_checkpoint_nothing_is_put_back(file):
    """ours: the copies are of another state of the file; damage stays for the start to find."""
    copies = undo_path(file.path).read_bytes()
    file.grow(2)
    undo_path(file.path).write_bytes(copies)
    for number in file.rewritten:
        file.tear(number)
        torn = file.block(number)
        assert undo_torn(file.path) == 0
        assert file.block(number) == torn


@pytest.mark.parametrize("at", [0, 5, 4096, 4110, 4125, 2 * 4096, 2 * 4096 + 70_000])
def test_a_copy_that_is_broken_is_not_put_in_the_place_of_anything(file, at):
    """issue #4: hostile or torn copies."""
    content = bytearray(undo_path(file.path).read_bytes())
    content[at] ^= 255
    undo_path(file.path).write_bytes(content)
    whole = {number: file.block(number) for number in file.rewritten}
    for number in whole:
        file.tear(number)
    torn = {number: file.block(number) for number in whole}
    undo_torn(file.path)
    for number, now in whole.items():
        assert file.block(number) in {now, torn[number]}
    assert any(file.block(number) == torn[number] for number in whole)


def test_only_what_a_checkpoint_has_changed_is_copied_again(file, monkeypatch):
    """issue #6: at 100 million steps all of them are 80 MB."""
    written = []
    real = os.pwrite

    def pwrite(descriptor, data, offset):
        written.append((offset, bytes(data[:16])))
        return real(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    file.follow()
    assert [offset for offset, _ in written] == [0], "nothing but whose they are"
    number = max(file.rewritten)
    broken = undo_path(file.path).read_bytes().replace(file.block(number), b"\1" * 131072)
    undo_path(file.path).write_bytes(broken)
    written.clear()
    file.follow()
    assert len(written) == 2, "the one of which the copy is broken"
    file.tear(number)
    assert undo_torn(file.path) == 1


def test_copies_of_blocks_that_are_whole_in_use_go(file):
    """ours: what is not written over needs none, and an old one must not come back."""
    undo = Undo(file.path)
    layout = file.layout
    everything = set(range(layout.blocks))
    undo._copy(layout, everything, file.read)
    size = undo_path(file.path).stat().st_size
    undo._copy(layout, {0, 5}, file.read)
    assert undo_path(file.path).stat().st_size < size
    undo.follow(file.head, file.read)
    undo.close()
    gone = min(everything - file.rewritten)
    file.tear(gone)
    assert undo_torn(file.path) == 0


@pytest.mark.parametrize("missing", ["database", "copies"])
def test_without_either_file_there_is_nothing_to_put_back(file, missing):
    """ours: a first start."""
    (file.path if missing == "database" else undo_path(file.path)).unlink()
    assert undo_torn(file.path) == 0


@pytest.fixture
def crashed(file, tmp_path):
    """A file as the power leaves it amid a checkpoint that DuckDB made without its log, as of a large commit."""
    directory = tmp_path / "crashed"
    directory.mkdir()
    with Database.open(file.path, StoreConfig()) as database:
        database.writer().execute("checkpoint")
        database.committed()
        for name in (file.path.name, undo_path(file.path).name):
            shutil.copy(tmp_path / name, directory)
    left = File(directory / file.path.name)
    for number in left.rewritten:
        left.tear(number)
    return left


def assert_serves(path):
    with Database.open(path, StoreConfig()) as database, database.read() as connection:
        assert connection.execute("select count(*) from main.t").fetchall() == [(3 * 30720,)]
    assert not list(path.parent.glob("*.damaged*"))


def test_a_start_after_a_crash_puts_back_and_serves(crashed):
    """issue #4: nothing is called damage."""
    assert_serves(crashed.path)


@pytest.mark.parametrize("fails", [PermissionError(13, "Permission denied"), KeyboardInterrupt()])
def test_a_start_that_fails_leaves_the_copies_for_the_next(crashed, monkeypatch, fails):
    """ours: no log is no sign that there is nothing to undo."""

    def fail(copies, database):
        raise fails

    with monkeypatch.context() as patched:
        patched.setattr("stepscope_collector.store.undo._put_back", fail)
        with pytest.raises((StoreUnavailable, KeyboardInterrupt)):
            Database.open(crashed.path, StoreConfig())
    assert not lock_path(crashed.path).exists()
    assert undo_path(crashed.path).exists()
    assert_serves(crashed.path)


def test_nothing_is_put_back_while_another_program_has_the_file(crashed):
    """ours: a block may be torn because its checkpoint writes it just now; it knows DuckDB's lock alone."""
    torn = crashed.path.read_bytes()
    program = (
        "import fcntl, sys\n"
        "file = open(sys.argv[1], 'r+b')\n"
        "fcntl.lockf(file, fcntl.LOCK_EX)\n"  # as DuckDB does, which would not open a torn file
        "print('open', flush=True)\n"
        "sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(crashed.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"open\n"
        for read_only in (False, True):
            with pytest.raises(DatabaseLocked, match="in use by another process"):
                Database.open(crashed.path, StoreConfig(), read_only=read_only)
        assert crashed.path.read_bytes() == torn
    assert_serves(crashed.path)


def test_who_only_reads_is_told_to_start_a_server(crashed):
    """ours: not that the history is lost, when a start puts it back."""
    torn = crashed.path.read_bytes()
    with pytest.raises(DatabaseDamaged, match="torn when the power failed") as caught:
        Database.open(crashed.path, StoreConfig(), read_only=True)
    assert "stepscope serve" in caught.value.hint
    assert crashed.path.read_bytes() == torn
    assert_serves(crashed.path)
    Database.open(crashed.path, StoreConfig(), read_only=True).close()


def test_restore_puts_back_as_well(crashed, tmp_path):
    """docs/durability.md: the files of a server that was killed can be restored."""
    to = tmp_path / "restored" / "x.duckdb"
    restore(crashed.path, to, StoreConfig())
    assert [each.name for each in to.parent.iterdir()] == [to.name]
    assert_serves(to)


def test_after_a_sync_that_failed_all_is_written_again(file, monkeypatch):
    """ours: the system reads back from memory what it could not write."""
    undo = Undo(file.path)
    file.grow()
    written = []
    real = os.pwrite

    def fail(descriptor):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", fail)
        with pytest.raises(OSError, match="Input/output error"):
            undo.follow(file.head, file.read)

    def pwrite(descriptor, data, offset):
        written.append(bytes(data))
        return real(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    undo.follow(file.head, file.read)
    undo.close()
    for number in file.rewritten:
        assert any(each.endswith(file.block(number)) for each in written)


def test_a_list_of_blocks_that_cannot_be_read_is_said(file, monkeypatch, caplog):
    """ours: nobody shall believe that there are copies."""
    monkeypatch.setattr("stepscope_collector.store.undo.noted_blocks", lambda read, layout: None)
    file.follow()
    assert "no copies for a loss of power" in caplog.text


def test_a_head_of_an_unknown_kind_has_no_copies(tmp_path):
    """ours: another engine may lay its blocks out in another way."""
    path = tmp_path / "y.duckdb"
    path.write_bytes(b"other" * 5000)
    undo = Undo(path)
    undo.follow(b"1" * 16, File(path).read)
    undo.close()
    assert undo_path(path).read_bytes() == b""
    assert undo_torn(path) == 0


def test_an_orderly_stop_leaves_no_copies_but_where_its_checkpoint_failed(tmp_path):
    """ours: whoever imports into a file wants that file alone; a checkpoint that failed has to be undone."""
    path = tmp_path / "x.duckdb"
    with Database.open(path, StoreConfig()):
        assert undo_path(path).exists()
        assert undo_path(path).stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    database = Database.open(path, StoreConfig())
    database.writer().execute("begin")
    database.writer().execute("create table main.t (a int)")  # no checkpoint beside it
    database.close()
    assert undo_path(path).exists()
    Database.open(path, StoreConfig()).close()
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_old_requests_are_forgotten_behind_a_mark(tmp_path):
    """ours: every commit may be the one that a checkpoint follows, which needs its copies."""
    path = tmp_path / "x.duckdb"
    with Database.open(path, StoreConfig()) as database:
        database.writer().execute("insert into stored.requests values (uuid(), '2026-01-01')")
        committer = Committer(database.writer(), MAPPING, database.reopen, database.committed)
        before = read_mark_of(path)
        committer.forget_requests(datetime(2026, 1, 2))  # noqa: DTZ001, as the store has times
        assert read_mark_of(path).number == before.number + 1
        assert read_mark_of(path).log_bytes == log_path(path).stat().st_size
        assert database.writer().execute("from stored.requests").fetchall() == []


def read_mark_of(path):
    with lock_path(path).open("rb") as file:
        return read_mark(file.fileno())

"""Blocks that the power tore while a checkpoint wrote them are put back."""

import os
import shutil

import pytest

from stepscope_collector.config import StoreConfig
from stepscope_collector.store.blocks import (
    HEAD_BYTES,
    failed_blocks,
    head_of,
    layout_of,
    noted_blocks,
)
from stepscope_collector.store.database import Database
from stepscope_collector.store.mark import log_path
from stepscope_collector.store.opening import Made
from stepscope_collector.store.undo import Undo, undo_path, undo_torn
from stepscope_schema.load import load_schema

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


def test_a_start_after_a_crash_puts_back_and_serves(file, tmp_path):
    """issue #4: nothing is called damage."""
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    with Database.open(file.path, StoreConfig()) as database:
        database.committed()
        for each in tmp_path.glob("x.duckdb*"):
            if each.is_file():
                shutil.copy(each, crashed)
    left = File(crashed / "x.duckdb")
    for number in left.rewritten:
        left.tear(number)
    with Database.open(left.path, StoreConfig()) as database, database.read() as connection:
        assert connection.execute("select count(*) from main.t").fetchall() == [(3 * 30720,)]
    assert not list(crashed.glob("*.damaged*"))


def test_a_head_of_an_unknown_kind_has_no_copies(tmp_path):
    """ours: another engine may lay its blocks out in another way."""
    path = tmp_path / "y.duckdb"
    path.write_bytes(b"other" * 5000)
    undo = Undo(path)
    undo.follow(b"1" * 16, File(path).read)
    undo.close()
    assert undo_path(path).read_bytes() == b""
    assert undo_torn(path) == 0


def test_an_orderly_stop_leaves_no_copies_but_where_a_log_is_left(tmp_path):
    """ours: whoever imports into a file wants that file alone; a checkpoint that failed has to be undone."""
    path = tmp_path / "x.duckdb"
    with Database.open(path, StoreConfig()):
        assert undo_path(path).exists()
        assert undo_path(path).stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    undo_path(path).write_bytes(b"copies")
    log_path(path).write_bytes(b"rows")
    made = Made(StoreConfig(), load_schema(), 300)
    made.release(path)
    assert undo_path(path).exists()
    log_path(path).unlink()
    made.release(path)
    assert not undo_path(path).exists()

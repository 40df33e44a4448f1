"""Reading a file block by block: what is damage, and what only looks like it."""

import pytest

from stepscope_collector.config import StoreConfig
from stepscope_collector.store import sweep as sweep_module
from stepscope_collector.store.blocks import HEAD_BYTES, Noted, layout_of
from stepscope_collector.store.engine import BLOCK_BYTES, connect
from stepscope_collector.store.mark import log_path
from stepscope_collector.store.sweep import Sweep, sweep_file


@pytest.fixture
def path(tmp_path):
    """A file whose last blocks were cut off, as the engine does with free ones."""
    path = tmp_path / "some.duckdb"
    connection = connect(path, StoreConfig())
    connection.execute("create table t as select range, md5(range::varchar) as m from range(99999)")
    connection.execute("checkpoint")
    connection.execute("begin")
    connection.execute("insert into t select range, md5(range::varchar) from range(500000)")
    connection.execute("rollback")
    connection.execute("delete from t where range < 5")
    connection.execute("checkpoint")
    connection.close()
    return path


def changed(path, block, content):
    whole = bytearray(path.read_bytes())
    first = HEAD_BYTES + block * BLOCK_BYTES
    whole[first : first + len(content)] = content
    path.write_bytes(whole)


def reader(path):
    def read(offset, size):
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(size)

    return read


def after_checkpoint(path):
    """Reads a file whose first bytes are others than before."""
    read = reader(path)

    def later(offset, size):
        content = read(offset, size)
        return b"!" + content[1:] if offset == 0 else content

    return later


def test_blocks_that_were_cut_off_are_no_damage(path):
    """ours: the file ends before the blocks that its last checkpoint counted."""
    layout = layout_of(path.read_bytes()[:HEAD_BYTES])
    assert HEAD_BYTES + layout.blocks * BLOCK_BYTES > path.stat().st_size + 10 * BLOCK_BYTES
    sweep = sweep_file(path, 60)
    assert (sweep.is_done, sweep.has_failed, sweep.unread_bytes) == (True, False, 0)


@pytest.mark.parametrize("how", ["changed", "zero", "cut"])
def test_a_block_in_use_that_is_changed_or_missing_is_suspicious(path, how):
    """issue #4: also the end of a file."""
    if how == "cut":
        path.write_bytes(path.read_bytes()[: -2 * BLOCK_BYTES])
    else:
        changed(path, 1, bytes(BLOCK_BYTES) if how == "zero" else b"damage")
    sweep = sweep_file(path, 60)
    assert (sweep.is_done, sweep.has_failed) == (True, True)
    assert sweep.look_again(reader(path)), "nothing has changed since"


def test_a_log_may_need_blocks_that_are_free(path, monkeypatch):
    """issue #4: rows of a commit lie in the file before a checkpoint knows of them."""
    log_path(path).write_bytes(b"rows are there")
    sweep = sweep_file(path, 60)
    assert not sweep.has_failed, "only the next checkpoint tells"
    assert sweep.waits_for_checkpoint
    sweep.read_on(reader(path))
    assert sweep.waits_for_checkpoint
    later = after_checkpoint(path)
    monkeypatch.setattr(sweep_module, "noted_blocks", lambda *_: Noted(set(), set()))
    sweep.read_on(later)
    assert sweep.has_failed
    assert sweep.look_again(later), "all blocks are in use, as if rows of the log lay in them"


def test_blocks_that_stay_free_after_a_log_are_no_damage(path):
    """ours: a process that was killed leaves them half written."""
    log_path(path).write_bytes(b"rows are there")
    sweep, later = sweep_file(path, 60), after_checkpoint(path)
    sweep.read_on(later)
    assert sweep.has_failed
    assert sweep.look_again(later) == []
    assert not sweep.has_failed
    assert sweep.is_done


def test_a_block_that_is_written_meanwhile_is_none(path):
    """issue #6: the collector writes while it reads."""
    whole = path.read_bytes()
    changed(path, 2, b"half of it")
    sweep = Sweep(path.stat().st_size, BLOCK_BYTES)
    sweep.read_on(reader(path))
    changed(path, 2, b"more of it")
    assert sweep.look_again(reader(path)) == []
    assert sweep.has_failed
    path.write_bytes(whole)
    assert sweep.look_again(reader(path)) == []
    assert not sweep.has_failed


def test_after_a_checkpoint_it_is_looked_at_once_more(path):
    """ours: which blocks are free is another matter then."""
    changed(path, 2, b"damage")
    sweep = Sweep(path.stat().st_size, BLOCK_BYTES)
    read, heads = reader(path), []

    def flickering(offset, size):
        content = read(offset, size)
        if offset == 0:
            heads.append(content)
            content = content[:-1] + bytes([len(heads)])
        return content

    sweep.read_on(read)
    assert sweep.look_again(flickering) == []
    assert sweep.look_again(read) == [2]


def test_a_file_that_is_closed_while_it_is_looked_at_again_forgets_nothing(path):
    """ours: the file is opened anew every few million rows."""
    changed(path, 1, b"damage")
    changed(path, 2, b"damage")
    sweep = Sweep(path.stat().st_size, BLOCK_BYTES)
    read = reader(path)
    sweep.read_on(read)

    def closed(offset, size):
        if offset == HEAD_BYTES + 2 * BLOCK_BYTES:
            raise OSError("closed")
        return read(offset, size)

    with pytest.raises(OSError, match="closed"):
        sweep.look_again(closed)
    assert sweep.look_again(read) == [1, 2]


def test_the_limit_ends_it(path):
    """ours: store.verify_s bounds the start."""
    sweep = sweep_file(path, -1)
    assert not sweep.is_done
    assert sweep.unread_bytes >= path.stat().st_size - HEAD_BYTES


def test_what_cannot_be_read_is_left_to_the_engine(tmp_path):
    """ours: it says what is wrong with it."""
    other = tmp_path / "other"
    assert sweep_file(other, 60) is None
    assert sweep_file(tmp_path, 60) is None
    other.write_bytes(b"hello" * 9999)
    assert sweep_file(other, 60) is None

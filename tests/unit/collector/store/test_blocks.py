"""The checksums of a file's blocks: as the engine makes them, and the same in Rust and in Python."""

import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepscope_collector.config import StoreConfig
from stepscope_collector.store import blocks
from stepscope_collector.store.blocks import (
    HEAD_BYTES,
    failed_blocks,
    failed_blocks_in_python,
    layout_of,
    noted_blocks,
)
from stepscope_collector.store.engine import BLOCK_BYTES, connect

BOTH = pytest.mark.parametrize(
    "failed", [failed_blocks, failed_blocks_in_python], ids=["in use", "python"]
)
WHOLE = "insert into t select range, md5(range::varchar) from range({})"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A file of 30 blocks and more, of which some in the middle are free and the last are cut off."""
    path = tmp_path_factory.mktemp("blocks") / "some.duckdb"
    connection = connect(path, StoreConfig())
    connection.execute("create table t (i bigint, m varchar)")
    connection.execute(WHOLE.format(200_000))
    connection.execute("checkpoint")
    connection.execute("begin")
    connection.execute(WHOLE.format(500_000))
    connection.execute("rollback")
    connection.execute("update t set m = 'x' || m where i < 60000")
    connection.execute("checkpoint")
    connection.close()
    return path


def reader(path):
    content = path.read_bytes()
    return lambda offset, size: content[offset : offset + size]


@BOTH
def test_the_blocks_of_the_engine_have_their_checksum(path, failed):
    """ours: DuckDB's checksum is known; where it is another one the engine reads everything."""
    content = path.read_bytes()
    layout = layout_of(content[:HEAD_BYTES])
    assert layout is not None
    assert layout.block_bytes == BLOCK_BYTES
    count = (len(content) - HEAD_BYTES) // BLOCK_BYTES
    assert count > 30
    assert failed(content[HEAD_BYTES:], BLOCK_BYTES) == []


@BOTH
@settings(max_examples=20)
@given(at=st.floats(0, 1, exclude_max=True), bits=st.integers(1, 255))
def test_a_changed_byte_is_seen(path, failed, at, bits):
    """issue #4: flip any byte."""
    content = bytearray(path.read_bytes()[HEAD_BYTES : HEAD_BYTES + 4 * BLOCK_BYTES])
    position = int(at * len(content))
    content[position] ^= bits
    assert failed(bytes(content), BLOCK_BYTES) == [position // BLOCK_BYTES]


@given(content=st.binary(max_size=200), power=st.integers(4, 6))
def test_rust_and_python_say_the_same(content, power):
    """ours: the reference is in Python."""
    size = 2**power
    whole = content + b"".join(sealed(content[n:], size) for n in range(0, len(content), 7))
    assert failed_blocks(whole, size) == failed_blocks_in_python(whole, size)


def sealed(words, size):
    """A block with these words and the checksum of the reference."""
    words = words[: size - 8].ljust(size - 8, b"\1")
    total = 5381
    for first in range(0, len(words), 8):
        total ^= int.from_bytes(words[first : first + 8], "little") * blocks._FACTOR % 2**64
    block = total.to_bytes(8, "little") + words
    assert failed_blocks_in_python(block, size) == []
    return block


def test_what_is_noted_of_the_blocks_is_what_the_engine_says(path, tmp_path):
    """ours: what free ones hold is no damage, and a checkpoint may tear those that it writes again."""
    copy = tmp_path / path.name
    shutil.copy(path, copy)
    connection = connect(copy, StoreConfig(), read_only=True)
    sizes = "select total_blocks, used_blocks from pragma_database_size() where database_name = 'stepscope'"
    ((total, used),) = connection.execute(sizes).fetchall()
    parted = connection.execute(
        "select block_id, free_blocks from pragma_metadata_info()"
    ).fetchall()
    used_ids = {
        block
        for block, more in connection.execute(
            "select block_id, additional_block_ids from pragma_storage_info('t')"
        ).fetchall()
        for block in (block, *(more or ()))
        if block is not None and block >= 0
    }
    connection.close()
    read = reader(path)
    layout = layout_of(read(0, HEAD_BYTES))
    free = noted_blocks(read, layout).free
    assert free
    assert len(free) == layout.blocks - used
    assert total <= layout.blocks
    assert used_ids
    assert not free & used_ids
    assert noted_blocks(read, layout).rewritten == {block for block, parts in parted if parts}


def test_a_list_that_is_broken_says_nothing(path):
    """ours: it is no proof that a block is free."""
    content = bytearray(path.read_bytes())
    layout = layout_of(bytes(content[:HEAD_BYTES]))
    content[HEAD_BYTES + (layout.free % 2**56) * BLOCK_BYTES + 5000] ^= 1
    assert noted_blocks(lambda offset, size: bytes(content[offset : offset + size]), layout) is None


def test_many_free_blocks_are_in_several_parts():
    """ours: a part of a block has room for 254."""
    free = list(range(3, 903))
    part = (BLOCK_BYTES - 8) // 64 // 8
    words = [len(free), *free]
    chunks = [words[n : n + part - 1] for n in range(0, len(words), part - 1)]
    inner = []
    for number, chunk in enumerate(chunks):
        following = (number + 1) << 56 | 2 if number + 1 < len(chunks) else 2**64 - 1
        inner += [following, *chunk, *[0] * (part - 1 - len(chunk))]
    block = sealed(b"".join(word.to_bytes(8, "little") for word in inner), BLOCK_BYTES)
    content = bytes(HEAD_BYTES + 2 * BLOCK_BYTES) + block
    layout = blocks.Layout(BLOCK_BYTES, 1000, 2)
    assert noted_blocks(lambda o, size: content[o : o + size], layout).free == set(free)
    assert noted_blocks(lambda o, size: content[o : o + size], layout._replace(blocks=899)) is None
    assert noted_blocks(lambda o, size: b"", layout) is None
    assert noted_blocks(lambda o, size: b"", layout._replace(free=2**64 - 1)) == (set(), set())


@pytest.mark.parametrize("content", [b"", b"hello", bytes(HEAD_BYTES), b"DUCK" * HEAD_BYTES])
def test_what_is_no_head_has_no_layout(content):
    """ours: the engine has to say what it is."""
    assert layout_of(content[:HEAD_BYTES]) is None

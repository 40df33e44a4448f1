"""The blocks of a DuckDB file and their checksums, read without the engine.

A file is three headers and then blocks of one size. Each begins with a checksum, the headers too: 5381 and each
following word of 64 bits, multiplied with a constant, in exclusive or (DuckDB 1.5 and 2.0). The engine verifies a
block when it reads it; to read all of a long history for that takes far longer, and
makes it keep what it knows of every column of every row group. A block that fails here is no more than a
suspicion: which blocks are in use, only the engine knows, so it has the last word.
"""

import os
import struct
from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from typing import Final, NamedTuple

try:
    import stepscope_native
except ImportError:
    _native = None
else:
    # Wheels of before do not have it, and need not be replaced for it.
    _native = getattr(stepscope_native, "failed_blocks", None)

__all__ = [
    "HEAD_BYTES",
    "Layout",
    "Noted",
    "Read",
    "failed_blocks",
    "failed_blocks_in_python",
    "head_of",
    "layout_of",
    "noted_blocks",
]

Read = Callable[[int, int], bytes]
"""Bytes of a file from an offset on, at most so many."""

_HEADER_BYTES: Final = 4096
HEAD_BYTES: Final = 3 * _HEADER_BYTES
"""DuckDB's main header and the two that take turns: each checkpoint writes one of them."""
_TURN: Final = struct.Struct("<QQQQQQ")
"""Checksum, number of the checkpoint, pointers to the tables and to the free blocks, blocks, bytes of a block."""
_WORD_BYTES: Final = 8
_PARTS: Final = 64
"""Of a block that holds what the engine notes; a pointer is a block, and its part in the highest 8 bits."""
_PART_BITS: Final = 56
_COUNT: Final = struct.Struct("<Q")
_SHARED_BYTES: Final = 12
"""Of the list's entry for a block that several columns share: the block, and by how many."""
_SIZES: Final = tuple(1 << power for power in range(14, 19))

_FACTOR: Final = 0xBF58476D1CE4E5B9
_FIRST: Final = 5381
_WORD: Final = 2**64 - 1


class Layout(NamedTuple):
    """Of a file, as of its last checkpoint."""

    block_bytes: int
    blocks: int
    """In use or free, of which the file may lack the last; what lies behind them came later, or was given up."""
    free: int
    """Pointer to the list of the free ones."""

    def at(self, block: int) -> int:
        """Where that block begins in the file."""
        return HEAD_BYTES + block * self.block_bytes


class Noted(NamedTuple):
    """What a checkpoint noted of the blocks of a file."""

    free: set[int]
    """Those in which it left nothing."""
    rewritten: set[int]
    """Of those that hold what the engine notes of tables (metadata) the ones that are partly free: the next checkpoint may
    write such a block over as a whole. Every other block in use is left as it is (DuckDB 2.0, seen in journals of
    `tests/faults/disk`)."""


def head_of(descriptor: int) -> bytes:
    """Hash of the headers of an open database file: another one means that a checkpoint came between."""
    return blake2b(os.pread(descriptor, HEAD_BYTES, 0), digest_size=16).digest()


def layout_of(head: bytes) -> Layout | None:
    """The layout that the first `HEAD_BYTES` of a file tell; None: they are broken, or of a kind that is not known."""
    turns = []
    for first in (_HEADER_BYTES, 2 * _HEADER_BYTES):
        header = head[first : first + _HEADER_BYTES]
        if len(header) == _HEADER_BYTES and not failed_blocks_in_python(header, _HEADER_BYTES):
            _, number, _, free, blocks, block_bytes = _TURN.unpack_from(header)
            turns.append((number, Layout(block_bytes, blocks, free)))
    layout = max(turns, default=(0, None))[1]
    return layout if layout is not None and layout.block_bytes in _SIZES else None


def noted_blocks(read: Read, layout: Layout) -> Noted | None:
    """What the last checkpoint noted of the blocks; None: it cannot be read.

    Args:
        read: of the file.
        layout: as its headers tell now.
    """
    if layout.free == _WORD:
        return Noted(set(), set())
    content = _listed(read, layout)
    if content is None:
        return None
    try:
        (free_count,) = _COUNT.unpack_from(content)
        free = set(struct.unpack_from(f"<{free_count}Q", content, _COUNT.size))
        at = _COUNT.size + _WORD_BYTES * free_count
        (shared_count,) = _COUNT.unpack_from(content, at)
        at += _COUNT.size + _SHARED_BYTES * shared_count
        (parted_count,) = _COUNT.unpack_from(content, at)
        parted = struct.unpack_from(f"<{2 * parted_count}Q", content, at + _COUNT.size)
    except (struct.error, OverflowError):
        return None
    rewritten = {block for block, parts in zip(parted[::2], parted[1::2], strict=True) if parts}
    is_sound = len(free) == free_count and max(free | rewritten, default=0) < layout.blocks
    return Noted(free, rewritten) if is_sound else None


def _listed(read: Read, layout: Layout) -> bytes | None:
    """The list of the blocks: the parts of blocks that it lies in, one after the other."""
    part_bytes = (layout.block_bytes - _WORD_BYTES) // _PARTS // _WORD_BYTES * _WORD_BYTES
    most = _COUNT.size * 3 + layout.blocks * (_WORD_BYTES + _SHARED_BYTES + 2 * _WORD_BYTES)
    found, pointer, last, content = bytearray(), layout.free, -1, b""
    while pointer != _WORD and len(found) < most:
        block, part = pointer & (1 << _PART_BITS) - 1, pointer >> _PART_BITS
        if block != last:
            last, content = block, read(layout.at(block), layout.block_bytes)
            is_whole = len(content) == layout.block_bytes
            if not is_whole or failed_blocks(content, layout.block_bytes):
                return None
        if part >= _PARTS:
            return None
        first = _WORD_BYTES + part * part_bytes
        (pointer,) = _COUNT.unpack_from(content, first)
        found += content[first + _WORD_BYTES : first + part_bytes]
    return bytes(found)


def failed_blocks_in_python(content: bytes, block_bytes: int) -> list[int]:
    """Which blocks do not have their checksum, counted from 0; the reference.

    Args:
        content: whole blocks.
        block_bytes: size of one, a power of two of at least 16.
    """
    return [
        first // block_bytes
        for first in range(0, len(content) - block_bytes + 1, block_bytes)
        if not _is_sound(content[first : first + block_bytes])
    ]


failed_blocks: Final[Callable[[bytes, int], list[int]]] = _native or failed_blocks_in_python
"""The same, at the speed of memory where the native part is installed."""


def _is_sound(block: bytes) -> bool:
    """One number for all words at once: a loop over them would take far longer."""
    size = len(block)
    every_other = _every_other_word(size)
    whole = int.from_bytes(block, "little")
    stored = whole & _WORD
    # Without the checksum, a word of 0 in its place: it adds nothing. A product has room in two words.
    whole ^= stored
    total = (whole & every_other) * _FACTOR ^ (whole >> 64 & every_other) * _FACTOR
    while size > 16:
        size //= 2
        total = total >> size * 8 ^ total & (1 << size * 8) - 1
    return total & _WORD ^ _FIRST == stored


@cache
def _every_other_word(size: int) -> int:
    return int.from_bytes((b"\xff" * 8 + bytes(8)) * (size // 16), "little")

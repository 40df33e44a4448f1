"""Reads all blocks of a database file once, piece by piece: a bit at the start, the rest while the collector runs.

A block that is being written while it is read fails its checksum without being damaged. So one that
fails is read again later, and counts only when its bytes are then the same.
"""

import hashlib
import os
import time
from pathlib import Path
from typing import Final

from stepscope_collector.store.blocks import (
    HEAD_BYTES,
    Read,
    failed_blocks,
    layout_of,
    noted_blocks,
)
from stepscope_collector.store.mark import log_path

__all__ = ["Sweep", "sweep_file"]

_PIECE_BYTES: Final = 4 << 20
"""Few enough not to be noticed."""


class Sweep:
    """How far the reading of one file has come. For one thread.

    Args:
        size: of the file, bytes; what is written behind that later is not read.
        block_bytes: of a block.
        head_with_log: the first `HEAD_BYTES`, if a log belongs to them, whose rows lie in blocks that the last
            checkpoint has left free.
    """

    def __init__(self, size: int, block_bytes: int, head_with_log: bytes | None = None) -> None:
        self._head_with_log = head_with_log
        self._block_bytes = block_bytes
        self._count = -(-max(0, size - HEAD_BYTES) // block_bytes)
        self._next = 0
        self._failed: dict[int, bytes] = {}
        self._unsure: set[int] = set()
        """Failed, and only the next checkpoint tells whether they are in use."""

    @property
    def is_done(self) -> bool:
        """Whether all was read, and what failed was judged."""
        return self._next >= self._count and not self._unsure

    @property
    def waits_for_checkpoint(self) -> bool:
        """Whether all was read, and of some blocks that failed only the next checkpoint tells what they are."""
        return self._next >= self._count and bool(self._unsure)

    @property
    def unread_bytes(self) -> int:
        """What is left."""
        return (self._count - self._next) * self._block_bytes

    def read_on(self, read: Read) -> None:
        """Read the next few blocks; in the end, those again of which a checkpoint has told."""
        if self.waits_for_checkpoint and read(0, HEAD_BYTES) != self._head_with_log:
            self._failed |= dict.fromkeys(self._unsure, b"")
            self._unsure.clear()
        most = _PIECE_BYTES // self._block_bytes
        number = min(most, self._count - self._next)
        content = read(self._at(self._next), number * self._block_bytes)
        for place in failed_blocks(content, self._block_bytes):
            first = place * self._block_bytes
            self._failed[self._next + place] = _digest(content[first : first + self._block_bytes])
        for place in range(len(content) // self._block_bytes, number):
            self._failed[self._next + place] = b""  # the file ends before
        self._next += number

    @property
    def has_failed(self) -> bool:
        """Whether any block did not have its checksum, as far as is known."""
        return bool(self._failed)

    def look_again(self, read: Read) -> list[int]:
        """Blocks that failed, fail again and have not changed meanwhile; those that are sound now are forgotten.

        So are those that the last checkpoint left free: such a block holds nothing that was there at the start, and may be
        missing. Where a log belonged to that checkpoint, rows of its commits may lie in them, as may what a process that
        was killed has not committed: they wait for the next checkpoint.
        """
        head = read(0, HEAD_BYTES)
        layout = layout_of(head)
        noted = None if layout is None else noted_blocks(read, layout)
        failed: dict[int, bytes] = {}
        unsure: set[int] = set()
        for block in self._failed:
            content = read(self._at(block), self._block_bytes)
            is_whole = len(content) == self._block_bytes
            if is_whole and not failed_blocks(content, self._block_bytes):
                continue
            if (
                layout is None
                or noted is None
                or (block < layout.blocks and block not in noted.free)
            ):
                failed[block] = _digest(content) if is_whole else b""
            elif head == self._head_with_log:
                unsure.add(block)
        is_same_head = read(0, HEAD_BYTES) == head
        # Not before all is read: if the file is closed meanwhile, nothing is forgotten.
        before, self._failed = self._failed, failed
        self._unsure |= unsure
        if not is_same_head:
            return []  # after a checkpoint others are free
        return [block for block, now in failed.items() if before[block] == now]

    def _at(self, block: int) -> int:
        return HEAD_BYTES + block * self._block_bytes


def sweep_file(path: Path, limit_s: float) -> Sweep | None:
    """Read a file that nobody has open, for so long at most.

    Closing it gives up all locks that this process has on it.

    Returns:
        What was found and what is left; None: there is no file, it cannot be read, its headers are broken, or of
        a kind that is not known: the engine has to say which.
    """
    deadline_s = time.monotonic() + limit_s
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:

        def read(offset: int, size: int) -> bytes:
            return os.pread(descriptor, size, offset)

        head = read(0, HEAD_BYTES)
        layout = layout_of(head)
        if layout is None:
            return None
        known_bytes = HEAD_BYTES + layout.blocks * layout.block_bytes
        size = max(known_bytes, os.fstat(descriptor).st_size)
        sweep = Sweep(size, layout.block_bytes, head if log_path(path).exists() else None)
        while not sweep.is_done and time.monotonic() < deadline_s:
            sweep.read_on(read)
        if sweep.has_failed:
            sweep.look_again(read)
    except OSError:
        return None
    else:
        return sweep
    finally:
        os.close(descriptor)


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()

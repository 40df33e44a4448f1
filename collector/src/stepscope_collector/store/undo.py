"""Copies of the blocks that the next checkpoint may write over: what it leaves torn when the power fails is undone.

A checkpoint of DuckDB writes to blocks that nothing needs and then a header that tells of them, so the last one stays whole
until the next one is. With one exception: what the engine notes of tables lies in blocks of 64 parts, and one of which some
parts are free is written again as a whole, where it is, with the parts that the last header needs. A loss of power, or a
disk that fails, in that moment leaves it torn, and the whole file is lost (seen in `tests/faults/test_power_loss.py`).
So before a checkpoint can begin, a copy of each such block is on the disk in a file beside the database,
`stepscope.duckdb.undo`; a start puts it back where the block is torn and no checkpoint has come since. They are few, a
block for some 160,000 spans, and only those are written that the last checkpoint has changed.

The file: in its first 4096 bytes which headers the copies belong to, then slots, each of 4096 bytes that say which block it
holds, and the block.
"""

import fcntl
import logging
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from stepscope_collector.store.blocks import (
    HEAD_BYTES,
    Layout,
    Read,
    failed_blocks,
    head_of,
    layout_of,
    noted_blocks,
)
from stepscope_collector.store.files import sync
from stepscope_collector.store.lock import TAKEN, locked

__all__ = ["Undo", "is_torn", "undo_path", "undo_torn"]

logger = logging.getLogger(__name__)

_PAGE: Final = 4096
_HEAD: Final = struct.Struct("<8s16s")
_SLOT: Final = struct.Struct("<8sQ8s")
_CRC: Final = struct.Struct("<I")
_MAGIC: Final = b"stepundo"
_CHECKSUM_BYTES: Final = 8
"""With which a block begins."""


class _Slot(NamedTuple):
    block: int
    checksum: bytes


def undo_path(path: Path) -> Path:
    """The file of copies for the database at `path`."""
    return path.with_name(f"{path.name}.undo")


class Undo:
    """The copies for one open database; for its writer thread.

    Raises OSError, as all its methods do, when the file cannot be made, read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = undo_path(path)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._head = b""
        self._slots: dict[int, _Slot] | None = None
        """By place; None: not known."""

    def follow(self, head: bytes, read: Read) -> None:
        """Hold copies for the headers with this hash, if it does not yet; synced when it returns.

        Args:
            head: as `head_of` tells.
            read: of the database.
        """
        if head == self._head:
            return
        if (layout := layout_of(read(0, HEAD_BYTES))) is None:
            return  # of an engine that is not known
        noted = noted_blocks(read, layout)
        if noted is None:
            logger.warning("no copies for a loss of power: the list of blocks cannot be read")
        try:
            self._copy(layout, set() if noted is None else noted.rewritten, read)
            _write(self._descriptor, 0, _sealed(_HEAD.pack(_MAGIC, head)))
            os.fdatasync(self._descriptor)
        except OSError:
            # After a sync that failed the system reads back what is not on the disk: all is written again.
            self._slots = {}
            raise
        if not self._head:
            sync(self._path.parent)  # it may be new
        self._head = head

    def close(self) -> None:
        """Close the file; it stays, and whoever opens it next writes what has changed."""
        os.close(self._descriptor)

    def _copy(self, layout: Layout, wanted: set[int], read: Read) -> None:
        if self._slots is None:
            self._slots = {
                place: slot
                for place, slot in _slots_in(self._descriptor, layout)
                if _content(self._descriptor, place, slot, layout) is not None
            }
        known, self._slots = self._slots, None  # not known while it is written
        kept = {
            place: slot
            for place, slot in known.items()
            if slot.block in wanted
            and slot.checksum == read(layout.at(slot.block), _CHECKSUM_BYTES)
        }
        places = (place for place in range(len(wanted)) if place not in kept)
        missing = sorted(wanted - {slot.block for slot in kept.values()})
        for place, block in zip(places, missing, strict=False):
            content = read(layout.at(block), layout.block_bytes)
            kept[place] = slot = _Slot(block, content[:_CHECKSUM_BYTES])
            sealed = _sealed(_SLOT.pack(_MAGIC, *slot))
            _write(self._descriptor, _place_at(place, layout), sealed + content)
        last = max(kept, default=-1)
        for place in set(range(last)) - kept.keys():
            _write(self._descriptor, _place_at(place, layout), bytes(_PAGE))
        os.ftruncate(self._descriptor, _place_at(last + 1, layout))
        self._slots = kept


def undo_torn(path: Path) -> int:
    """Put copies in the place of blocks that a checkpoint was writing; how many.

    For a database that this process does not have open, before the engine opens it.

    Raises:
        DatabaseLocked: another process has it open, whose checkpoint may be writing just now.
        OSError: a file cannot be read or written.
    """
    try:
        with (
            undo_path(path).open("rb", buffering=0) as copies,
            path.open("r+b", buffering=0) as database,
        ):
            _lock(path, database.fileno(), fcntl.LOCK_EX)
            count = _put_back(copies.fileno(), database.fileno())
    except FileNotFoundError:
        return 0
    if count:
        logger.warning("torn blocks put back", extra={"path": str(path), "blocks": count})
    return count


def is_torn(path: Path) -> bool:
    """Whether `undo_torn` would put something back; for a process that only reads.

    Raises:
        DatabaseLocked: as `undo_torn`.
    """
    try:
        with (
            undo_path(path).open("rb", buffering=0) as copies,
            path.open("rb", buffering=0) as database,
        ):
            _lock(path, database.fileno(), fcntl.LOCK_SH)
            return next(_torn(copies.fileno(), database.fileno()), None) is not None
    except OSError:
        return False  # no copies that we may read


def _lock(path: Path, database: int, kind: int) -> None:
    """The lock that DuckDB takes, until the descriptor is closed: other programs know no lock of ours."""
    try:
        fcntl.lockf(database, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in TAKEN:
            raise locked(path, None) from error
        raise


def _put_back(copies: int, database: int) -> int:
    torn = list(_torn(copies, database))
    for offset, content in torn:
        _write(database, offset, content)
    if torn or _is_followed(copies, database):
        # Also where nothing is torn: what was read may not be on the disk yet, and is all there is when the copies go.
        os.fsync(database)
    return len(torn)


def _is_followed(copies: int, database: int) -> bool:
    """Whether the copies are of the database as its headers are; else a checkpoint has come since: it had synced its blocks before."""
    return os.pread(copies, _PAGE, 0) == _sealed(_HEAD.pack(_MAGIC, head_of(database)))


def _torn(copies: int, database: int) -> Iterator[tuple[int, bytes]]:
    """Offset and right content of each block that is torn."""
    layout = layout_of(os.pread(database, HEAD_BYTES, 0))
    if layout is None or not _is_followed(copies, database):
        return
    for place, slot in _slots_in(copies, layout):
        if _fails(database, slot.block, layout):
            content = _content(copies, place, slot, layout)
            if content is not None:
                yield layout.at(slot.block), content


def _slots_in(descriptor: int, layout: Layout) -> Iterator[tuple[int, _Slot]]:
    """Places, and what they say that they hold."""
    place = 0
    while page := os.pread(descriptor, _PAGE, _place_at(place, layout)):
        magic, block, checksum = _SLOT.unpack_from(page.ljust(_PAGE, b"\0"))
        if magic == _MAGIC and page == _sealed(page[: _SLOT.size]) and block < layout.blocks:
            yield place, _Slot(block, checksum)
        place += 1


def _content(descriptor: int, place: int, slot: _Slot, layout: Layout) -> bytes | None:
    """The block that lies there; None: it is not the one, or not whole."""
    size = layout.block_bytes
    content = os.pread(descriptor, size, _place_at(place, layout) + _PAGE)
    is_own = len(content) == size and content.startswith(slot.checksum)
    return content if is_own and not failed_blocks(content, size) else None


def _fails(database: int, block: int, layout: Layout) -> bool:
    content = os.pread(database, layout.block_bytes, layout.at(block))
    return len(content) < layout.block_bytes or bool(failed_blocks(content, layout.block_bytes))


def _place_at(place: int, layout: Layout) -> int:
    return _PAGE + place * (_PAGE + layout.block_bytes)


def _sealed(content: bytes) -> bytes:
    """A page with this content and its checksum behind it."""
    return (content + _CRC.pack(zlib.crc32(content))).ljust(_PAGE, b"\0")


def _write(descriptor: int, offset: int, content: bytes) -> None:
    """All of it: the system may take a part, as when the disk becomes full."""
    view = memoryview(content)
    while view:
        done = os.pwrite(descriptor, view, offset)
        view, offset = view[done:], offset + done

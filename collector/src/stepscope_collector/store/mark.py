"""How much of the write-ahead log was acknowledged, so that a start after a crash can tell.

DuckDB replays its log up to the first entry that is cut short and calls that the end. This is right
after a crash, and wrong when the disk has lost or changed what was already acknowledged: then rows
vanish without a word. Bytes that were never acknowledged, on the other hand, may be in any state
after a power loss, and DuckDB refuses the whole log because of them. So after each commit, before
anybody is answered, the length and the checksum of the log are written and synced behind the
process id in the lock file. Measured on a busy two-core machine with ext4: 3 ms, the commit before it 60 ms.

Two slots are written in turn, each within one disk sector: one that is torn leaves the other.
"""

import os
import struct
import threading
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stepscope_collector.errors import StoreUnavailable
from stepscope_collector.store.blocks import head_of
from stepscope_collector.store.files import sync
from stepscope_collector.store.lock import PID_BYTES
from stepscope_collector.store.undo import Undo

__all__ = ["Mark", "Marker", "checksum", "log_path", "read_mark"]

_SLOT: Final = struct.Struct("<8sQ16sQI")
_MAGIC: Final = b"stepmark"
_CRC: Final = struct.Struct("<I")
_CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Mark:
    """What was acknowledged, as of the last commit."""

    number: int
    """Counts up with each one written."""
    head: bytes
    """Hash of the database's headers: another one means that a checkpoint came after."""
    log_bytes: int
    log_crc: int
    """CRC-32 of so many first bytes of the log."""


def log_path(path: Path) -> Path:
    """The write-ahead log of the database at `path`."""
    return path.with_name(f"{path.name}.wal")


def read_mark(descriptor: int) -> Mark | None:
    """The last mark in the lock file; None: there is none."""
    marks = [_unpack(os.pread(descriptor, PID_BYTES, PID_BYTES * (1 + slot))) for slot in (0, 1)]
    return max((mark for mark in marks if mark), key=lambda mark: mark.number, default=None)


def checksum(descriptor: int, first: int, last: int, crc: int = 0) -> int:
    """CRC-32 of the bytes from `first` up to `last`, after those that gave `crc`."""
    while first < last:
        chunk = os.pread(descriptor, min(_CHUNK_BYTES, last - first), first)
        if not chunk:
            break
        crc = zlib.crc32(chunk, crc)
        first += len(chunk)
    return crc


class Marker:
    """Writes the marks of one open database, and reads its file; for the writer thread, but `read`.

    After a checkpoint, copies of the blocks that the next one may write over come before the mark.

    It holds descriptors of the database and of the log, which must be closed after DuckDB's:
    closing one gives up the locks that DuckDB has on the file.
    """

    def __init__(self, path: Path, lock_descriptor: int) -> None:
        last = read_mark(lock_descriptor)
        self._number = 0 if last is None else last.number
        self._lock = lock_descriptor
        self._log_path = log_path(path)
        self._database = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._undo = Undo(path)
        except OSError:
            os.close(self._database)
            raise
        self._reading = threading.Lock()
        self._is_closed = False
        self._log: int | None = None
        self._inode = 0
        self._log_bytes = 0
        self._crc = 0

    def write(self) -> None:
        """Note that all that is committed now will be acknowledged; synced when it returns.

        Raises:
            StoreUnavailable: it cannot be written; nothing may be acknowledged then.
        """
        try:
            self._follow_log()
            self._number += 1
            head = head_of(self._database)
            self._undo.follow(head, self.read)
            slot = _SLOT.pack(_MAGIC, self._number, head, self._log_bytes, self._crc)
            offset = PID_BYTES * (1 + self._number % 2)
            os.pwrite(self._lock, slot + _CRC.pack(zlib.crc32(slot)), offset)
            os.fdatasync(self._lock)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise StoreUnavailable(f"the store cannot note what it committed: {reason}") from error

    def read(self, offset: int, size: int) -> bytes:
        """Bytes of the database file, at most so many; for any thread.

        Raises:
            StoreUnavailable: it cannot be read, or is closed.
        """
        with self._reading:
            if self._is_closed:
                raise StoreUnavailable("the database file is closed")
            try:
                return os.pread(self._database, size, offset)
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                raise StoreUnavailable(f"the database file cannot be read: {reason}") from error

    def close(self) -> None:
        """Close the descriptors; DuckDB has closed its own."""
        with self._reading:
            self._is_closed = True
            os.close(self._database)
        self._undo.close()
        self._leave_log()

    def _follow_log(self) -> None:
        try:
            size = self._log_path.stat()
        except FileNotFoundError:
            if self._log is not None:
                # A checkpoint has removed it. Without its directory it would be back after a loss of
                # power, and two checkpoints later DuckDB takes it for the log of another file.
                self._leave_log()
                sync(self._log_path.parent)
            return
        if self._log is None or size.st_ino != self._inode:
            # While the old one is open its number is not used again.
            new = os.open(self._log_path, os.O_RDONLY | os.O_CLOEXEC)
            self._leave_log()
            self._log, self._inode = new, size.st_ino
            sync(self._log_path.parent)
        if size.st_size < self._log_bytes:
            self._log_bytes = self._crc = 0
        self._crc = checksum(self._log, self._log_bytes, size.st_size, self._crc)
        self._log_bytes = size.st_size

    def _leave_log(self) -> None:
        if self._log is not None:
            os.close(self._log)
        self._log, self._log_bytes, self._crc = None, 0, 0


def _unpack(slot: bytes) -> Mark | None:
    packed, crc = slot[: _SLOT.size], slot[_SLOT.size : _SLOT.size + _CRC.size]
    if len(crc) < _CRC.size or _CRC.unpack(crc)[0] != zlib.crc32(packed):
        return None
    magic, number, head, log_bytes, log_crc = _SLOT.unpack(packed)
    return Mark(number, head, log_bytes, log_crc) if magic == _MAGIC else None

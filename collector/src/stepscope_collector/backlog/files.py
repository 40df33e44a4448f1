"""The files of the backlog: requests in the order they came, each file removed when all of it is committed.

A record that is not whole ends its file: it was being written when the process or the machine ended,
and nobody was told that it was there. What an earlier process left is read once, then removed.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from stepscope_collector.store.files import backlog_directory, sync
from stepscope_collector.tee.record import Record, packed
from stepscope_collector.tee.segment import records_in

__all__ = ["Files", "has_backlog"]

_SUFFIX: Final = ".requests"
_KEPT_SUFFIX: Final = ".unwritable"
_FILE_BYTES: Final = 4 * 2**20
"""A new file begins behind so many bytes, for a file goes only as a whole."""


def has_backlog(database: Path) -> bool:
    """Whether requests wait on disk to be committed to this database file."""
    return any(path.stat().st_size for path in backlog_directory(database).glob(f"*{_SUFFIX}"))


class Files:
    """The files of one directory. For one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._left = sorted(folder.glob(f"*{_SUFFIX}"))
        self._full: list[tuple[Path, int]] = []
        """Files that are no longer written, and the last sequence in each."""
        self._file: BinaryIO | None = None
        self._path = folder
        self._size = 0
        self._last = 0
        self.next = 1 + max((_last_in(path) for path in self._left), default=0)
        """Sequence of the next request."""

    def left(self) -> Iterator[Record]:
        """The requests that an earlier process left, in order."""
        for path in self._left:
            for record, _ in records_in(path):
                yield record

    def forget_left(self) -> None:
        """Remove what `left` gives; it is committed."""
        for path in self._left:
            path.unlink(missing_ok=True)
        self._left = []

    def append(self, records: Sequence[Record]) -> None:
        """Write requests, each with its sequence; they are on the disk when this returns.

        Raises:
            OSError: disk full or the like; nothing was appended.
        """
        file = self._file or self._open(records[0].sequence)
        pieces = [piece for record in records for piece in packed(record, record.sequence)]
        view = memoryview(b"".join(pieces))
        size = len(view)
        try:
            while view:
                view = view[file.write(view) :]
            # macOS and Windows have no fdatasync
            getattr(os, "fdatasync", os.fsync)(file.fileno())
        except OSError:
            with suppress(OSError):
                os.ftruncate(file.fileno(), self._size)
            raise
        self._size += size
        self._last = records[-1].sequence

    def settled(self, sequence: int) -> None:
        """Remove what is committed: everything up to this sequence, as far as it fills files."""
        while self._full and self._full[0][1] <= sequence:
            self._full.pop(0)[0].unlink(missing_ok=True)
        if self._file is None or not self._size:
            return
        if self._last <= sequence:
            os.ftruncate(self._file.fileno(), 0)
            self._size = 0
        elif self._size >= _FILE_BYTES:
            self._file.close()
            self._file = None
            self._full.append((self._path, self._last))

    def keep(self, sequence: int) -> Path | None:
        """Write the request of that sequence into a file of its own, which stays; None: it is not there.

        Returns:
            The file: the uncompressed request as it came, in protobuf or JSON.

        Raises:
            OSError: disk full or the like; the request is where it was.
        """
        paths = [*self._left, *(path for path, _ in self._full), self._path]
        for path in filter(Path.is_file, paths):  # before the first request there is a folder only
            for record, _ in records_in(path):
                if record.sequence == sequence:
                    kept = self._folder / f"{sequence:020}-{record.signal}{_KEPT_SUFFIX}"
                    kept.write_bytes(record.body)
                    sync(kept)
                    with suppress(OSError):  # not everywhere can a directory be opened
                        sync(self._folder)
                    return kept
        return None

    def close(self) -> None:
        """Close; nothing is left behind where nothing waits."""
        if self._file is not None:
            self._file.close()
            self._file = None
            if not self._size:
                self._path.unlink(missing_ok=True)
        with suppress(OSError):  # something is in it, or it was never made
            self._folder.rmdir()

    def _open(self, first: int) -> BinaryIO:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._path = self._folder / f"{first:020}{_SUFFIX}"
        self._file = self._path.open("ab", buffering=0)
        self._path.chmod(0o600)
        self._size = 0
        # the names, too, must outlast a loss of power
        with suppress(OSError):  # not everywhere can a directory be opened
            sync(self._folder)
            sync(self._folder.parent)
        return self._file


def _last_in(path: Path) -> int:
    """No sequence in the file is greater."""
    first = int(path.name.removesuffix(_SUFFIX))
    return max((record.sequence for record, _ in records_in(path, whole=False)), default=first)

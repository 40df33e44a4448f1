"""The queue of the tee: requests in files, appended before their commit, read by every endpoint.

One writer (the ingest's thread), any number of readers. What is appended becomes visible to readers
by `publish`, after the store has committed it, or is taken back by `discard`. A file goes when
every reader is past it, or, the oldest first, when all of them are over the limit.
"""

import os
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from stepscope_collector.tee.erase import ERASING_SUFFIX, Deleted, erase_from
from stepscope_collector.tee.record import Record, packed
from stepscope_collector.tee.segment import Segment, records_in, rows_in

__all__ = ["Journal", "Place", "Record"]

_SUFFIX: Final = ".requests"
_MAX_SEGMENT_BYTES: Final = 64 * 2**20
_MIN_SEGMENT_BYTES: Final = 2**16


class Place(NamedTuple):
    """Where a reader stands: before the record `sequence`."""

    sequence: int
    segment: int
    """Sequence of the first record of the file."""
    offset: int


class Journal:
    """The files of one directory. Made by the constructor, which mends what a crash has torn."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self.max_bytes = max_bytes
        self._segment_bytes = max(_MIN_SEGMENT_BYTES, min(_MAX_SEGMENT_BYTES, max_bytes // 8))
        self._changed = threading.Condition()
        self._sizes = {
            int(path.name.removesuffix(_SUFFIX)): path.stat().st_size
            for path in sorted(folder.glob(f"*{_SUFFIX}"))
        }
        """First sequence → published bytes, in order."""
        for leftover in folder.glob(f"*{ERASING_SUFFIX}"):
            leftover.unlink(missing_ok=True)
        self.generation = 0
        """Counts up with each file that is written anew: what was read of it before is not to be sent."""
        self._dropped: dict[int, Counter[str]] = {}
        """First sequence → rows of files that went before all had read them."""
        self._readers: dict[str, int] = {}
        """Reader → first sequence of the file it reads."""
        self._next = 1
        if self._sizes:
            self._mend(max(self._sizes))
        else:
            self._sizes[1] = 0
        self._published = self._next
        self._file = self._open(max(self._sizes))
        self._is_stopped = False

    def _mend(self, last: int) -> None:
        self._next, end = last, 0
        for record, offset in records_in(self._path(last)):
            self._next, end = record.sequence + 1, offset
        os.truncate(self._path(last), end)
        self._sizes[last] = end

    def _path(self, first: int) -> Path:
        return self._folder / f"{first:020}{_SUFFIX}"

    def _open(self, first: int) -> BinaryIO:
        path = self._path(first)
        file = path.open("ab", buffering=0)
        path.chmod(0o600)
        # the name, too, must outlast a power cut
        with suppress(OSError):  # not everywhere can a directory be opened
            descriptor = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        return file

    # The writer

    def append(self, records: Sequence[Record]) -> None:
        """Write the records to disk; nobody sees them before `publish`.

        Raises:
            OSError: disk full or the like; nothing was appended.
        """
        pieces = []
        for record in records:
            pieces += packed(record, self._next)
            self._next += 1
        view = memoryview(b"".join(pieces))
        try:
            while view:
                view = view[self._file.write(view) :]
            _sync(self._file.fileno())
        except OSError:
            self.discard()
            raise

    def publish(self) -> None:
        """Let readers see what was appended; begin a new file when this one is full."""
        with self._changed:
            last = max(self._sizes)
            self._sizes[last] = os.fstat(self._file.fileno()).st_size
            self._published = self._next
            if self._sizes[last] >= self._segment_bytes:
                with suppress(OSError):  # then this one grows on
                    self._roll()
            self._drop_oldest()
            self._changed.notify_all()

    def begin_file(self) -> None:
        """Leave the file that is written, so that something can be erased from it; nothing is appended now.

        Raises:
            OSError: no new file can be made.
        """
        with self._changed:
            if self._sizes[max(self._sizes)]:
                self._roll()

    def _roll(self) -> None:
        file = self._open(self._next)
        self._file.close()
        self._file = file
        self._sizes[self._next] = 0

    def discard(self) -> None:
        """Take back what was appended since the last `publish`."""
        self._next = self._published
        with suppress(OSError):
            os.ftruncate(self._file.fileno(), self._sizes[max(self._sizes)])

    def _drop_oldest(self) -> None:
        while len(self._sizes) > 1 and sum(self._sizes.values()) > self.max_bytes:
            first = min(self._sizes)
            with suppress(OSError):
                self._dropped[first] = rows_in(self._path(first))
            self._remove(first)

    def _remove(self, first: int) -> None:
        del self._sizes[first]
        with suppress(OSError):  # it goes with the next start
            self._path(first).unlink(missing_ok=True)

    def received(self) -> set[int]:
        """When the requests came that stand in the files, sent or not, ns since the epoch."""
        found: set[int] = set()
        for first in list(self._sizes):
            with suppress(OSError):  # it went meanwhile
                found |= {
                    each.received_ns for each, _ in records_in(self._path(first), whole=False)
                }
        return found

    # Readers

    def end(self) -> Place:
        """Behind everything that is published."""
        with self._changed:
            last = max(self._sizes)
            return Place(self._published, last, self._sizes[last])

    def open(self, reader: str, place: Place) -> tuple[Segment, Place, Counter[str] | None]:
        """The file to read from a place.

        Returns:
            The file, the place in it, and None; or, where files were dropped before this reader
            has seen them, the oldest place there is and the rows that were lost, as far as known.
        """
        with self._changed:
            lost: Counter[str] | None = None
            if place.sequence > self._published:  # somebody has removed files
                last = max(self._sizes)
                place = Place(self._published, last, self._sizes[last])
            if place.segment not in self._sizes:
                later = [first for first in self._sizes if first >= place.sequence]
                place = Place(place.sequence, min(later, default=max(self._sizes)), 0)
            first = place.segment
            if place.offset == 0 and first > place.sequence:
                missed = [self._dropped[n] for n in self._dropped if place.sequence <= n < first]
                lost = sum(missed, Counter[str]())
                place = Place(first, first, 0)
            self._readers[reader] = place.segment
            self._forget_dropped()
            return Segment(self._path(place.segment), place.segment), place, lost

    def _forget_dropped(self) -> None:
        oldest = min(self._readers.values())
        self._dropped = {n: rows for n, rows in self._dropped.items() if n >= oldest}

    def next_segment(self, first: int) -> int | None:
        """The file behind a full one; None while it is still written."""
        with self._changed:
            return min((n for n in self._sizes if n > first), default=None)

    def published_end(self, first: int) -> int | None:
        """How far a file may be read; None when it has been dropped, and may be read to its end."""
        with self._changed:
            return self._sizes.get(first)

    def release(self) -> None:
        """Remove the files that every reader is past."""
        with self._changed:
            oldest = min(self._readers.values(), default=0)
            for first in [n for n in self._sizes if n < oldest]:
                self._remove(first)

    def erase(self, deleted: Deleted) -> None:
        """Write every file that is left anew without what was deleted; from any thread.

        Raises:
            OSError: a file cannot be written; what it holds stays.
        """
        with self._changed:
            firsts = sorted(self._sizes)[:-1]
        for first in firsts:
            with suppress(FileNotFoundError):  # every reader is past it
                partial = erase_from(self._path(first), deleted)
                if partial is None:
                    continue
                with self._changed:
                    if first in self._sizes:
                        partial.replace(self._path(first))
                        self.generation += 1
                    partial.unlink(missing_ok=True)

    def wait(self, sequence: int, stop: threading.Event) -> bool:
        """Until there is a record `sequence`; False when `stop` was set (and `wake` called)."""
        with self._changed:
            self._changed.wait_for(lambda: stop.is_set() or self._published > sequence)
            return not stop.is_set()

    def wake(self) -> None:
        """Let every `wait` look at its stop event."""
        with self._changed:
            self._changed.notify_all()

    def waiting(self, place: Place) -> tuple[int, int]:
        """Requests and bytes behind a place."""
        with self._changed:
            size = sum(size for first, size in self._sizes.items() if first >= place.segment)
            offset = place.offset if place.segment in self._sizes else 0
            return max(0, self._published - place.sequence), max(0, size - offset)

    def close(self) -> None:
        """Close the file that is written."""
        self._file.close()


def _sync(descriptor: int) -> None:
    # macOS and Windows have no fdatasync
    getattr(os, "fdatasync", os.fsync)(descriptor)

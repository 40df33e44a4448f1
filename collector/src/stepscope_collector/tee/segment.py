"""A file of records, read from any place."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from stepscope_collector.tee.record import HEAD_BYTES, Record, unpacked

__all__ = ["Segment", "records_in", "rows_in"]


class Segment:
    """An open file of the queue. It stays readable when the file is removed meanwhile."""

    def __init__(self, path: Path, first: int) -> None:
        self.first = first
        """Sequence of its first record."""
        self._file: BinaryIO = path.open("rb")

    def read(self, offset: int, end: int) -> tuple[Record, int] | None:
        """The record at an offset and the offset of the next; None at the end."""
        if offset >= end:
            return None
        self._file.seek(offset)
        head = self._file.read(HEAD_BYTES)
        without = unpacked(head, None)
        if without is None or offset + without[1] > end:
            return None
        found = unpacked(head, self._file.read(without[1] - HEAD_BYTES))
        return None if found is None else (found[0], offset + found[1])

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


def records_in(path: Path, *, whole: bool = True) -> Iterator[tuple[Record, int]]:
    """Every record of a file and the offset behind it, up to the first that is not whole.

    `whole` False: without bodies, and without looking at their checksums.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        offset = 0
        while True:
            file.seek(offset)
            head = file.read(HEAD_BYTES)
            found = unpacked(head, None)
            if found is None or offset + found[1] > size:
                return
            if whole:
                found = unpacked(head, file.read(found[1] - HEAD_BYTES))
                if found is None:
                    return
            offset += found[1]
            yield found[0], offset


def rows_in(path: Path) -> Counter[str]:
    """Rows per signal that a file holds."""
    rows: Counter[str] = Counter()
    for record, _ in records_in(path, whole=False):
        rows[record.signal] += record.rows
    return rows

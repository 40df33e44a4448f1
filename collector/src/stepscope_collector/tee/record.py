"""One request in the queue, as bytes on disk. Pure.

size of the body   u32     }
checksum           u32     } of all that follows
sequence           u64
received           u64     ns since the epoch
signal, encoding   u8, u8  signal 3: nothing, where something was erased
size of via        u16
rows               u32
via                UTF-8   collectors it came through
body                       the request, uncompressed
"""

import struct
from typing import Final, NamedTuple, cast
from zlib import crc32

from stepscope_collector.decode.batch import Encoding, Signal

__all__ = ["HEAD_BYTES", "Record", "filler", "packed", "unpacked"]

_HEAD: Final = struct.Struct("<IIQQBBHI")
HEAD_BYTES: Final = _HEAD.size
_CHECKED_FROM: Final = 8
_NOTHING: Final = cast(Signal, "nothing")
"""The signal of what only fills up the place of a record."""
_SIGNALS: Final[tuple[Signal, ...]] = ("traces", "logs", "metrics", _NOTHING)
_ENCODINGS: Final[tuple[Encoding, ...]] = ("protobuf", "json")


class Record(NamedTuple):
    """One request that was received."""

    signal: Signal
    encoding: Encoding
    body: bytes
    rows: int
    via: str = ""
    """Ids of the collectors it came through, with commas."""
    received_ns: int = 0
    sequence: int = 0
    """Place in the queue; given by the journal."""

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return HEAD_BYTES + len(self.via.encode()) + len(self.body)


def packed(record: Record, sequence: int) -> list[bytes]:
    """The pieces to write, in order."""
    via = record.via.encode()
    head = _HEAD.pack(
        len(record.body),
        0,
        sequence,
        record.received_ns,
        _SIGNALS.index(record.signal),
        _ENCODINGS.index(record.encoding),
        len(via),
        record.rows,
    )
    checksum = crc32(record.body, crc32(via, crc32(head[_CHECKED_FROM:])))
    return [head[:4] + struct.pack("<I", checksum) + head[_CHECKED_FROM:], via, record.body]


def filler(sequence: int, size: int) -> list[bytes]:
    """A record that takes so many bytes, at least HEAD_BYTES, and is sent to nobody."""
    return packed(Record(_NOTHING, "protobuf", bytes(size - HEAD_BYTES), 0), sequence)


def unpacked(head: bytes, rest: bytes | None) -> tuple[Record, int] | None:
    """The record and its size on disk.

    Args:
        head: HEAD_BYTES, or fewer at the end of a file.
        rest: what follows the head, at least to the end of the record; None: not read, and the
            record's body is empty.

    Returns:
        None when the bytes are not a whole record: the end of what was written.
    """
    if len(head) < HEAD_BYTES:
        return None
    size, checksum, sequence, received_ns, signal, encoding, via_size, rows = _HEAD.unpack(head)
    if signal >= len(_SIGNALS) or encoding >= len(_ENCODINGS):
        return None
    body, via = b"", b""
    if rest is not None:
        via, body = rest[:via_size], rest[via_size : via_size + size]
        if crc32(body, crc32(via, crc32(head[_CHECKED_FROM:]))) != checksum:
            return None
    record = Record(
        _SIGNALS[signal],
        _ENCODINGS[encoding],
        body,
        rows,
        via.decode(),
        received_ns,
        sequence,
    )
    return record, HEAD_BYTES + via_size + size

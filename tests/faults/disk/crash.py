"""What a disk holds after the power failed at some moment, from a journal of disk.c.

The model: a sync makes the content of that file durable, and with it the names made and removed before
its own; a sync of the directory makes all names durable. Names change on disk in the order in which
they were changed (journalling file systems). What was not synced may be there or not: nothing of it,
or any part of it in sectors of 512 bytes, in any order, also with names of which the content is missing.
"""

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Op", "leave", "read_journal"]

SECTOR = 512
BACKLOG = ".backlog/"
"""In the name of the one directory below the data directory."""
_RECORD = struct.Struct("<4I3Q")
CREATE, WRITE, TRUNCATE, SYNC, RENAME, UNLINK, ZERO = range(1, 8)


@dataclass(frozen=True)
class Op:
    kind: int
    begun_ns: int
    """On the clock of time.monotonic_ns."""
    path: str
    to: str
    offset: int
    data: bytes
    length: int


def read_journal(path: Path) -> list[Op]:
    """All that was done, in order; a last record that was cut short is left out."""
    return list(_records(path.read_bytes()))


def _records(content: bytes) -> Iterator[Op]:
    at = 0
    while at + _RECORD.size <= len(content):
        kind, path_bytes, to_bytes, _, begun_ns, offset, length = _RECORD.unpack_from(content, at)
        at += _RECORD.size
        data_bytes = length if kind == WRITE else 0
        end = at + path_bytes + to_bytes + data_bytes
        if end > len(content):
            return
        path = content[at : at + path_bytes].decode()
        to = content[at + path_bytes : at + path_bytes + to_bytes].decode()
        yield Op(kind, begun_ns, path, to, offset, content[end - data_bytes : end], length)
        at = end


@dataclass
class _File:
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Op] = field(default_factory=list)
    made_at: int = -1
    """Number of the change of names that made it; -1: durable."""


class _Disk:
    def __init__(self) -> None:
        self.names: dict[str, _File] = {}
        """As the process sees them."""
        self.durable: dict[str, _File] = {}
        self.changes: list[tuple[Op, _File | None]] = []
        """Of names, not durable."""

    def do(self, op: Op) -> None:
        if op.kind in {CREATE, RENAME, UNLINK}:
            self._change_names(op)
        elif op.kind == SYNC and op.path not in self.names:
            self._sync_names(len(self.changes))  # the directory
        elif op.kind == SYNC:
            file = self.names[op.path]
            for each in file.pending:
                _apply(file.durable, each)
            file.pending.clear()
            made = [n for n, (_, of) in enumerate(self.changes) if of is file]
            if made:
                self._sync_names(made[-1] + 1)
        else:
            self.names[op.path].pending.append(op)

    def _change_names(self, op: Op) -> None:
        if op.kind == CREATE:
            self.names[op.path] = _File()
            self.changes.append((op, self.names[op.path]))
        elif op.kind == RENAME:
            self.names[op.to] = self.names.pop(op.path)
            self.changes.append((op, self.names[op.to]))
        else:
            del self.names[op.path]
            self.changes.append((op, None))

    def _sync_names(self, count: int) -> None:
        for op, file in self.changes[:count]:
            _rename(self.durable, op, file)
        del self.changes[:count]


def _rename(names: dict[str, _File], op: Op, file: _File | None) -> None:
    if op.kind == UNLINK:
        names.pop(op.path, None)
    elif op.kind == RENAME:
        names.pop(op.path, None)
        assert file is not None
        names[op.to] = file
    else:
        assert file is not None
        names[op.path] = file


def _apply(content: bytearray, op: Op, first: int = 0, last: int | None = None) -> None:
    """Apply a change, of a write only the bytes from `first` up to `last`."""
    if op.kind == TRUNCATE:
        del content[op.offset :]
        content.extend(bytes(op.offset - len(content)))
        return
    data = (op.data if op.kind == WRITE else bytes(op.length))[first:last]
    at = op.offset + first
    content.extend(bytes(max(0, at + len(data) - len(content))))
    content[at : at + len(data)] = data


def leave(ops: list[Op], count: int, to: Path, rng: random.Random | None) -> None:
    """Write the files as they are on disk when the power fails after `count` operations.

    Args:
        ops: all of them, from an empty directory on.
        count: how many were done.
        to: an empty directory.
        rng: what was not synced survives in parts chosen by it; None: nothing of it survives.
    """
    disk = _Disk()
    for op in ops[:count]:
        disk.do(op)
    names = dict(disk.durable)
    if rng is not None:
        for op, file in disk.changes[: rng.randint(0, len(disk.changes))]:
            _rename(names, op, file)
    for path, file in names.items():
        content = bytearray(file.durable)
        if rng is not None:
            _tear(content, file.pending, rng)
        below = Path(path).parts[-2:] if BACKLOG in path else Path(path).parts[-1:]
        left = to.joinpath(*below)
        left.parent.mkdir(exist_ok=True)
        left.write_bytes(content)


def _tear(content: bytearray, pending: list[Op], rng: random.Random) -> None:
    """Let some sectors of what was not synced reach the disk."""
    share = rng.choice([0.05, 0.5, 0.95, 1.0])
    grain = rng.choice([SECTOR, 4096])
    for op in pending:
        if op.kind != WRITE:
            if rng.random() < share:
                _apply(content, op)
            continue
        # sectors are those of the file, not of the write
        first = 0
        while first < op.length:
            last = min(op.length, first + grain - (op.offset + first) % grain)
            if rng.random() < share:
                _apply(content, op, first, last)
            first = last

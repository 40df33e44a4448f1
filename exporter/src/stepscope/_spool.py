"""Requests on disk that could not be delivered, for this process or the next one.

One file per request, written under another name and renamed, so a reader sees whole files only.
A file is sent under an advisory lock that the kernel frees when its holder dies: many processes
may share the folder and none of them needs to clean up after another. Contents are what would
have gone over the network: redacted, readable by the owner alone.
"""

import contextlib
import itertools
import os
import pathlib
import struct
import sys
import time
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final

from stepscope._wire import Signal

__all__ = ["Spool", "SpoolFile"]

_HEADER: Final = struct.Struct("<4sIII")
"""Magic, CRC-32 of the body, spans or records in it, length of the body."""
_MAGIC: Final = b"SSP1"
_SUFFIX: Final = ".otlp"
_STALE_S: Final = 3600.0
"""A temporary file this old was left by a process that died while writing."""


class SpoolFile:
    """One undelivered request, locked by this process."""

    def __init__(self, path: pathlib.Path, signal: Signal, body: bytes, count: int) -> None:
        self.path = path
        self.signal = signal
        self.body = body
        self.count = count

    def done(self) -> None:
        """Delivered, or refused for good."""
        with contextlib.suppress(OSError):
            self.path.unlink()


class Spool:
    """A folder with a limit in bytes; over it the oldest requests go first."""

    def __init__(self, folder: pathlib.Path, limit_bytes: int) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._numbers = itertools.count()
        self.dropped = 0
        """Spans and records thrown away because the folder was full, or damaged."""

    def put(self, signal: Signal, body: bytes, count: int) -> bool:
        """Keep one request; False when that is impossible (disk full, no permission)."""
        size = _HEADER.size + len(body)
        if size > self._limit_bytes:
            return False
        number = next(self._numbers)
        name = f"{time.time_ns():020d}-{os.getpid()}-{number}-{count}.{signal}{_SUFFIX}"
        temporary = self._folder / f".{name}.tmp"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_room(size)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(_HEADER.pack(_MAGIC, zlib.crc32(body), count, len(body)))
                file.write(body)
            temporary.rename(self._folder / name)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink()
            return False
        return True

    def files(self) -> list[pathlib.Path]:
        """Whole requests, oldest first."""
        try:
            return sorted(path for path in self._folder.iterdir() if path.name.endswith(_SUFFIX))
        except OSError:
            return []

    def claim(self) -> Iterator[SpoolFile]:
        """The requests nobody else is sending, oldest first; each is locked while it is used."""
        self._remove_stale()
        for path in self.files():
            try:
                file = path.open("rb")
            except OSError:
                continue
            with file:
                if not _lock(file) or not path.exists():
                    continue
                found = self._read(path, file)
                if found is not None:
                    yield found

    def _read(self, path: pathlib.Path, file: BinaryIO) -> SpoolFile | None:
        signal: Signal = "logs" if path.name.endswith(f".logs{_SUFFIX}") else "traces"
        try:
            head = file.read(_HEADER.size)
            magic, crc, count, length = _HEADER.unpack(head)
            body = file.read(length + 1)
        except (OSError, struct.error):
            magic, crc, count, length, body = b"", 0, 0, 0, b""
        if magic == _MAGIC and len(body) == length and zlib.crc32(body) == crc:
            return SpoolFile(path, signal, body, count)
        self.dropped += _count_of(path)
        with contextlib.suppress(OSError):
            path.unlink()
        return None

    def _make_room(self, size: int) -> None:
        sizes = []
        for path in self.files():
            with contextlib.suppress(OSError):
                sizes.append((path, path.stat().st_size))
        total = sum(file_size for _, file_size in sizes) + size
        for path, file_size in sizes:
            if total <= self._limit_bytes:
                return
            with contextlib.suppress(OSError):
                path.unlink()
                self.dropped += _count_of(path)
            total -= file_size

    def _remove_stale(self) -> None:
        with contextlib.suppress(OSError):
            for path in self._folder.glob(".*.tmp"):
                if time.time() - path.stat().st_mtime > _STALE_S:
                    path.unlink()


def _count_of(path: pathlib.Path) -> int:
    try:
        return int(path.name.split(".")[0].rsplit("-", 1)[1])
    except (IndexError, ValueError):
        return 1


def _lock(file: BinaryIO) -> bool:
    if sys.platform == "win32":  # no advisory locks: two processes may send a file twice
        return True
    import fcntl

    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

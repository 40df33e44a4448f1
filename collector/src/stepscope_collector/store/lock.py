"""The lock of a database file: a second process is refused at once, and told who has it.

DuckDB locks the file too, but gives its lock up when anything in this process closes a descriptor
of it, and names the holder only on some systems. This lock lies on a file beside it,
`stepscope.duckdb.lock`, which begins with the holder's process id. The system frees the lock when
the process ends, however it ends; the file stays behind then and does no harm.
"""

import errno
import fcntl
import logging
import os
import threading
from pathlib import Path
from typing import Final, Self

from stepscope_collector.errors import DatabaseLocked, StoreUnavailable

__all__ = ["PID_BYTES", "TAKEN", "FileLock", "lock_path", "locked", "unreachable"]

logger = logging.getLogger(__name__)

PID_BYTES: Final = 512
"""The part of the file that names the holder; what follows is not the lock's."""

_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
TAKEN: Final = frozenset({errno.EAGAIN, errno.EACCES})
"""What the system says of a lock that another process has."""
_NAMED_WITHIN_ROUNDS = 20
_ROUND_S = 0.01


def lock_path(path: Path) -> Path:
    """The lock file of the database at `path`."""
    return path.with_name(f"{path.name}.lock")


class FileLock:
    """A lock that is held. Made by `take`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor
        """Of the lock file; open until `release`."""

    @classmethod
    def take(cls, path: Path) -> Self:
        """The lock beside the database at `path`, for the one process that writes.

        Raises:
            DatabaseLocked: another process, or this one, has it; names its PID.
            StoreUnavailable: the lock file cannot be made: rights, or a read-only or full disk.
        """
        file = lock_path(path)
        while True:
            try:
                descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise unreachable(path, error) from error
            try:
                _flock(descriptor, fcntl.LOCK_EX, path)
                if _is_at(descriptor, file):
                    os.pwrite(descriptor, f"{os.getpid()}\n".encode().ljust(PID_BYTES), 0)
                    return cls(file, descriptor)
            except OSError as error:
                os.close(descriptor)
                raise unreachable(path, error) from error
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)  # its holder removed the file meanwhile

    @staticmethod
    def refuse_if_taken(path: Path) -> None:
        """For a process that only reads: DatabaseLocked when one that writes has the lock."""
        try:
            descriptor = os.open(lock_path(path), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return  # no lock file that we may read
        try:
            _flock(descriptor, fcntl.LOCK_SH, path)
        finally:
            os.close(descriptor)

    def release(self) -> None:
        """Remove the file and give the lock back."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("lock file not removed", extra={"error": error.strerror})
        os.close(self.descriptor)


def locked(path: Path | None, pid: int | None) -> DatabaseLocked:
    """The error that names the holder."""
    if pid is None:
        who = "another process"
    else:
        who = "this process" if pid == os.getpid() else f"process {pid}"
    return DatabaseLocked(
        f"{path} is in use by {who}",
        hint="ask the server that runs there, or stop that process first",
    )


def unreachable(path: Path, error: OSError) -> StoreUnavailable:
    """The error for a file or directory that cannot be written."""
    return StoreUnavailable(
        f"{path} cannot be opened: {(error.strerror or str(error)).lower()}",
        hint="check the directory's owner, rights and free space, or choose another with --data",
    )


def _flock(descriptor: int, kind: int, path: Path) -> None:
    """Take the lock; a holder that does not name itself has just come, or only looks."""
    pause = threading.Event()
    for _ in range(_NAMED_WITHIN_ROUNDS):
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                # Some network file systems have none; DuckDB's own lock is left.
                logger.warning("the file system has no locks", extra={"path": str(path)})
                return
            if error.errno not in TAKEN:
                raise
            if (pid := _holder(descriptor)) is not None:
                raise locked(path, pid) from error
            pause.wait(_ROUND_S)
        else:
            return
    raise locked(path, None)


def _holder(descriptor: int) -> int | None:
    text = os.pread(descriptor, PID_BYTES, 0).strip()
    return int(text) if text.isdigit() and _lives(int(text)) else None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(descriptor)
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)

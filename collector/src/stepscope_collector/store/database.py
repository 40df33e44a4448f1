"""The one owner of the DuckDB file: opens and migrates it, hands out connections, closes it.

DuckDB's file lock shuts out every other process, so there is one Database per file and process.
One connection writes, and only the writer thread of ingest uses it. Readers get a connection of
their own each, inside a read-only transaction: a snapshot of what was committed before.
"""

import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from stepscope_collector.config import StoreConfig
from stepscope_collector.errors import (
    DatabaseDamaged,
    QueryTimeout,
    StepscopeError,
    StoreReopening,
    StoreUnavailable,
)
from stepscope_collector.store.aside import move_aside
from stepscope_collector.store.backup import Backup, backup_directory, snapshot
from stepscope_collector.store.blocks import Read
from stepscope_collector.store.engine import (
    Connection,
    EngineError,
    Interrupted,
    checkpoint,
    connect_again,
    damage_in,
    has_stopped,
)
from stepscope_collector.store.files import sync
from stepscope_collector.store.lock import FileLock
from stepscope_collector.store.mark import log_path
from stepscope_collector.store.memory import give_back_memory
from stepscope_collector.store.opening import Made, make_directory, open_present
from stepscope_collector.store.readers import Readers
from stepscope_collector.store.sweep import Sweep
from stepscope_collector.store.time_limit import Overdue, TimeLimit
from stepscope_schema.load import Schema, load_schema

__all__ = ["DATABASE_NAME", "Database"]

logger = logging.getLogger(__name__)

DATABASE_NAME: Final = "stepscope.duckdb"
"""File in the data directory."""

_PAUSE_S: Final = 0.25
"""For so long at most questions wait for others to end."""
_MAX_ASIDE = 3
"""Damaged files set aside while one process runs; a disk that damages more is not to be trusted."""


class Database:
    """An open database with the schema of this version. Made by `open`; a context manager."""

    def __init__(
        self,
        root: Connection,
        path: Path | None,
        config: StoreConfig,
        *,
        made: Made | None = None,
    ) -> None:
        self.path = path
        """The file; None: in memory."""
        self.is_read_only = made is None
        self.config = config
        """What the engine may use."""
        self.damage: str | None = None
        """What a reader found broken in the file since it was opened."""
        self.before_read: Callable[[], object] | None = None
        """Called before each question: it may wait until what was answered is committed."""
        self._made = made
        self._root = root
        self._writer = connect_again(root)
        self._lock = threading.Condition()
        self._readers = Readers(self._lock)
        self._is_closed = False
        self._is_reopening = False
        self._is_copying = False
        self._aside_count = 0
        self._overdue = Overdue()

    @classmethod
    def open(
        cls,
        path: Path | None,
        config: StoreConfig,
        *,
        read_only: bool = False,
        lost_after_s: float = 300,
        schema: Schema | None = None,
    ) -> Self:
        """The database at `path`, made or migrated as needed.

        Args:
            path: the file; its directory is made for the owner only (0700), the file likewise
                (0600). None: in memory.
            config: what the engine may use.
            read_only: the file must exist, have the present schema, and is not changed.
            lost_after_s: silence after which an open execution counts as lost, seconds; not used
                when `read_only`, the file then says what it last was.
            schema: None: the packaged one.

        Raises:
            DatabaseLocked: another process has it open; names its PID.
            NewerSchema: a newer version of Stepscope or DuckDB wrote it.
            DatabaseDamaged: it cannot be opened as a database, and is no damaged one either: that
                is set aside and a new one begins, unless `read_only`.
            ConfigError: it belongs to another program or an unreleased build, or is older and `read_only`.
            NotFound: it does not exist and `read_only`.
            StoreUnavailable: it cannot be reached, or a migration failed and changed nothing.
        """
        schema = schema or load_schema()
        if read_only:
            return cls(open_present(path, config, schema), path, config)
        made = Made(config, schema, lost_after_s)
        if path is None:
            return cls(made.connect(None), None, config, made=made)
        make_directory(path.parent)
        made.lock = FileLock.take(path)
        try:
            # A process that was killed may have left half a backup.
            shutil.rmtree(backup_directory(path), ignore_errors=True)
            return cls(made.connect(path), path, config, made=made)
        except BaseException:
            made.give_up(path)
            raise

    def writer(self) -> Connection:
        """The connection that writes; for one thread only.

        Registered Arrow tables are seen by it alone.
        """
        return self._writer

    def committed(self) -> None:
        """Note on disk that everything committed so far may be acknowledged; for the writer thread.

        Raises StoreUnavailable when that is not possible: then nothing may be acknowledged.
        """
        if self._made is not None:
            self._made.write_mark()

    def unread(self) -> tuple[Sweep, Read] | None:
        """What the start has not read of the file, and how it is read; None: nothing is left."""
        made = self._made
        if made is None:
            return None
        sweep, marker = made.sweep, made.marker  # the writer may close it meanwhile
        return None if sweep is None or marker is None else (sweep, marker.read)

    def is_unread(self, sweep: Sweep) -> bool:
        """Whether it is of the file that is open, and something of it is left."""
        return self._made is not None and self._made.sweep is sweep

    def was_read(self, sweep: Sweep) -> None:
        """Nothing is left of it."""
        if (made := self._made) is not None and made.sweep is sweep:
            made.sweep = None

    def reopen(self, damage: str | None = None) -> Connection:
        """Open the file again after the engine has stopped; the new writing connection.

        A full disk during a checkpoint makes DuckDB refuse all further work in this process, while
        the file and its log hold everything committed. Readers at work are interrupted.

        Args:
            damage: what is broken in the file, which is then set aside and a new one begins.

        Raises:
            StoreUnavailable: it cannot be opened now, is in memory or closed; try again later.
        """
        with self._lock:
            self._refuse_if_closed()
            if self.path is None or self._made is None:
                raise StoreUnavailable(
                    "the database in memory has failed and cannot be opened again"
                )
            if damage is not None and self._aside_count >= _MAX_ASIDE:
                raise StoreUnavailable(
                    f"the database was damaged {_MAX_ASIDE} times since the start; check the disk"
                )
            self._is_reopening = True
            try:
                self._readers.end()
                self._close_files()
                if damage is not None:
                    self._aside_count += 1
                    move_aside(self.path, damage)
                self._root = self._made.connect(self.path, again=True)
            except (StepscopeError, EngineError, OSError) as error:
                raise StoreUnavailable(f"the database cannot be opened again: {error}") from error
            finally:
                self._is_reopening = False
            self._writer = connect_again(self._root)
            logger.warning("database opened again", extra={"path": str(self.path)})
            return self._writer

    @contextmanager
    def read(self, *, is_fresh: bool = True) -> Iterator[Connection]:
        """A connection inside a read-only transaction: one snapshot of all that is committed.

        Args:
            is_fresh: first wait for the commit of what was answered; False: for upkeep, which repeats.

        For named queries, from any thread. After an error the transaction is over: leave the
        block. Raises StoreUnavailable once the database is closed.
        """
        connection = self._take(is_fresh=is_fresh)
        try:
            yield connection
        except Interrupted as error:
            self._refuse_if_ending(error)
            raise
        except EngineError as error:
            self._refuse_if_damaged(error)
            raise
        finally:
            self._give_back(connection)

    @contextmanager
    def read_user_sql(self, timeout_s: float | None = None) -> Iterator[Connection]:
        """A connection for SQL that somebody typed; nothing of it stays behind.

        In a read-only transaction that is always rolled back, on a connection that is not used
        again. The transaction alone does not refuse everything: check the statement before.
        `connection.interrupt()` from another thread stops it with `Interrupted`.

        Args:
            timeout_s: the block is interrupted after so many seconds; None: never.

        Raises:
            QueryTimeout: the time was up.
            StoreUnavailable: the database is closed.
        """
        connection = self._take(new=True)
        limit = TimeLimit(connection.interrupt, timeout_s, self._overdue)
        try:
            yield connection
        except Interrupted as error:
            if limit.is_up:
                assert timeout_s is not None
                raise QueryTimeout.after(timeout_s) from error
            self._refuse_if_ending(error)
            raise
        except EngineError as error:
            self._refuse_if_damaged(error)
            raise
        finally:
            limit.end()  # it must not interrupt a closed connection
            self._give_back(connection, keep=False)

    @contextmanager
    def copied(self, begin: Callable[[Connection], None]) -> Iterator[Backup]:
        """A copy as `backup` makes it, while no other is made; it is removed after the block.

        Args:
            begin: begins the transaction that sees what is copied, and reads something in it.
        """
        copy = self.backup(begin)
        with self._lock:
            self._is_copying = True
        try:
            yield copy
        finally:
            shutil.rmtree(copy.path.parent, ignore_errors=True)
            self._is_copying = False

    @property
    def overdue(self) -> int:
        """Statements of users that go on after their time, as nothing ends them."""
        return self._overdue.count

    @property
    def is_idle(self) -> bool:
        """Whether no reader is at work."""
        return self._readers.is_idle

    def wait_until_idle(self, timeout_s: float) -> None:
        """Until no reader is at work, or the time is up."""
        with self._lock:
            self._readers.wait_until_idle(timeout_s)

    @contextmanager
    def alone(self, timeout_s: float = 0) -> Iterator[Connection | None]:
        """A block in which nobody asks, and the writing connection; None: somebody does and has not ended in time.

        For the writer thread. Who wants to ask meanwhile waits.

        Raises:
            StoreUnavailable: the database is closed.
        """
        with self._lock, self._readers.paused(self._writer, timeout_s) as is_idle:
            self._refuse_if_closed()
            yield self._writer if is_idle else None

    def swap(self, path: Path) -> Connection:
        """Put another file in the place of this one; the new writing connection.

        For the writer thread. Readers at work are interrupted. Either file is whole, and has no log, when the
        one takes the other's name: whatever happens, one of them is found.

        Args:
            path: a closed database in the same file system that holds the same, without a log.

        Raises:
            StoreUnavailable: that is not possible now; the database has to be opened again.
        """
        with self._lock:
            self._refuse_if_closed()
            self._open_again("the files cannot be exchanged", path)
            return self._writer

    def renew(self) -> Connection | None:
        """Close the file and open it again, if no reader is at work; the new writing connection, None: one is.

        For the writer thread, without a transaction. Whoever asks meanwhile waits. Of each row group that it has
        written or read the engine keeps what it knows of its columns, beside what `store.memory_limit_bytes` bounds,
        until the file is closed: memory would grow with every row (`benchmarks/bench_memory.py`).

        Raises:
            StoreUnavailable: that is not possible now; the database has to be opened again.
        """
        if self._made is None or self.path is None or self.damage is not None or not self.is_idle:
            return None
        checkpoint(self._writer)  # while others ask: the one below has little left to do
        with self.alone(_PAUSE_S) as writer:
            if writer is None:
                return None
            sweep, inode = self._made.sweep, self.path.stat().st_ino
            self._open_again("the database cannot be opened again")
            if self.path.stat().st_ino == inode:  # else it was set aside
                self._made.sweep = sweep
        give_back_memory()
        return self._writer

    def _open_again(self, failing: str, other: Path | None = None) -> None:
        """Close the file without a log, give another its name, and open that; holds the lock."""
        assert self.path is not None
        assert self._made is not None
        self._is_reopening = True
        try:
            self._readers.end()
            checkpoint(self._root)
            self._close_files()
            for each in (self.path, other):
                if each and (log := log_path(each)).exists() and log.stat().st_size:
                    raise StoreUnavailable(f"{log} is not empty after a checkpoint")
            if other is not None:
                other.replace(self.path)
                sync(self.path.parent)
            self._root = self._made.connect_closed(self.path)
            self._writer = connect_again(self._root)
        except (StepscopeError, EngineError, OSError) as error:
            raise StoreUnavailable(f"{failing}: {error}") from error
        finally:
            self._is_reopening = False

    def backup(self, begin: Callable[[Connection], None] | None = None) -> Backup:
        """A copy of everything committed, in a file that the caller removes; from any thread.

        Writer and readers go on meanwhile.

        Args:
            begin: begins the transaction that sees what is copied; None: now.

        Raises:
            StoreUnavailable: a backup is being made already, no space, closed, or in memory.
        """
        if self.before_read is not None:
            self.before_read()
        with self._lock:
            self._refuse_if_closed()
            if self.path is None:
                raise StoreUnavailable("a database in memory has no backup")
            if self._is_copying:
                raise StoreUnavailable("a backup is being made already", hint="try again later")
            try:
                connection = self._readers.add(connect_again(self._root))
            except EngineError as error:
                raise StoreUnavailable("the database is not open at the moment") from error
            self._is_copying = True
        try:
            return snapshot(connection, self.path, begin)
        except Interrupted as error:
            self._refuse_if_ending(error)
            raise
        except EngineError as error:
            self._refuse_if_damaged(error)
            raise StoreUnavailable(f"the backup failed: {error}") from error
        finally:
            self._is_copying = False
            self._give_back(connection, keep=False)

    def backup_progress(self) -> tuple[int, int] | None:
        """Bytes of the backup being made, and of the database; None: none is made."""
        if not self._is_copying or self.path is None:
            return None
        done = sum(each.stat().st_size for each in backup_directory(self.path).glob("*"))
        return done, self.path.stat().st_size

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file; readers may go on meanwhile."""
        with self._lock:
            self._refuse_if_closed()
            checkpoint(self._root)

    def close(self) -> None:
        """Interrupt readers, checkpoint and close; then there is no write-ahead log.

        The writer thread must have ended. Closing again does nothing.
        """
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            self._readers.end()
        is_whole = not self.is_read_only
        if is_whole:
            try:
                self._root.execute("checkpoint")
            except EngineError as error:
                # Nothing is lost: the next start replays the log.
                logger.warning("checkpoint at close failed", extra={"error": str(error)})
                is_whole = False
        try:
            self._close_files()
        except EngineError:
            if self.is_idle:
                raise
            # The end of the process closes what a reader holds that nothing ends.
            logger.warning("the file stays open until a statement has ended")
        if self._made is not None and self.path is not None:
            self._made.release(self.path, is_whole=is_whole)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _close_files(self) -> None:
        """Close the engine; its marker after it, since closing a file gives up the locks on it."""
        self._writer.close()
        self._root.close()
        if self._made is not None:
            self._made.leave_marker()

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise StoreUnavailable("the database is closed")

    def _refuse_if_ending(self, error: BaseException) -> None:
        """The meaning of an interrupt of ours."""
        if self._is_closed:
            raise StoreUnavailable("the database is being closed") from error
        if self._is_reopening:
            raise StoreReopening("the database is being opened again") from error

    def _refuse_if_damaged(self, error: EngineError) -> None:
        """Remember damage that a reader met: the next start reads everything and sets it aside."""
        if has_stopped(error):
            raise StoreUnavailable("the database engine has stopped and is opened again") from error
        if (damage := damage_in(error)) is None:
            return
        if self.damage is None:
            logger.error("database damaged", extra={"path": str(self.path), "reason": damage})
        self.damage = damage
        raise DatabaseDamaged(
            f"the database is damaged where this question reads: {damage}",
            hint="copy out what can still be read, then start the server again: it sets the file "
            "aside and begins a new one",
        ) from error

    def _take(self, *, new: bool = False, is_fresh: bool = True) -> Connection:
        """A connection inside a read-only transaction."""
        if is_fresh and self.before_read is not None:
            self.before_read()
        with self._lock:
            self._readers.wait_while_paused()
            self._refuse_if_closed()
            try:
                return self._readers.take(self._root, new=new, is_awaited=is_fresh)
            except EngineError as error:
                raise StoreUnavailable("the database is not open at the moment") from error

    def _give_back(self, connection: Connection, *, keep: bool = True) -> None:
        self._readers.give_back(
            connection, lambda: keep and not (self._is_closed or self._is_reopening)
        )

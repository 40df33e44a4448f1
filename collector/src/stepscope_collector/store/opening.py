"""How a database is opened: its directory, its lock, a sound file with the present schema."""

import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from stepscope_collector.config import StoreConfig
from stepscope_collector.errors import ConfigError, DatabaseLocked, NotFound, StoreUnavailable
from stepscope_collector.store.engine import Connection, connect, once_released
from stepscope_collector.store.lock import FileLock, unreachable
from stepscope_collector.store.mark import Marker, read_mark
from stepscope_collector.store.migrate import (
    apply_schema,
    copy_before,
    file_version,
    refuse_other_tables,
    row_counts,
)
from stepscope_collector.store.recover import connect_sound, refuse_damaged_log, refuse_torn
from stepscope_collector.store.sweep import Sweep
from stepscope_collector.store.undo import undo_path, undo_torn
from stepscope_schema.load import Schema

__all__ = ["Made", "make_directory", "open_present"]

logger = logging.getLogger(__name__)

_HELD_S: Final = 1.0
"""Far longer than it takes to give a connection back."""


@dataclass(slots=True)
class Made:
    """How a database that is written was made: what it takes to make it again."""

    config: StoreConfig
    schema: Schema
    lost_after_s: float
    lock: FileLock | None = None
    marker: Marker | None = None
    """None: in memory, or not open."""
    sweep: Sweep | None = None
    """What is left to read of the file; None: nothing."""

    def connect(
        self, path: Path | None, *, again: bool = False, is_verified: bool = False
    ) -> Connection:
        """A connection to a sound database with the present schema, new if need be.

        `again`: one that is not new is left as it is, for the disk may be full. `is_verified`: all of it
        was read just now.
        """
        schema = self.schema
        mark = None if self.lock is None else read_mark(self.lock.descriptor)
        config = replace(self.config, verify_s=0) if is_verified else self.config
        if path is None:
            root = connect(None, config)
        else:
            root, self.sweep = connect_sound(path, config, mark)
        try:
            if path is not None:
                path.chmod(0o600)
                # Before anything is written: what the power may tear is behind this mark.
                self.mark(path)
            version = file_version(root, schema, path)
            if version is not None:
                refuse_other_tables(root, schema, version, path, config)
            if path is not None and version is not None and version < schema.version:
                root = _copied(root, path, self.config, schema, version)
                self.write_mark()
            if version is None or not again:
                apply_schema(root, schema, version, lost_after_s=self.lost_after_s)
            self.write_mark()
        except BaseException:
            root.close()
            self.leave_marker()
            raise
        return root

    def connect_closed(self, path: Path) -> Connection:
        """As `connect`, to a file just closed: whoever was answered just now may still hold it for a moment.

        Raises:
            DatabaseLocked: somebody holds it for a second.
        """
        return once_released(lambda: self.connect(path, again=True, is_verified=True), _HELD_S)

    def mark(self, path: Path) -> None:
        """Begin to mark what is acknowledged in the database just connected."""
        assert self.lock is not None
        self.leave_marker()
        try:
            self.marker = Marker(path, self.lock.descriptor)
        except OSError as error:
            raise unreachable(path, error) from error
        self.marker.write()

    def write_mark(self) -> None:
        """Mark all that is committed as acknowledged; StoreUnavailable: that is not possible."""
        if self.marker is not None:
            self.marker.write()

    def give_up(self, path: Path) -> None:
        """Give the lock back after a start that has failed; the copies stay where one after it may need them."""
        is_whole = False
        try:
            with suppress(OSError, DatabaseLocked):
                undo_torn(path)
                is_whole = True
        finally:
            self.release(path, is_whole=is_whole)

    def release(self, path: Path, *, is_whole: bool) -> None:
        """Give the lock of the closed database back.

        Args:
            path: of the file.
            is_whole: its last checkpoint has come to its end, so the next start has nothing to undo.
        """
        if is_whole:
            with suppress(OSError):
                undo_path(path).unlink(missing_ok=True)
        if self.lock is not None:
            self.lock.release()

    def leave_marker(self) -> None:
        """Close the marker; the engine is closed."""
        if self.marker is not None:
            self.marker.close()
            self.marker = None


def make_directory(directory: Path) -> None:
    """Make the data directory, for its owner only; StoreUnavailable."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(
            f"directory {directory} cannot be made: {error.strerror}",
            hint="choose another with --data",
        ) from error


def open_present(path: Path | None, config: StoreConfig, schema: Schema) -> Connection:
    """A connection that only reads a file which has the present schema; raises as Database.open."""
    if path is not None:
        FileLock.refuse_if_taken(path)
        refuse_torn(path)
        refuse_damaged_log(path)
    root = connect(path, config, read_only=True)
    try:
        version = file_version(root, schema, path)
        if version is None:
            raise NotFound(f"{path} holds no history", hint="start `stepscope serve`")
        if version < schema.version:
            raise ConfigError(
                f"{path} has schema version {version}, this version needs {schema.version}",
                hint="start `stepscope serve` once: it makes a copy and migrates the file",
            )
        refuse_other_tables(root, schema, version, path, config)
    except BaseException:
        root.close()
        raise
    return root


def _copied(
    root: Connection, path: Path, config: StoreConfig, schema: Schema, version: int
) -> Connection:
    """The database opened again, after a copy was made if it holds rows."""
    counts = row_counts(root)
    if not any(counts.values()):
        return root
    root.execute("checkpoint")
    # Closed while it is copied: closing any descriptor of a file gives up the process's lock on it.
    root.close()
    copy = copy_before(path, schema.version, counts, config)
    logger.info("database copied", extra={"copy": str(copy), "version": version})
    root = connect(path, config)
    if file_version(root, schema, path) != version or row_counts(root) != counts:
        root.close()
        raise StoreUnavailable(
            f"{path} was changed by another process while it was copied",
            hint="start again; only one process may use the file",
        )
    return root

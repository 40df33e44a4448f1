"""Opens a database after whatever has happened to it: sound, or a new one and the old set aside.

What DuckDB 2.0 checks, measured by flipping single bytes (docs/durability.md): each header and
block has a checksum that is verified when it is read, so reading all of a database finds all damage
in it. To compare the checksums of all blocks takes far less, so it comes first, and the engine reads only
where one fails, as it alone knows whether that block is in use. The log has one per entry, but an entry whose length is wrong counts as its end: for that
there is the mark.
"""

import logging
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from stepscope_collector.config import StoreConfig
from stepscope_collector.errors import DatabaseDamaged
from stepscope_collector.store.aside import cut_log, move_aside, move_log_aside
from stepscope_collector.store.blocks import head_of
from stepscope_collector.store.engine import (
    Connection,
    EngineError,
    Interrupted,
    connect,
    damage_in,
)
from stepscope_collector.store.lock import lock_path, unreachable
from stepscope_collector.store.mark import Mark, checksum, log_path, read_mark
from stepscope_collector.store.sweep import Sweep, sweep_file
from stepscope_collector.store.undo import is_torn, undo_torn

__all__ = ["connect_sound", "find_damage", "refuse_damaged_log", "refuse_torn"]

logger = logging.getLogger(__name__)

_ATTEMPTS = 4
"""The log cut, the log set aside, the database set aside, a new one."""


def connect_sound(
    path: Path, config: StoreConfig, mark: Mark | None
) -> tuple[Connection, Sweep | None]:
    """A connection to the database at `path`, which is new if the one that was there is damaged.

    And what is left to read of it; None: nothing.

    Args:
        path: of the file; nobody has it open, and the caller has its lock.
        config: what the engine may use, and how long reading all of it may take.
        mark: what was acknowledged before, if known.

    Raises:
        as `connect`; DatabaseDamaged: it is broken in a way that DuckDB does not call damage.
    """
    _undo_torn(path)
    is_known = mark is not None and _is_current(path, mark)
    if mark is not None and is_known and (reason := _log_damage(path, mark)):
        if log_path(path).exists():
            move_log_aside(path, reason)
        else:
            logger.error("acknowledged rows are missing", extra={"reason": reason})
        is_known = False
    for _ in range(_ATTEMPTS):
        sweep = sweep_file(path, config.verify_s) if config.verify_s else None
        try:
            root = connect(path, config)
        except DatabaseDamaged as error:
            if error.__cause__ is None or (reason := damage_in(error.__cause__)) is None:
                raise
            if "WAL file" not in reason or not log_path(path).exists():
                move_aside(path, reason)
            elif mark is not None and is_known:
                cut_log(path, mark.log_bytes, reason)
                is_known = False
            else:
                move_log_aside(path, reason)
            continue
        try:
            found, rest = _find_where_suspected(root, path, sweep, config.verify_s)
        except BaseException:
            root.close()
            raise
        if found is None:
            return root, rest
        root.close()
        move_aside(path, found)
    raise DatabaseDamaged(
        f"{path} is damaged again as soon as it is made", hint="check the disk and the memory"
    )


def refuse_damaged_log(path: Path) -> None:
    """For a process that only reads: DatabaseDamaged when acknowledged rows are not in the log."""
    try:
        descriptor = os.open(lock_path(path), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return  # it was closed in order, or never had a mark
    try:
        mark = read_mark(descriptor)
    finally:
        os.close(descriptor)
    if mark and _is_current(path, mark) and (reason := _log_damage(path, mark)):
        raise DatabaseDamaged(
            f"{path} has lost acknowledged rows: {reason}",
            hint="start `stepscope serve` once: it sets the damaged log aside",
        )


def refuse_torn(path: Path) -> None:
    """For a process that only reads: DatabaseDamaged when a checkpoint was cut short by a loss of power."""
    if is_torn(path):
        raise DatabaseDamaged(
            f"{path} was torn when the power failed",
            hint="start `stepscope serve` once: it puts the torn blocks back",
        )


def find_damage(connection: Connection, limit_s: float | None) -> str | None:
    """The first damage met when all rows are read; None: there is none.

    Args:
        connection: has no transaction open.
        limit_s: reading stops after so many seconds; None: never. 0: nothing is read.
    """
    if limit_s == 0:
        return None
    deadline = None if limit_s is None else time.monotonic() + limit_s
    try:
        for name in _tables(connection):
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError
            _read_all(connection, name, deadline)
    except TimeoutError:
        logger.warning(
            "database not read in full: store.verify_s is over", extra={"limit_s": limit_s}
        )
    except EngineError as error:
        if (damage := damage_in(error)) is None:
            raise
        return damage
    return None


def _find_where_suspected(
    connection: Connection, path: Path, sweep: Sweep | None, limit_s: float
) -> tuple[str | None, Sweep | None]:
    """The first damage, if a block has failed or nothing is known of the blocks; and what is left to read."""
    if sweep is None:
        return find_damage(connection, limit_s), None
    if sweep.has_failed:
        logger.warning("blocks fail their checksum, all rows are read", extra={"path": str(path)})
        return find_damage(connection, None), None
    if sweep.is_done:
        return None, None
    if sweep.unread_bytes:  # else some blocks wait for a checkpoint, as after every kill
        unread = {"path": str(path), "unread_bytes": sweep.unread_bytes}
        logger.info("the rest of the database is read while it serves", extra=unread)
    return None, sweep


def _tables(connection: Connection) -> list[str]:
    found = connection.execute(
        "select table_name from duckdb_tables() where schema_name = 'stored' "
        "order by estimated_size, table_name"
    ).fetchall()
    return [name for (name,) in found]


def _read_all(connection: Connection, name: str, deadline: float | None) -> None:
    is_done = threading.Event()

    def stop_late() -> None:
        # Again and again: an interrupt that comes before the statement has begun is lost.
        assert deadline is not None
        while not is_done.wait(max(0.01, deadline - time.monotonic())):
            connection.interrupt()

    timer = threading.Thread(target=stop_late, name="stepscope-verify-limit", daemon=True)
    if deadline is not None:
        timer.start()
    try:
        connection.table(f'stored."{name}"').aggregate("bit_xor(hash(*columns(*)))").fetchall()
    except Interrupted as error:
        if deadline is None:
            raise
        raise TimeoutError from error
    finally:
        is_done.set()
        if deadline is not None:
            timer.join()


def _undo_torn(path: Path) -> None:
    try:
        undo_torn(path)
    except OSError as error:
        raise unreachable(Path(error.filename or path), error) from error


def _is_current(path: Path, mark: Mark) -> bool:
    """Whether no checkpoint has come since the mark."""
    with suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return head_of(descriptor) == mark.head
        finally:
            os.close(descriptor)
    return False


def _log_damage(path: Path, mark: Mark) -> str | None:
    """What is wrong with the acknowledged part of the log; None: it is as it was."""
    if not mark.log_bytes:
        return None
    try:
        descriptor = os.open(log_path(path), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return f"the write-ahead log is gone, {mark.log_bytes} bytes of it were acknowledged"
    try:
        size = os.fstat(descriptor).st_size
        if size < mark.log_bytes:
            return f"the write-ahead log has {size} bytes, {mark.log_bytes} were acknowledged"
        if checksum(descriptor, 0, mark.log_bytes) != mark.log_crc:
            return f"the {mark.log_bytes} acknowledged bytes of the write-ahead log were changed"
    finally:
        os.close(descriptor)
    return None

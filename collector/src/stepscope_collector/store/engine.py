"""The settings of a DuckDB connection, and what DuckDB's errors mean.

Nothing but the number of threads may be changed once a connection is made: the last setting locks all others.
User SQL runs on the same engine as the writer, so there is no access to files, no extension is installed or
loaded by itself, and Python variables are no tables. The writer registers its Arrow batches by
name instead, which stays possible.
"""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import duckdb
from arro3.core import RecordBatch, RecordBatchReader

from stepscope_collector.config import StoreConfig
from stepscope_collector.errors import (
    DatabaseDamaged,
    DatabaseLocked,
    NewerSchema,
    NotFound,
    StepscopeError,
    StoreOutOfMemory,
    StoreUnavailable,
    Unwritable,
)
from stepscope_collector.store.lock import locked

__all__ = [
    "BLOCK_BYTES",
    "DATABASE",
    "LATE_ROWS",
    "ROW_GROUP_ROWS",
    "Connection",
    "EngineError",
    "Interrupted",
    "arrow_batches",
    "checkpoint",
    "connect",
    "connect_again",
    "connect_released",
    "damage_in",
    "has_stopped",
    "is_before_2",
    "once_released",
    "refusal",
    "tokens_of",
]

Connection = duckdb.DuckDBPyConnection
EngineError = duckdb.Error
"""Every error of DuckDB; rooms above the store catch it under this name."""
Interrupted = duckdb.InterruptException
"""A statement was stopped by `interrupt()`."""

DATABASE: Final = "stepscope"
"""Name of the database in statements, whatever its file is called."""
_USE: Final = f"use {DATABASE}"

_HOLDER = re.compile(r"\(PID (\d+)\)")
_OUR_OTHER_CONNECTION = (
    "with a different configuration than existing connections",
    "is already attached by database",
)
_NEWER_FILE = "created with an newer version of DuckDB"
_NEWER_FORMAT = "but we can only read versions"
_UNREACHABLE = ("Permission denied", "Is a directory", "Read-only file system", "No space left")

_IN_STREAM = "C Data interface error: "
_KINDS: Final[dict[str, type[duckdb.Error]]] = {
    "FATAL Error": duckdb.FatalException,
    "INTERRUPT Error": duckdb.InterruptException,
    "IO Error": duckdb.IOException,
}
"""What a caller tells apart, by how its text begins."""
_INVALIDATED = "has been invalidated"
_OTHERS_WRITE = "other write transactions active"
_WRITERS_END_WITHIN_S = 2.0
_BETWEEN_S = 0.01

_DAMAGE = re.compile(
    r"Corrupt (database|WAL) file|Failure while replaying WAL file|not a valid DuckDB database file"
    r"|does not match stored checksum|Could not read enough bytes|[Dd]eserializ",
)
_NO_DAMAGE = (
    duckdb.OutOfMemoryException,
    duckdb.InterruptException,
    # A statement of a user can end in these with any text.
    duckdb.InvalidInputException,
    duckdb.ConversionException,
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ParserException,
)
_PASSING = (
    duckdb.IOException,
    duckdb.OutOfMemoryException,
    duckdb.FatalException,
    duckdb.ConnectionException,
    duckdb.TransactionException,
)
"""What may pass by itself: a full or read-only disk, memory at its limit (OTLP checklist H17)."""

BLOCK_BYTES: Final = 131_072
"""Size of a block in files that are made from now on; others keep theirs."""
ROW_GROUP_ROWS: Final = 15 * 2048
"""Rows of a row group that is made from now on, a quarter of DuckDB's own. A commit of as many rows of a table, or
a multiple, goes to the file at once and not through the log (decision 9)."""
LATE_ROWS: Final = 1001
"""Limit up to which DuckDB finds the rows of a sorted list before it reads them (its own default: 50)."""


def is_before_2() -> bool:
    """Whether this is DuckDB 1, which a few things work differently with."""
    return int(duckdb.__version__.partition(".")[0]) < 2


def checkpoint(connection: Connection, within_s: float = _WRITERS_END_WITHIN_S) -> None:
    """Move the write-ahead log into the file, as soon as nobody else writes.

    Args:
        connection: without a transaction.
        within_s: for so long somebody else may go on writing; then the engine's error is raised.
    """
    deadline_s = time.monotonic() + within_s
    while True:
        try:
            connection.execute("checkpoint")
        except duckdb.TransactionException as error:
            if _OTHERS_WRITE not in str(error) or time.monotonic() > deadline_s:
                raise
            time.sleep(_BETWEEN_S)
        else:
            return


def arrow_batches(relation: duckdb.DuckDBPyRelation) -> Iterator[RecordBatch]:
    """The rows of a relation, batch by batch.

    Raises:
        EngineError: as a statement would. The Arrow C stream interface hands on only its text, and readers of it know
            no error of DuckDB.
    """
    try:
        yield from RecordBatchReader.from_arrow(relation)
    except duckdb.Error:
        raise
    except Exception as error:
        _, is_of_engine, text = str(error).partition(_IN_STREAM)
        if not is_of_engine:
            raise
        raise _KINDS.get(text.partition(":")[0], duckdb.Error)(text) from error


def tokens_of(statement: str) -> Iterator[tuple[str, str]]:
    """Kind (keyword, identifier, operator, …) and text of each of DuckDB's tokens, without comments."""
    text = statement.encode()
    # Offsets are of bytes. A token reaches to the next one, blanks and comments between them aside.
    found = duckdb.tokenize(statement)
    ends = [*(start for start, _ in found[1:]), len(text)]
    for (start, kind), end in zip(found, ends, strict=False):
        if kind != duckdb.token_type.comment:
            yield kind.name, text[start:end].decode(errors="replace").strip()


def has_stopped(error: BaseException) -> bool:
    """Whether the engine refuses all further work until the file is opened again."""
    # of an attached file DuckDB 2 says so in words, in whatever comes after a checkpoint that failed
    is_said = isinstance(error, duckdb.IOException) and _INVALIDATED in str(error)
    return is_said or isinstance(error, duckdb.FatalException)


def refusal(error: EngineError) -> StoreUnavailable | Unwritable:
    """What senders are told when the engine refuses their rows."""
    said = str(error).strip().partition("\n")[0]
    if isinstance(error, _PASSING):
        is_memory = isinstance(error, duckdb.OutOfMemoryException)
        kind = StoreOutOfMemory if is_memory else StoreUnavailable
        return kind(f"the store cannot commit now: {said}")
    return Unwritable(f"the store refuses these rows: {said}")


def damage_in(error: BaseException) -> str | None:
    """What DuckDB says is broken in the file or its log; None: the error means something else."""
    text = str(error).strip().partition("\n")[0]
    is_damage = isinstance(error, duckdb.Error) and not isinstance(error, _NO_DAMAGE)
    return text if is_damage and _DAMAGE.search(text) else None


def connect(path: Path | None, config: StoreConfig, *, read_only: bool = False) -> Connection:
    """A connection with all settings made and locked; None: a database in memory.

    The file is attached, as only so the size of its row groups can be chosen; further connections are made by
    `connect_again`.

    Raises:
        DatabaseLocked: a process, this one included, has the file open.
        DatabaseDamaged: the file is no DuckDB database, or a broken one.
        NewerSchema: a newer DuckDB wrote the file.
        NotFound: there is no file and `read_only` is asked for.
        StoreUnavailable: the file cannot be reached.
    """
    try:
        connection = duckdb.connect(":memory:", config=_options(path, config))
    except duckdb.Error as error:
        raise _meaning(error, path) from error
    try:
        try:
            _attach(connection, path, read_only=read_only)
        except duckdb.Error as error:
            raise _meaning(error, path) from error
        connection.execute("set global timezone = 'UTC'")
        # DuckDB 2.0.0 drops a LIMIT over a join with a shared subplan that it knows to be empty:
        # `from execution_logs limit 2` gave 5 rows while there were no spans. 1.5 has no such
        # optimizer and refuses its name.
        with suppress(duckdb.ParserException, duckdb.InvalidInputException):
            connection.execute("set global disabled_optimizers = 'common_subplan'")
        if not read_only and path is not None:
            # Who closes decides: a file found damaged is to be set aside as it was.
            connection.execute("pragma disable_checkpoint_on_shutdown")
        if path is not None:
            # Backups are written there; no statement of a user may name a file (query/guard.py).
            directory = _quoted(path.absolute().with_name(f"{path.name}.backup"))
            connection.execute(f"set allowed_directories = [{directory}]")
        # Not among the options: DuckDB 1.5 refuses the temporary directory after it.
        connection.execute("set enable_external_access = false")
        with suppress(duckdb.CatalogException):  # 1.5 does not know it, and keeps its threads
            connection.execute("set allowed_configs = ['threads']")  # see threads.py
        connection.execute("set lock_configuration = true")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_again(connection: Connection) -> Connection:
    """One more connection to the database of a connection that `connect` made, without a transaction."""
    other = connection.cursor()
    try:
        other.execute(_USE)
    except BaseException:
        other.close()
        raise
    return other


def _options(
    path: Path | None, config: StoreConfig
) -> dict[str, str | bool | int | float | list[str]]:
    options: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{config.memory_limit_bytes}B",
        # Beside the file; nowhere for a database in memory.
        "temp_directory": "" if path is None else f"{path}.tmp",
        "checkpoint_threshold": f"{config.checkpoint_threshold_bytes}B",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "python_enable_replacements": False,
        # Of a new file, half of DuckDB's own: for one execution a block of each of forty columns is read (decision 9).
        "default_block_size": str(BLOCK_BYTES),
        # Of a sorted list with a limit up to this, only the rows that are answered are read whole.
        "late_materialization_max_rows": LATE_ROWS,
    }
    if path is not None:
        options["max_temp_directory_size"] = f"{config.temp_limit_bytes}B"
    if config.threads:
        options["threads"] = config.threads
    return options


def _attach(connection: Connection, path: Path | None, *, read_only: bool) -> None:
    place = "':memory:'" if path is None else _quoted(path.absolute())
    how = "read_only" if read_only else f"row_group_size {ROW_GROUP_ROWS}"
    connection.execute(f"attach {place} as {DATABASE} (type duckdb, {how})")
    connection.execute(_USE)


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def connect_released(path: Path, config: StoreConfig, within_s: float) -> Connection:
    """A connection to a file that was attached to another, once every question has let go of it.

    A question about the catalogue or about sizes holds all that was attached when it began.

    Args:
        path: of a file that is detached.
        config: of the connection.
        within_s: for so long questions may hold it.

    Raises:
        StoreUnavailable: one holds it for longer.
    """
    try:
        return once_released(lambda: connect(path, config), within_s)
    except DatabaseLocked as error:
        raise StoreUnavailable(
            f"a question holds the copy for more than {within_s:.0f} s",
            hint="try again when it has ended",
        ) from error


def once_released(connect: Callable[[], Connection], within_s: float) -> Connection:
    """What `connect` gives, tried again for so many seconds while it finds the file locked; then DatabaseLocked."""
    deadline_s = time.monotonic() + within_s
    while True:
        try:
            return connect()
        except DatabaseLocked:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(_BETWEEN_S)


def _meaning(error: duckdb.Error, path: Path | None) -> StepscopeError:
    text = str(error)
    reason = text.splitlines()[0].partition(": ")[2] or text
    if holder := _HOLDER.search(text):
        return locked(path, int(holder[1]))
    if any(sign in text for sign in _OUR_OTHER_CONNECTION):
        return locked(path, os.getpid())
    if "database does not exist" in text:
        return NotFound(
            f"there is no database at {path}",
            hint="start `stepscope serve`, or name its directory with --data",
        )
    if _NEWER_FILE in text or _NEWER_FORMAT in text:
        return NewerSchema(
            f"{path} was written by a newer version of DuckDB than {duckdb.__version__}",
            hint="upgrade: pip install --upgrade stepscope-collector duckdb",
        )
    if any(sign in text for sign in _UNREACHABLE):
        return StoreUnavailable(
            f"{path} cannot be opened: {reason}",
            hint="check the directory's owner, rights and free space, or choose another with --data",
        )
    return DatabaseDamaged(
        f"{path} cannot be opened as a database: {reason}",
        hint="put back a copy, or move the file and its .wal away to start a new history",
    )

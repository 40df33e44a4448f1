"""User SQL: runs behind the guard, within limits on time and rows, and comes out in batches.

At most one batch of an answer is in memory, however long the answer is. Memory of the engine is
limited for the whole store.
"""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from stepscope_collector.config import SqlConfig
from stepscope_collector.errors import BadRequest, Overloaded, QueryRefused
from stepscope_collector.query.arrow import arrow_chunks, parquet_chunks
from stepscope_collector.query.guard import Checked, check_statement, refusal
from stepscope_collector.query.types import Converter, converted, converter, textual
from stepscope_collector.store import Connection, Database, EngineError, Interrupted

__all__ = ["Column", "RunningSql", "Stopper", "run_sql"]

_BATCH_BYTES: Final = 256 * 1024
_MAX_BATCH_ROWS: Final = 4096
_NAME: Final = re.compile(r"[A-Za-z_]\w*|\d+")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an answer; `type` is DuckDB's name of it."""

    name: str
    type: str


@dataclass(slots=True)
class RunningSql:
    """A statement that runs. Columns are known at once, the other facts when batches() has ended."""

    columns: list[Column]
    row_count: int = 0
    is_truncated: bool = False
    """There were more rows than max_rows."""
    batch_rows: int = 64
    """Rows of the next batch; see `adjust`."""
    started_s: float = field(default_factory=time.monotonic)
    _connection: Connection | None = None
    _converters: list[Converter] = field(default_factory=list)
    _max_rows: int | None = None
    _arrow: Any = None

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds since it was started."""
        return round((time.monotonic() - self.started_s) * 1000, 3)

    def batches(self) -> Iterator[list[list[Any]]]:
        """The rows in batches, values as in JSON (query/types.py)."""
        assert self._connection is not None
        left = self._max_rows
        while left is None or left > 0:
            count = self.batch_rows if left is None else min(left, self.batch_rows)
            rows = self._connection.fetchmany(count)
            if not rows:
                return
            left = None if left is None else left - len(rows)
            self.row_count += len(rows)
            yield converted(rows, self._converters)
        self.is_truncated = bool(self._connection.fetchmany(1))

    def adjust(self, rows: int, size_bytes: int) -> None:
        """Size the next batch by the last one: `rows` of it became so many bytes."""
        per_row = max(1, size_bytes // max(1, rows))
        self.batch_rows = max(1, min(_MAX_BATCH_ROWS, 2 * self.batch_rows, _BATCH_BYTES // per_row))

    def arrow(self) -> Iterator[bytes]:
        """The answer as an Arrow IPC stream, in pieces."""
        return arrow_chunks(self._arrow, self._max_rows)

    def parquet(self) -> Iterator[bytes]:
        """The answer as a Parquet file, in pieces."""
        return parquet_chunks(self._arrow, self._max_rows)


class Stopper:
    """Stops a statement from another thread, also before it has begun."""

    def __init__(self) -> None:
        self.is_stopped = False
        self._connection: Connection | None = None

    def stop(self) -> None:
        """Interrupt the statement; it ends with QueryRefused."""
        self.is_stopped = True
        if (connection := self._connection) is not None:
            connection.interrupt()

    def watch(self, connection: Connection | None) -> None:
        """Take the connection to interrupt; None: it is done."""
        self._connection = connection
        if connection is not None and self.is_stopped:
            raise QueryRefused("the statement was stopped")


@contextmanager
def run_sql(
    database: Database,
    config: SqlConfig,
    statement: str,
    params: Mapping[str, Any] | None = None,
    *,
    max_rows: int | None = None,
    is_arrow: bool = False,
    stopper: Stopper | None = None,
) -> Iterator[RunningSql]:
    """Run a statement that somebody typed; the block reads its answer.

    Args:
        database: to read.
        config: limit on time, for the whole block.
        statement: one SELECT or EXPLAIN (query/guard.py).
        params: values of its `$name` parameters.
        max_rows: rows of the answer at most; None: all.
        is_arrow: the block calls arrow() or parquet() and not batches().
        stopper: stops the statement when its client has gone.

    Raises:
        QueryRefused: not allowed, wrong, over the memory limit, or stopped.
        QueryTimeout: it, with the block, took longer than config.timeout_s.
        BadRequest: a parameter name or max_rows that makes no sense.
        Overloaded: as many statements as may run at the same time go on after their time.
    """
    if max_rows is not None and max_rows < 1:
        raise BadRequest(f"max_rows={max_rows} is out of range", hint="1 or more, or leave it out")
    for name in params or {}:
        if not _NAME.fullmatch(name):
            raise BadRequest(f"{name!r} is no name of a parameter", hint="letters, digits and _")
    if (overdue := database.overdue) >= config.max_concurrent:
        raise Overloaded(
            f"{overdue} statements of users go on after their time, limit {config.max_concurrent}",
            hint="nothing ends them: try again later, or start the server again",
        )
    stopper = stopper or Stopper()
    try:
        with database.read_user_sql(config.timeout_s or None) as connection:
            stopper.watch(connection)
            try:
                checked = check_statement(connection, statement, params)
                yield _start(connection, checked, dict(params or {}), max_rows, is_arrow=is_arrow)
            finally:
                stopper.watch(None)
    except Interrupted as error:
        raise QueryRefused("the statement was stopped") from error
    except EngineError as error:
        raise _without_paths(refusal(error), database.path) from error


def _start(
    connection: Connection,
    checked: Checked,
    params: dict[str, Any],
    max_rows: int | None,
    *,
    is_arrow: bool,
) -> RunningSql:
    given = params or None
    if checked.kind == "explain":
        connection.execute(checked.sql, given)
        columns = [Column(name, "VARCHAR") for name, *_ in connection.description or ()]
        if is_arrow:
            raise BadRequest("EXPLAIN has no arrow and no parquet format", hint="ask for json")
        return RunningSql(
            columns, _connection=connection, _converters=[str] * len(columns), _max_rows=max_rows
        )
    # Binds and does not run.
    relation = connection.sql(checked.sql, params=given)
    columns = [
        Column(name, str(kind)) for name, kind in zip(relation.columns, relation.types, strict=True)
    ]
    if is_arrow:
        return RunningSql(columns, _arrow=relation, _max_rows=max_rows)
    casts = [textual(kind) for kind in relation.types]
    converters = [converter(kind) for kind in relation.types]
    del relation
    connection.execute(_cast(checked.sql, casts) if any(casts) else checked.sql, given)
    return RunningSql(columns, _connection=connection, _converters=converters, _max_rows=max_rows)


def _cast(statement: str, casts: list[str | None]) -> str:
    """The statement with its columns cast; names of the columns are ours, types are DuckDB's."""
    names = [f"c{number}" for number in range(len(casts))]
    values = (f"cast({n} as {t})" if t else n for n, t in zip(names, casts, strict=True))
    return f"select {', '.join(values)} from (\n{statement}\n) as t({', '.join(names)})"  # noqa: S608  # checked before


def _without_paths(error: QueryRefused, path: Path | None) -> QueryRefused:
    message = error.message
    if path is not None:
        message = message.replace(str(path.parent), "…")
    return QueryRefused(message.replace(str(Path.home()), "~"), hint=error.hint)

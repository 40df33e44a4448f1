"""Bounds the log records of one execution (R090): what comes beyond the limits is refused and counted.

How much each execution has is remembered, so that a commit counts only what it brings; what was stored
before is read once, at the first log record. Remembered are the executions that logged last: one that
is silent until so many others have logged, or that ended more than a day before a start, begins anew.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from arro3.core import Array, DataType, Table

from stepscope_collector.store.engine import Connection
from stepscope_collector.store.statements import Prepared

__all__ = ["UNLIMITED", "LogDrop", "LogLimit", "LogLimiter", "Over", "note_drops"]

_REMEMBERED: Final = 100_000
"""Executions; about 200 bytes each."""
_YOUNG: Final = timedelta(days=1)
_ALL: Final = 2**62
_REASON: Final = "too_many_log_records"


class LogLimit(NamedTuple):
    """What one execution may have; 0: any number."""

    row_count: int = 0
    size_bytes: int = 0
    """Of bodies and attributes as text."""

    @property
    def is_set(self) -> bool:
        """Whether anything is limited."""
        return bool(self.row_count or self.size_bytes)

    def message(self, key: str) -> str:
        """What users are told of an execution beyond it."""
        limits = " or ".join(
            f"limits.execution_log_{name}={value}"
            for name, value in (("records", self.row_count), ("bytes", self.size_bytes))
            if value
        )
        return (
            f"execution {key} has more log records than {limits} allows; "
            "log less, or raise it; view log_drops counts what is refused"
        )


UNLIMITED: Final = LogLimit()


class LogDrop(NamedTuple):
    """Log records of one execution that a commit refuses."""

    execution_id: str | None
    trace_id: str | None
    """Hex, where they name no execution."""
    dropped_count: int
    message: str


@dataclass(frozen=True, slots=True)
class Over:
    """What of a batch of log records is beyond the limit."""

    kept: Any
    """The rest as an Arrow table; None: nothing is left."""
    drops: list[LogDrop]
    places: list[int]
    """Of the refused records in the batch, ascending."""


@dataclass(slots=True)
class LogLimiter:
    """The counts of one database, on the writer's connection."""

    connection: Connection
    limit: LogLimit
    _known: dict[str, tuple[int, int]] = field(default_factory=dict)
    _pending: dict[str, tuple[int, int]] = field(default_factory=dict)
    _is_loaded: bool = False
    _sql: Prepared = field(init=False)

    def __post_init__(self) -> None:
        self._sql = Prepared(self.connection)

    def use(self, connection: Connection) -> None:
        """Go on with another connection to the same history."""
        self.connection = connection
        self._sql = Prepared(connection)

    def over(self, rows: Any, now: datetime) -> Over | None:
        """What of the rows is beyond the limit; None: nothing. `committed` must follow a commit.

        Args:
            rows: the log records of a commit as an Arrow table, inside its transaction.
            now: UTC time of the commit.
        """
        self._pending = {}
        self._load(now)
        full: list[tuple[str, int, int]] = []
        for key, row_count, size_bytes in self._counted(rows):
            before = self._known.get(key, (0, 0))
            room = _room(self.limit, before)
            self._pending[key] = (before[0] + row_count, before[1] + size_bytes)
            if row_count > room[0] or size_bytes > room[1]:
                full.append((key, *room))
        return self._cut(rows, full) if full else None

    def committed(self) -> None:
        """The transaction is on disk."""
        for key, totals in self._pending.items():
            self._known.pop(key, None)  # the newest stand last
            self._known[key] = totals
        self._pending = {}
        while len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]

    def _load(self, now: datetime) -> None:
        if self._is_loaded:
            return
        stored = self._sql.run(
            "log_limit/load", since=now - _YOUNG, is_sized=self.limit.size_bytes > 0
        ).fetchall()
        self._known = {key: (row_count, size_bytes) for key, row_count, size_bytes in stored}
        self._is_loaded = True

    def _counted(self, rows: Any) -> list[tuple[str, int, int]]:
        """Execution (its id, else its trace in hex), log records and their bytes, for each in the rows."""
        if self.limit.size_bytes:
            self.connection.register("incoming_logs", rows)
            counted: list[tuple[str, int, int]] = self._sql.run("log_limit/count").fetchall()
            return counted
        # A statement costs 2 ms of CPU however small the batch is, this 0.1 ms for 512 records.
        table = Table.from_arrow(rows)
        ids = table.column("execution_id").to_pylist()
        counts = Counter(each for each in ids if each is not None)
        if None in ids:
            traces = table.column("trace_id").to_pylist()
            counts.update(
                trace.hex()
                for each, trace in zip(ids, traces, strict=True)
                if each is None and trace is not None
            )
        return [(key, count, 0) for key, count in counts.items()]

    def _cut(self, rows: Any, full: Sequence[tuple[str, int, int]]) -> Over:
        self.connection.register("incoming_logs", rows)
        keys, row_rooms, size_rooms = zip(*full, strict=True)
        found = self._sql.run(
            "log_limit/over",
            keys=list(keys),
            rows=list(row_rooms),
            sizes=list(size_rooms),
            is_sized=self.limit.size_bytes > 0,
        ).fetchall()
        places = [place for place, _, _ in found]
        counts = Counter((execution_id, trace_id) for _, execution_id, trace_id in found)
        drops = [
            LogDrop(execution_id, trace_id, count, self.limit.message(execution_id or trace_id))
            for (execution_id, trace_id), count in counts.items()
        ]
        return Over(_without(rows, places), drops, places)


def note_drops(connection: Connection, drops: Iterable[LogDrop], now: datetime) -> None:
    """Store what a commit has refused, inside its transaction; the first of an execution as a rejection."""
    sql = Prepared(connection)

    def columns(of: Sequence[LogDrop]) -> dict[str, Any]:
        return {
            "execution_ids": [drop.execution_id for drop in of],
            "trace_ids": [drop.trace_id for drop in of],
            "counts": [drop.dropped_count for drop in of],
            "now": now,
        }

    given = list(drops)
    known = set(sql.run("log_limit/add", **columns(given)).fetchall())
    new = [drop for drop in given if (drop.execution_id, drop.trace_id) not in known]
    if new:
        told = columns(new)
        sql.run("log_limit/note", **told)
        del told["execution_ids"]
        sql.run("log_limit/reject", reason=_REASON, messages=[drop.message for drop in new], **told)


def _room(limit: LogLimit, before: tuple[int, int]) -> tuple[int, int]:
    rows, size = (
        max(0, most - used) if most else _ALL for most, used in zip(limit, before, strict=True)
    )
    return rows, size


def _without(rows: Any, places: Sequence[int]) -> Any:
    table = Table.from_arrow(rows).combine_chunks()
    gone = set(places)
    kept = [place for place in range(table.num_rows) if place not in gone]
    if not kept:
        return None
    (batch,) = table.to_batches()
    return Table.from_batches([batch.take(Array(kept, DataType.uint64()))])

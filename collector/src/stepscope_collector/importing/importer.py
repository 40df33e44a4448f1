"""Takes requests of an import in: decoded, mapped and written as if they came now, each row once.

Spans have an identity, and those that are stored are dropped by the write path. Log records and data
points have none but their content: of each there are afterwards as many as the request holds, or as
were stored, whichever is more. A bundle tells when its rows were committed first; that is kept.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TypeVar

from stepscope_collector.decode.batch import Batch, Plan, Rejection, Signal
from stepscope_collector.decode.request import decode_request
from stepscope_collector.decode.streams import table_of
from stepscope_collector.errors import BadRequest, StepscopeError, StoreUnavailable
from stepscope_collector.mapping.group import NewDimensions, RejectionRow, group_of
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.import_writer import ImportWriter, RowTable, rows_at
from stepscope_collector.store.span_writer import Written

__all__ = ["Importer", "Taken", "Work"]

T = TypeVar("T")

_TABLES: Final[dict[Signal, RowTable]] = {"logs": "log_records", "metrics": "metric_points"}
_MAX_TOLD: Final = 20
"""Reasons told of one request."""


class Work(Protocol):
    """Runs something on the writer thread between two commits."""

    def __call__(self, run: Callable[[Committer, Plan], T], /) -> T:
        """What it gives, or raises."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the rows of a request."""

    stored: int
    known: int
    """Stored before."""
    refused: int
    deleted: int = 0
    """Of executions that were deleted, which do not come back."""
    reasons: Any = ()
    """List of texts: why, for the first of them."""


class Importer:
    """Thread-safe.

    Args:
        work: what runs the writing.
        clock: the time in ns since the epoch.
    """

    def __init__(self, work: Work, *, clock: Callable[[], int] = time.time_ns) -> None:
        self._work = work
        self._clock = clock

    def take(
        self,
        signal: Signal,
        payload: bytes,
        source: str,
        ingested: Sequence[Sequence[int]] = (),
    ) -> Taken:
        """Write a request in one transaction; on disk when this returns.

        Args:
            signal: what it carries.
            payload: the request, protobuf.
            source: name of the file, for stored.rejections.
            ingested: [ns since the epoch, rows] when its rows were committed first, in their order;
                empty: now.

        Raises:
            StoreUnavailable: the store cannot be written now; nothing of it was.
            BadRequest: `ingested` are no such times.
        """
        times = _times_of(ingested)

        def write(committer: Committer, plan: Plan) -> Taken:
            return self._write(committer, plan, signal, payload, source, times)

        return self._work(write)

    def _write(
        self,
        committer: Committer,
        plan: Plan,
        signal: Signal,
        payload: bytes,
        source: str,
        times: list[int],
    ) -> Taken:
        # what was taken once is not refused for a limit of today
        unlimited = replace(plan, max_items=0, max_attributes=0)
        try:
            batch = decode_request(signal, payload, "protobuf", unlimited)
        except StepscopeError as error:
            return self._refuse(committer, signal, error, len(payload), source)
        if times and len(times) != batch.row_count + len(batch.rejections):
            raise BadRequest(
                f"{len(times)} times of commit for "
                f"{batch.row_count + len(batch.rejections)} rows of {source}"
            )
        if batch.rejections:
            times = times[:1] * batch.row_count
        try:
            return self._commit(committer, batch, len(payload), source, times)
        except StoreUnavailable:
            raise
        except StepscopeError as error:
            told = self._refuse(committer, signal, error, len(payload), source)
            return replace(told, refused=batch.row_count + len(batch.rejections))

    def _commit(
        self, committer: Committer, batch: Batch, size: int, source: str, times: list[int]
    ) -> Taken:
        now_ns = self._clock() // 1000 * 1000
        now = datetime.fromtimestamp(now_ns / 1e9, UTC).replace(tzinfo=None)
        received = batch.row_count
        refused = len(batch.rejections)
        reasons = tuple(dict.fromkeys(each.message for each in batch.rejections))[:_MAX_TOLD]
        with committer.transaction() as connection:
            writer = ImportWriter(connection)
            if (table := _TABLES.get(batch.signal)) is not None and batch.rows is not None:
                rows = table_of(batch.rows)
                _keep(batch, rows, writer.fresh(table, rows, now))
            rejections = _new_rejections(writer, batch, size, source) if refused else []
            group = group_of([batch], rejections, [], NewDimensions())
            written = committer.write(group, now, now_ns)
            deleted = _deleted(written)
            stored = written.stored if table is None else batch.row_count - deleted
            if times and stored and table is None:
                writer.give_span_times(times, now)
            elif times and stored and table is not None:
                writer.give_row_times(table, times, now)
        return Taken(stored, received - stored - deleted, refused, deleted, reasons)

    def _refuse(
        self, committer: Committer, signal: Signal, error: StepscopeError, size: int, source: str
    ) -> Taken:
        """Note a request that cannot be taken at all."""
        batch = Batch(signal, rejections=[Rejection(error.code, error.message)])
        return self._commit(committer, batch, size, source, [])


def _times_of(ingested: Sequence[Sequence[int]]) -> list[int]:
    try:
        times = [at for at, count in ingested for at in itertools.repeat(int(at), _count(count))]
    except (TypeError, ValueError) as error:
        raise BadRequest("the times of commit are no list of [ns, rows]") from error
    if any(not 0 <= at < 2**63 for at in times):
        raise BadRequest("a time of commit is not between 1970 and 2262")
    return times


def _count(count: Any) -> int:
    if not isinstance(count, int) or not 0 < count <= 10_000_000:
        raise ValueError(count)
    return count


def _keep(batch: Batch, rows: Any, places: list[int]) -> None:
    """Leave only the rows at these places in the batch."""
    if len(places) == batch.row_count:
        return
    batch.row_count = len(places)
    batch.rows = rows_at(rows, places) if places else None
    if not places:
        batch.signs = None


def _deleted(written: Written) -> int:
    return written.deleted + written.deleted_logs + written.deleted_points


def _new_rejections(
    writer: ImportWriter, batch: Batch, size: int, source: str
) -> list[RejectionRow]:
    """Those that an earlier import of the same file has not noted."""
    sender = f"import {source}"
    known = writer.known_rejections(sender)
    return [
        (batch.signal, each, 1, size, sender)
        for each in dict.fromkeys(batch.rejections)
        if (each.reason, each.message, each.trace_id, each.span_id, each.name) not in known
    ]

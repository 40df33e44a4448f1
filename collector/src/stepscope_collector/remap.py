"""History mapped anew with the profiles of now: from the lossless spans, while the server goes on.

A few traces at a time are read as the OTLP they were, taken out and written again as if they came
now, in one transaction of the writer thread between two commits. As the order of arrival does not
matter, the result is that of a collector that had these profiles from the beginning.
"""

import difflib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

from stepscope_collector.decode.batch import Plan
from stepscope_collector.decode.spans import decode_spans
from stepscope_collector.errors import BadRequest, Conflict, NotFound, StoreUnavailable
from stepscope_collector.mapping.group import NewDimensions, group_of
from stepscope_collector.query.otlp import (
    exchange_spans,
    parse_traces,
    read_traces_whole,
    span_ids,
)
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.remap_writer import Remap, RemapWriter, Taken, newest_remap
from stepscope_collector.store.span_writer import Written

__all__ = ["Remap", "RemapProgress", "Remapper", "Work", "progress_of"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

_SPANS_AT_ONCE: Final = 2000
"""Aimed at in one transaction: requests wait for it as for a commit, about 0.3 s."""
_MOST_TRACES: Final = 2000
_TRY_AGAIN_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class RemapProgress:
    """How far a remap is; times in ns since the epoch."""

    state: str
    """running, finished or stopped."""
    asked_at: int
    since_at: int | None
    dialect: str | None
    trace_count: int
    """Traces to look at, when it began."""
    done_count: int
    remapped_count: int
    span_count: int
    failed_count: int
    """Traces that stayed as they were, because that failed."""
    last_error: str | None


def progress_of(remap: Remap) -> RemapProgress:
    """What the faces tell of a remap."""
    return RemapProgress(
        state=remap.state,
        asked_at=remap.remap_id,
        since_at=remap.since_unix_nano or None,
        dialect=remap.dialect,
        trace_count=remap.trace_count,
        done_count=remap.done_count,
        remapped_count=remap.remapped_count,
        span_count=remap.span_count,
        failed_count=remap.failed_count,
        last_error=remap.last_error,
    )


class Work(Protocol):
    """Runs something on the writer thread between two commits."""

    def __call__(self, run: Callable[[Committer, Plan], T], /) -> T:
        """What it gives, or raises."""


class Remapper:
    """One remap after the other. Thread-safe.

    Args:
        work: what runs the chunks.
        clock: the time in ns since the epoch.
    """

    def __init__(self, work: Work, *, clock: Callable[[], int] = time.time_ns) -> None:
        self._work = work
        self._clock = clock
        self._lock = threading.Lock()
        self._is_ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._most_traces = 50
        self._is_careful = False
        """One trace at a time, to find the one that fails."""

    def begin(self, since_ns: int = 0, dialect: str | None = None) -> Remap:
        """Ask for a remap, or for one like it that has not ended to go on.

        Args:
            since_ns: only traces with spans that started at or after this, ns since the epoch.
            dialect: only traces that this profile mapped or would map now; None: all.

        Raises:
            BadRequest: there is no such dialect.
            Conflict: another one has not ended.
            StoreUnavailable: the store cannot be written now.
        """

        def note(committer: Committer, _: Plan) -> Remap:
            with committer.transaction() as connection:
                writer = RemapWriter(connection)
                if dialect is not None and dialect not in committer.mapping.profiles:
                    _check(dialect, [*committer.mapping.profiles, *writer.dialects()])
                known = newest_remap(connection)
                if known is not None and known.state == "running":
                    if (known.since_unix_nano, known.dialect) == (since_ns, dialect):
                        return known
                    raise Conflict(
                        f"a remap of {_asked(known)} is under way",
                        hint="wait for it, or end it with: stepscope remap --stop",
                    )
                writer.begin(self._clock(), since_ns, dialect, self._now())
                begun = newest_remap(connection)
                assert begun is not None
                return begun

        return self._work(note)

    def newest(self) -> Remap | None:
        """The remap that was asked for last; None: there was none."""

        def read(committer: Committer, _: Plan) -> Remap | None:
            committer.ensure_open()
            return newest_remap(committer.connection)

        return self._work(read)

    def stop(self) -> Remap | None:
        """End the remap that goes on; what is mapped anew stays so. None: there was none."""

        def note(committer: Committer, _: Plan) -> Remap | None:
            with committer.transaction() as connection:
                known = newest_remap(connection)
                if known is None or known.state != "running":
                    return known
                stopped = replace(known, state="stopped")
                RemapWriter(connection).advance(stopped, self._now())
                return stopped

        return self._work(note)

    def correct(self, payload: bytes) -> int:
        """Write spans in the place of those that are stored with their ids; how many.

        Args:
            payload: a trace request, protobuf.

        Raises:
            BadRequest: it is none, or its spans cannot be stored.
            NotFound: a span is not stored, so that there is nothing to correct.
            StoreUnavailable: the store cannot be written now.
        """
        try:
            given = parse_traces(payload)
            trace_ids = [UUID(bytes=trace_id) for trace_id, _ in span_ids(given)]
        except ValueError as error:
            raise BadRequest(f"the payload is no request with spans: {error}") from error

        def write(committer: Committer, plan: Plan) -> int:
            with committer.transaction() as connection:
                writer = RemapWriter(connection)
                taken = writer.choose(trace_ids) if trace_ids else None
                if taken is None:
                    raise NotFound("no span with these ids is stored")
                self._again(committer, plan, writer, taken, given)
            return len(trace_ids)

        try:
            return self._work(write)
        except _Refused as error:
            raise BadRequest(f"the spans cannot be corrected: {error}") from error

    def step(self) -> Remap | None:
        """Map the next traces anew; how far it is then. None: no remap was ever asked for.

        Raises:
            StoreUnavailable: the store cannot be written now; nothing of this step was.
        """
        try:
            return self._work(self._step)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - one bad trace must not end it
            if not self._is_careful:
                self._is_careful = True
                return self.newest()
            reason = str(error)
        return self._work(lambda committer, _: self._skip(committer, reason))

    def follow(self) -> None:
        """Go on in a thread of its own until no remap is left to do, or `close`."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._run, name="stepscope-remap", daemon=True
                )
                self._thread.start()

    def close(self) -> None:
        """Leave it where it is; the next `follow` goes on there."""
        self._is_ending.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._is_ending.is_set():
            try:
                remap = self.step()
            except StoreUnavailable as error:
                if not self._is_ending.wait(_TRY_AGAIN_S):
                    logger.warning("remap waits for the store", extra={"error": error.message})
                continue
            if remap is None or remap.state != "running":
                with self._lock:  # so that one that is asked for just now is not left alone
                    if not self._is_running():
                        self._thread = None
                        return

    def _is_running(self) -> bool:
        try:
            remap = self.newest()
        except StoreUnavailable:
            return False
        return remap is not None and remap.state == "running"

    def _step(self, committer: Committer, plan: Plan) -> Remap | None:
        with committer.transaction() as connection:
            remap = newest_remap(connection)
            if remap is None or remap.state != "running":
                return remap
            writer = RemapWriter(connection)
            most = 1 if self._is_careful else self._most_traces
            traces = writer.next_traces(remap, most)
            if not traces:
                done = replace(remap, state="finished")
                writer.advance(done, self._now())
                logger.info("remap finished", extra=_report(done))
                return done
            wanted = [trace_id for trace_id, _ in traces]
            if remap.dialect is not None:
                condition = committer.mapping.detects(remap.dialect)
                wanted = writer.only_dialect(wanted, remap.dialect, condition)
            taken = writer.choose(wanted) if wanted else None
            span_count = 0 if taken is None else self._again(committer, plan, writer, taken)
            last_trace, last_start = traces[-1]
            remap = replace(
                remap,
                position_unix_nano=last_start,
                position_trace_id=last_trace,
                done_count=remap.done_count + len(traces),
                remapped_count=remap.remapped_count + len(wanted),
                span_count=remap.span_count + span_count,
            )
            writer.advance(remap, self._now())
        self._is_careful = False
        per_trace = max(span_count, 1) / len(traces)
        self._most_traces = max(1, min(_MOST_TRACES, int(_SPANS_AT_ONCE / per_trace)))
        return remap

    def _skip(self, committer: Committer, reason: str) -> Remap | None:
        """Leave the next trace as it is."""
        with committer.transaction() as connection:
            remap = newest_remap(connection)
            writer = RemapWriter(connection)
            if remap is None or not (traces := writer.next_traces(remap, 1)):
                return remap
            ((trace_id, first_start),) = traces
            remap = replace(
                remap,
                position_unix_nano=first_start,
                position_trace_id=trace_id,
                done_count=remap.done_count + 1,
                failed_count=remap.failed_count + 1,
                last_error=f"trace {trace_id.hex}: {reason}",
            )
            writer.advance(remap, self._now())
        self._is_careful = False
        logger.error("trace not mapped anew", extra={"trace_id": trace_id.hex, "error": reason})
        return remap

    def _again(
        self,
        committer: Committer,
        plan: Plan,
        writer: RemapWriter,
        taken: Taken,
        given: Any = None,
    ) -> int:
        """Take the traces out and write their spans again, `given` in the place of the same; how many."""
        request = read_traces_whole(committer.connection, taken.trace_ids, taken.first, taken.last)
        if given is not None:
            if missing := span_ids(given) - span_ids(request):
                raise NotFound(f"no span {min(missing)[1].hex()} is stored in its trace")
            exchange_spans(request, given)
        # what is stored already is not refused for a limit of today
        unlimited = replace(plan, max_items=0, max_attributes=0)
        batch = decode_spans(request, unlimited)
        if batch.rejections:
            raise _Refused(batch.rejections[0].message)
        count = batch.row_count
        request = read_traces_whole(
            committer.connection, taken.trace_ids, taken.first, taken.last, is_from_log=True
        )
        told = decode_spans(request, unlimited)
        writer.take_out(taken)
        written = Written(0, 0)
        if count:
            group = group_of([batch], [], [], NewDimensions())
            written = committer.write(group, self._now(), self._clock(), may_wait=False)
        if told.rows is not None:
            group = group_of([told], [], [], NewDimensions())
            committer.write_signs(group, self._now(), self._clock())
        if written.stored != count:
            raise _Refused(f"{count - written.stored} of its {count} spans would be lost")
        writer.give_times(taken)
        return count

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock() / 1e9, UTC).replace(tzinfo=None)


class _Refused(Exception):
    """What was read would not be written again as it was."""


def _check(dialect: str, known: Sequence[str]) -> None:
    if dialect not in known:
        near = difflib.get_close_matches(dialect, known, n=1)
        raise BadRequest(
            f"dialect={dialect!r} is no profile, and nothing was mapped by one of that name",
            hint=f"did you mean {near[0]}?" if near else "see: stepscope dialects",
        )


def _asked(remap: Remap) -> str:
    what = "all dialects" if remap.dialect is None else f"dialect {remap.dialect}"
    if not remap.since_unix_nano:
        return what
    since = datetime.fromtimestamp(remap.since_unix_nano / 1e9, UTC)
    return f"{what} since {since.isoformat(timespec='seconds')}"


def _report(remap: Remap) -> dict[str, Any]:
    return {
        "traces": remap.remapped_count, "spans": remap.span_count, "failed": remap.failed_count,
    }  # fmt: skip

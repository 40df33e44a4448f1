"""The writer thread: takes what waits, writes it in one transaction, commits, answers.

A request that is answered already, because it is in the backlog, is never given up: it is tried again
until the store takes it, and one that the store can never take is kept as a file.
"""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from stepscope_collector.admission import Admission
from stepscope_collector.backlog import Backlog
from stepscope_collector.config import IngestConfig
from stepscope_collector.decode.batch import Batch, Plan, Rejection
from stepscope_collector.errors import (
    StepscopeError,
    StoreOutOfMemory,
    StoreUnavailable,
    Unwritable,
)
from stepscope_collector.mapping.group import NewDimensions, group_of
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.known import KnownExecutions
from stepscope_collector.store.span_writer import Written
from stepscope_collector.tee import Tee
from stepscope_collector.telemetry import Telemetry
from stepscope_collector.waiting import Receipt, Waiting, Work, spread
from stepscope_collector.write_queue import Group, WriteQueue, cut_request

__all__ = ["Writer"]

logger = logging.getLogger(__name__)

_REMEMBER_REQUESTS: Final = timedelta(hours=1)
"""Longer than any client retries a request; SDKs give up after seconds, collectors after minutes."""

_RETRY_S: Final = 1.0
"""After which the store is tried again with requests that are answered already."""

_GROWTH: Final = 16
"""After a commit that fits, the next may be larger by this part: what did not fit before is tried again now and then."""


class Writer:
    """The thread that owns the committer.

    Args:
        committer: used by that thread alone.
        plan: of the decoder, as it is now.
        config: limits of a commit, which hold for what was kept for another try, too.
        queue: what waits.
        admission: gets the bytes of requests back that are done with.
        telemetry: counts what became of them.
        tee: sends on what is committed; None: nothing does.
    """

    def __init__(
        self,
        committer: Committer,
        plan: Callable[[], Plan],
        config: IngestConfig,
        queue: WriteQueue,
        admission: Admission,
        telemetry: Telemetry,
        tee: Tee | None,
    ) -> None:
        self._committer = committer
        self._plan = plan
        self._queue = queue
        self._admission = admission
        self._telemetry = telemetry
        self._tee = tee
        self._max_bytes = config.group_max_bytes
        self._max_rows = config.group_max_rows
        self._fitting_rows = self._max_rows
        """As many as the memory of the engine holds in one commit, as far as is known."""
        self._backlog: Backlog | None = None
        self._dimensions = NewDimensions()
        self._generation = committer.generation
        self._last_taken = 0
        """Sequence of the last request taken out of the queue."""
        self._kept: list[Waiting] = []
        """Answered, and the store could not take them; they are tried again."""
        self._unwritable: list[int] = []
        """Answered, and the store will never take them: where they stand in the backlog."""
        self._written = 0
        """Rows that were committed since there was a look at the engine's memory."""
        self._prune_at = 0.0
        self._thread = threading.Thread(target=self._run, name="stepscope-writer", daemon=True)

    @property
    def is_here(self) -> bool:
        """Whether this is its thread."""
        return threading.current_thread() is self._thread

    @property
    def is_behind(self) -> bool:
        """Whether the store has not taken what is answered already."""
        return bool(self._kept)

    @property
    def has_unfolded(self) -> bool:
        """Whether any large trace waits to be folded, as of some moment; for any thread."""
        return self._committer.has_unfolded

    @property
    def known(self) -> KnownExecutions:
        """The executions that it knows of."""
        return self._committer.known

    @property
    def wants_renewal(self) -> bool:
        """Whether the file should be opened anew, as of some moment; for any thread."""
        return self._committer.wants_renewal

    def start(self, backlog: Backlog | None) -> None:
        """Begin; `backlog` is told what is done with."""
        self._backlog = backlog
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait until it has come to the end of its queue; False if it has not in that time."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        retry_at_s = 0.0
        while True:
            left_s = max(0.0, retry_at_s - time.monotonic())
            taken = self._queue.take(left_s if self._kept else None)
            if isinstance(taken, Work):
                taken.do(self._committer, self._plan())
                if not self._kept or time.monotonic() < retry_at_s:
                    continue
                taken = Group([])  # one piece of work after the other must not keep them waiting
            requests = [] if taken is None else taken.requests
            kept, self._kept = self._kept, []
            if kept or requests:
                if requests:
                    last = requests[-1]
                    self._last_taken = last.sequence - 1 if last.is_part else last.sequence
                self._write(deque([*kept, *requests]))
                self._settle()
                retry_at_s = time.monotonic() + _RETRY_S
            if taken is None:
                return
            self._make_room()
            self._forget_requests()

    def _make_room(self) -> None:
        """In the engine's memory, if so many rows were committed; nobody waits for it any more."""
        rows, self._written = self._written, 0
        if self._committer.headroom is not None:
            self._committer.headroom.written(rows)

    def _without_refused(self, requests: list[Waiting]) -> list[Waiting]:
        """The requests without the rest of those that were cut and whose sender knows that the first part has failed."""
        others = []
        for waiting in requests:
            error = _told(waiting.future) if waiting.rows_before else None
            if error is None:
                others.append(waiting)
            else:
                self._fail([waiting], error)
        return others

    def _settle(self) -> None:
        """Nobody needs to wait for what was taken any more, nor is it needed on disk."""
        first = min((waiting.sequence for waiting in self._kept), default=self._last_taken + 1)
        last = first - 1
        if (
            self._backlog is not None
        ):  # first: who waits for the queue may forget what an earlier process left
            unwritable, self._unwritable = self._unwritable, []
            self._backlog.settled(last, unwritable)
        self._queue.settled(last, is_stalled=bool(self._kept))

    def _write(self, left: deque[Waiting]) -> None:
        """Commit these, in as few transactions as may be.

        What was kept is tried again together with what came since, which may be many times what a commit holds. And what the
        memory of the engine holds depends on the spans: those that are folded need several times as much as others. Where two in
        turn fail that cannot be smaller, something else may have the memory: all wait, and next time the second comes last.
        """
        has_failed_alone = False
        while left:
            group = self._without_refused(self._first_of(left))
            if not group:
                continue
            rows = sum(waiting.batch.row_count for waiting in group)
            try:
                self._commit(group)
            except StoreOutOfMemory as error:
                if rows > 1 and (len(group) > 1 or cut_request(group[0], rows // 2)[1] is not None):
                    self._fitting_rows = rows // 2
                    told = {"rows": rows, "error": error.message}
                    logger.warning(
                        "commit does not fit into the memory, fewer rows next", extra=told
                    )
                    left.extendleft(reversed(group))
                    continue
                if has_failed_alone:
                    self._fail([*left, *group], error)
                    return
                self._fail(group, error)
                has_failed_alone = True
            except StoreUnavailable as error:
                self._fail([*group, *left], error)
                return
            except Exception as error:  # noqa: BLE001 one bad request must not take its neighbours with it
                self._split(group, error)
            else:
                has_failed_alone = False
                growth = self._fitting_rows // _GROWTH + 1
                self._fitting_rows = min(self._fitting_rows + growth, self._max_rows)

    def _first_of(self, left: deque[Waiting]) -> list[Waiting]:
        """Takes out what goes into one commit: at least one request, or a part of it."""
        group: list[Waiting] = []
        size = rows = 0
        while left:
            count = left[0].batch.row_count
            size += left[0].payload_bytes
            if group and (rows + count > self._fitting_rows or size > self._max_bytes):
                break
            first = left.popleft()
            if count > self._fitting_rows < self._max_rows:  # else it goes alone
                first, rest = cut_request(first, self._fitting_rows)
                if rest is not None:
                    left.appendleft(rest)
            group.append(first)
            rows += count
        return group

    def _commit_or_split(self, group: list[Waiting]) -> None:
        try:
            self._commit(group)
        except StoreUnavailable as error:
            self._fail(group, error)
        except Exception as error:  # noqa: BLE001 as above
            self._split(group, error)

    def _split(self, group: list[Waiting], error: Exception) -> None:
        """Commit the halves of a group that failed; one request has failed for good."""
        if len(group) > 1:
            middle = len(group) // 2
            self._commit_or_split(group[:middle])
            self._commit_or_split(group[middle:])
            return
        if not isinstance(error, Unwritable):
            logger.error("commit failed", exc_info=error)
        self._fail_for_good(group[0], error)

    def _leave(self, waiting: Waiting) -> None:
        if waiting.is_admitted:
            self._admission.leave(waiting.payload_bytes)

    def _fail_for_good(self, waiting: Waiting, error: Exception) -> None:
        """Answer a request that the store will never take, and note it for the user."""
        failure = error
        if not isinstance(failure, Unwritable):
            failure = Unwritable(f"the collector failed on this request: {error}")
            failure.__cause__ = error
        self._fail([waiting], failure)
        batch = waiting.batch
        if rows := batch.row_count + len(batch.rejections):
            rejection = Rejection(failure.code, failure.message)
            whole = (batch.signal, rejection, rows, waiting.payload_bytes, waiting.sender)
            note = Waiting(
                Batch(batch.signal), 0, waiting.sender, None, Future(), whole, is_admitted=False
            )
            self._commit_or_split([note])

    def _commit(self, group: list[Waiting]) -> None:
        started = time.monotonic_ns()
        self._committer.ensure_open()
        if self._generation != self._committer.generation:
            # A new file has none of them.
            self._dimensions = NewDimensions()
            self._generation = self._committer.generation
        fresh = self._without_repeats(group)
        now_ns = time.time_ns()
        now = datetime.fromtimestamp(now_ns / 1e9, UTC).replace(tzinfo=None)
        batches = [waiting.batch for waiting in fresh]
        rejections = [row for waiting in fresh for row in waiting.rejections()]
        hashes = [w.request_hash for w in fresh if w.request_hash is not None]
        streams = group_of(batches, rejections, hashes, self._dimensions)
        with self._queued_for_tee(fresh):
            written = self._committer.commit(streams, now, now_ns)
        self._written += sum(batch.row_count for batch in batches)
        spread(fresh, written.dropped_logs)
        self._dimensions.committed([*batches, *(b.signs for b in batches if b.signs is not None)])
        elapsed_ns = time.monotonic_ns() - started
        self._queue.committed(elapsed_ns / 1e9)
        self._count(group, fresh, written, elapsed_ns)
        for waiting in group:
            self._leave(waiting)
            if waiting.is_part or waiting.future.done():  # answered when it was on disk
                continue
            with suppress(InvalidStateError):  # just now
                waiting.future.set_result(waiting.receipt())

    @contextmanager
    def _queued_for_tee(self, group: list[Waiting]) -> Iterator[None]:
        """On disk for the tee before the block commits, and sent on if it does."""
        if self._tee is None:
            yield
            return
        self._tee.append(
            [
                w.sent._replace(rows=w.rows_before + w.batch.row_count + len(w.batch.rejections))
                for w in group
                if w.sent is not None
            ]
        )
        try:
            yield
        except BaseException:
            self._tee.discard()
            raise
        self._tee.publish()

    def _forget_requests(self) -> None:
        """Forget old log and metric requests, every ten minutes."""
        if time.monotonic() < self._prune_at:
            return
        self._prune_at = time.monotonic() + 600
        before = datetime.now(UTC).replace(tzinfo=None) - _REMEMBER_REQUESTS
        try:
            self._committer.forget_requests(before)
        except StepscopeError as error:  # the next time will do
            logger.warning("old requests not forgotten", extra={"error": error.message})

    def _without_repeats(self, group: list[Waiting]) -> list[Waiting]:
        """The requests without those that were committed before, as far as hashes can tell."""
        hashes = [w.request_hash for w in group if w.request_hash is not None]
        if not hashes:
            return group
        known = self._committer.known_requests(hashes)
        fresh = []
        for waiting in group:
            if waiting.request_hash is None:
                fresh.append(waiting)
            elif waiting.request_hash not in known:
                known.add(waiting.request_hash)
                fresh.append(waiting)
        return fresh

    def _count(
        self, group: list[Waiting], fresh: list[Waiting], was: Written, elapsed_ns: int
    ) -> None:
        duplicates = Counter[str](traces=was.duplicate)
        written = {id(waiting) for waiting in fresh}
        for waiting in group:
            if id(waiting) not in written:
                duplicates[waiting.batch.signal] += waiting.batch.row_count
        self._telemetry.committed(
            [waiting.settled() for waiting in group if waiting.whole is None],
            duplicates,
            payload_bytes=sum(w.payload_bytes for w in group if w.whole is None),
            elapsed_s=elapsed_ns / 1e9,
            deleted=was.deleted_rows,
        )

    def _fail(self, group: list[Waiting], error: StepscopeError) -> None:
        """Tell those that can still be told; the others are tried again, or kept aside."""
        logger.error("commit refused", extra={"code": error.code, "error": error.message})
        for waiting in group:
            try:
                waiting.future.set_exception(error)
            except InvalidStateError:
                if _told(waiting.future) is None:  # it is answered
                    if error.is_retryable:
                        self._kept.append(waiting)
                        continue
                    self._unwritable.append(waiting.left_as or waiting.sequence)
            self._leave(waiting)
            if waiting.whole is None:
                self._telemetry.failed(waiting.settled(), error.code)


def _told(future: Future[Receipt]) -> StepscopeError | None:
    """The error that the sender of a request was told; None: none, or nothing yet."""
    error = future.exception() if future.done() else None
    return error if isinstance(error, StepscopeError) else None

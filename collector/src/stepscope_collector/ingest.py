"""The write path on one page: admit, decode, group, commit, answer.

A receiver calls `submit` with the bytes of a request. The calling thread admits and decodes them;
one writer thread takes everything that waits, writes it in one transaction, and only after the
commit resolves the futures: an answer of success means the rows are on disk (design: section 4).
"""

import logging
import queue
import threading
import time
from collections import Counter
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Final

from stepscope_collector.admission import Admission
from stepscope_collector.config import IngestConfig
from stepscope_collector.decode.batch import Batch, Encoding, Plan, Rejection, Signal
from stepscope_collector.decode.request import decode_request
from stepscope_collector.errors import (
    Overloaded,
    StepscopeError,
    StoreUnavailable,
    Unwritable,
)
from stepscope_collector.mapping.group import NewDimensions, RejectionRow, group_of
from stepscope_collector.store.commit import Committer
from stepscope_collector.telemetry import Telemetry

__all__ = ["Ingest", "Receipt"]

logger = logging.getLogger(__name__)

_REMEMBER_REQUESTS: Final = timedelta(hours=1)
"""Longer than any client retries a request; SDKs give up after seconds, collectors after minutes."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one request; its rows are committed."""

    accepted: int
    """Rows that are in the store, whether now or before."""
    rejected: int
    """Rows that were refused, each for a reason in `message`."""
    message: str
    """Why rows were refused and what was odd; "" when all is well."""


@dataclass(slots=True)
class _Waiting:
    """One request between decode and answer."""

    batch: Batch
    payload_bytes: int
    sender: str | None
    request_hash: bytes | None
    """Content of a log or metric request; None for spans, which have their own identity."""
    future: Future[Receipt]
    whole: RejectionRow | None = None
    """The request was refused as a whole: what to note of it."""

    def rejections(self) -> list[RejectionRow]:
        """One row per reason."""
        if self.whole is not None:
            return [self.whole]
        counts = Counter(rejection.reason for rejection in self.batch.rejections)
        samples: dict[str, Rejection] = {}
        for rejection in self.batch.rejections:
            samples.setdefault(rejection.reason, rejection)
        return [
            (self.batch.signal, samples[reason], count, self.payload_bytes, self.sender)
            for reason, count in counts.items()
        ]


class Ingest:
    """Takes requests in and answers after their commit. Thread-safe."""

    def __init__(
        self,
        committer: Committer,
        plan: Plan,
        config: IngestConfig,
        max_inflight_bytes: int,
        telemetry: Telemetry,
    ) -> None:
        self._committer = committer
        self._plan = plan
        self._config = config
        self._admission = Admission(max_inflight_bytes)
        self._decoding = threading.Lock()
        """One request is decoded at a time: the decoder holds the interpreter, and threads that
        wait for the interpreter wake every 5 ms to ask for it, threads that wait here do not."""
        self._telemetry = telemetry
        self._dimensions = NewDimensions()
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._held: _Waiting | None = None
        """Taken from the queue, but too large for the group that was being gathered."""
        self._lock = threading.Lock()
        """Nothing is put into the queue behind its end."""
        self._is_closing = False
        self._prune_at = 0.0
        self._expected_requests = 1
        """Most requests under way at one time since the last commit."""
        self._last_commit_s = 0.0
        self._thread = threading.Thread(target=self._run, name="stepscope-writer", daemon=True)
        self._thread.start()

    def submit(
        self, signal: Signal, payload: bytes, encoding: Encoding, sender: str | None = None
    ) -> Future[Receipt]:
        """Decode a request and queue its rows; the future resolves after their commit.

        Args:
            signal: what the request carries.
            payload: the uncompressed request.
            encoding: how it is written.
            sender: address of the sender, for stored.rejections.

        Raises:
            Overloaded: the byte budget is used up.
            PayloadUndecodable: not a request of that signal; it is noted in stored.rejections.
            StoreUnavailable: the collector is shutting down. The future may fail with it, too.
        """
        size = len(payload)
        if not self._admission.enter(size):
            self._telemetry.count_refused(signal, "overloaded", size)
            raise Overloaded(
                f"{size} bytes more would exceed max_inflight_bytes={self._admission.limit}; "
                "try again, or raise limits.max_inflight_bytes"
            )
        try:
            return self._decode_and_queue(signal, payload, encoding, sender)
        except StepscopeError as error:
            self._admission.leave(size)
            self.note_refused(signal, error, size, sender)
            raise
        except BaseException:
            self._admission.leave(size)
            self._telemetry.count_refused(signal, StepscopeError.code, size)
            raise
        finally:
            self._admission.decoded()

    def _decode_and_queue(
        self, signal: Signal, payload: bytes, encoding: Encoding, sender: str | None
    ) -> Future[Receipt]:
        if self._is_closing:
            raise _shutting_down()
        with self._decoding:
            batch = decode_request(signal, payload, encoding, self._plan)
        is_repeatable = signal != "traces" and batch.rows is not None
        request_hash = blake2b(payload, digest_size=16).digest() if is_repeatable else None
        future = self._future(len(payload))
        waiting = _Waiting(batch, len(payload), sender, request_hash, future)
        if batch.rows is None and not batch.rejections:
            future.set_result(_receipt(batch))
        else:
            self._put(waiting)
        return future

    def note_refused(
        self, signal: Signal, error: StepscopeError, payload_bytes: int, sender: str | None
    ) -> None:
        """Count a request that was refused before its rows were known, and note it for the user."""
        self._telemetry.count_refused(signal, error.code, payload_bytes)
        # what a sender repeats, and a flood of bad requests, is counted but not noted
        if not error.is_retryable and self._queue.qsize() < 1000:
            whole = (signal, Rejection(error.code, error.message), 0, payload_bytes, sender)
            waiting = _Waiting(Batch(signal), payload_bytes, sender, None, Future(), whole)
            with suppress(StoreUnavailable):
                self._put(waiting)

    def _put(self, waiting: _Waiting) -> None:
        batch = waiting.batch
        with self._lock:
            if self._is_closing:
                raise _shutting_down()
            rejected = len(batch.rejections)
            self._telemetry.count_rows(
                batch.signal, received=batch.row_count + rejected, rejected=rejected
            )
            self._queue.put(waiting)

    def _future(self, size: int) -> Future[Receipt]:
        future: Future[Receipt] = Future()
        future.set_running_or_notify_cancel()  # a client that goes away cannot cancel a commit
        future.add_done_callback(lambda _: self._admission.leave(size))
        return future

    def drain(self, timeout_s: float) -> bool:
        """Take nothing more in, commit what waits; False if that took longer than the timeout."""
        with self._lock:
            if not self._is_closing:
                self._is_closing = True
                self._queue.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    # The writer thread

    def _run(self) -> None:
        while True:
            group, is_last = self._gather()
            if group:
                self._commit_or_split(group)
            if is_last:
                return
            self._forget_requests()

    def _gather(self) -> tuple[list[_Waiting], bool]:
        """Everything that waits, up to the limits of a group, and whether the queue has ended.

        A commit costs about 30 ms whatever its size, so it is worth waiting for requests that can
        share it: those that are being decoded, and those of senders that were just answered and
        come back, for a quarter of a commit. A sender alone never waits.
        """
        first = self._held or self._queue.get()
        self._held = None
        if first is None:
            return [], True
        group = [first]
        linger_until: float | None = None
        size, rows = first.payload_bytes, first.batch.row_count
        deadline = time.monotonic() + self._config.group_max_wait_ms / 1000
        while True:
            try:
                waiting = self._queue.get_nowait()
            except queue.Empty:
                if self._admission.wait_decoded(deadline):
                    continue
                now = time.monotonic()
                if linger_until is None:
                    linger_until = min(deadline, now + self._last_commit_s / 4)
                if len(group) >= self._expected_requests or now >= linger_until:
                    return group, False
                try:
                    waiting = self._queue.get(timeout=linger_until - now)
                except queue.Empty:
                    return group, False
            if waiting is None:
                return group, True
            size += waiting.payload_bytes
            rows += waiting.batch.row_count
            if size > self._config.group_max_bytes or rows > self._config.group_max_rows:
                self._held = waiting
                return group, False
            group.append(waiting)

    def _commit_or_split(self, group: list[_Waiting]) -> None:
        try:
            self._commit(group)
        except StoreUnavailable as error:
            self._fail(group, error)
        except Exception as error:
            if len(group) > 1:
                # one bad request must not take its neighbours with it
                middle = len(group) // 2
                self._commit_or_split(group[:middle])
                self._commit_or_split(group[middle:])
                return
            if not isinstance(error, Unwritable):
                logger.exception("commit failed")
            self._fail_for_good(group[0], error)

    def _fail_for_good(self, waiting: _Waiting, error: Exception) -> None:
        """Answer a request that the store will never take, and note it for the user."""
        failure = error
        if not isinstance(failure, Unwritable):
            failure = Unwritable(f"the collector failed on this request: {error}")
            failure.__cause__ = error
        self._fail([waiting], failure)
        batch = waiting.batch
        if batch.row_count:
            rejection = Rejection(failure.code, failure.message)
            size = waiting.payload_bytes
            whole = (batch.signal, rejection, batch.row_count, size, waiting.sender)
            note = _Waiting(Batch(batch.signal), 0, waiting.sender, None, Future(), whole)
            self._commit_or_split([note])

    def _commit(self, group: list[_Waiting]) -> None:
        started = time.monotonic_ns()
        fresh = self._without_repeats(group)
        now_ns = time.time_ns()
        now = datetime.fromtimestamp(now_ns / 1e9, UTC).replace(tzinfo=None)
        batches = [waiting.batch for waiting in fresh]
        rejections = [row for waiting in group for row in waiting.rejections()]
        hashes = [w.request_hash for w in fresh if w.request_hash is not None]
        streams = group_of(batches, rejections, hashes, self._dimensions)
        written = self._committer.commit(streams, now, now_ns)
        self._dimensions.committed(batches)
        elapsed_ns = time.monotonic_ns() - started
        self._last_commit_s = elapsed_ns / 1e9
        self._expected_requests = self._admission.peak()
        self._count(group, fresh, written.duplicate, elapsed_ns)
        for waiting in group:
            waiting.future.set_result(_receipt(waiting.batch))

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

    def _without_repeats(self, group: list[_Waiting]) -> list[_Waiting]:
        """The requests without log and metric requests that were committed before."""
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
        self, group: list[_Waiting], fresh: list[_Waiting], duplicate_spans: int, elapsed_ns: int
    ) -> None:
        duplicates = Counter[Signal](traces=duplicate_spans)
        stored = Counter[Signal](traces=-duplicate_spans)
        written = {id(waiting) for waiting in fresh}
        for waiting in group:
            outcome = stored if id(waiting) in written else duplicates
            outcome[waiting.batch.signal] += waiting.batch.row_count
        for signal in {waiting.batch.signal for waiting in group}:
            self._telemetry.count_rows(signal, stored=stored[signal], duplicate=duplicates[signal])
        self._telemetry.count_commit(
            requests=len(group),
            payload_bytes=sum(waiting.payload_bytes for waiting in group),
            elapsed_ns=elapsed_ns,
        )

    def _fail(self, group: list[_Waiting], error: StepscopeError) -> None:
        logger.error("commit refused", extra={"code": error.code, "error": error.message})
        for waiting in group:
            self._telemetry.count_rows(waiting.batch.signal, failed=waiting.batch.row_count)
            waiting.future.set_exception(error)


def _shutting_down() -> StoreUnavailable:
    return StoreUnavailable("the collector is shutting down")


def _receipt(batch: Batch) -> Receipt:
    return Receipt(batch.row_count, len(batch.rejections), batch.message())

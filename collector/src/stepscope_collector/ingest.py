"""The write path on one page: admit, decode, group, commit, answer.

A receiver calls `submit` with the bytes of a request. The calling thread admits and decodes them;
one writer thread takes everything that waits, writes it in one transaction, and only after the
commit resolves the futures: an answer of success means the rows are on disk (design: section 4).
"""

import logging
import queue
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from stepscope_collector.admission import Admission, Quota
from stepscope_collector.config import IngestConfig
from stepscope_collector.decode.batch import Batch, Encoding, Plan, Rejection, Signal
from stepscope_collector.decode.count import count_rows
from stepscope_collector.decode.request import decode_request
from stepscope_collector.errors import (
    Overloaded,
    QuotaExceeded,
    StepscopeError,
    StoreUnavailable,
    Unwritable,
)
from stepscope_collector.mapping.compile import CompiledMapping
from stepscope_collector.mapping.group import NewDimensions, group_of
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.span_writer import Written
from stepscope_collector.tee import Record, Tee
from stepscope_collector.telemetry import Telemetry
from stepscope_collector.telemetry.values import Sample
from stepscope_collector.waiting import Receipt, Waiting, Work, hash_of, shutting_down, spread

__all__ = ["Ingest", "Receipt"]

logger = logging.getLogger(__name__)

_REMEMBER_REQUESTS: Final = timedelta(hours=1)
"""Longer than any client retries a request; SDKs give up after seconds, collectors after minutes."""

_VIA: Final = re.compile(r"[0-9a-f]+(,[0-9a-f]+)*", re.ASCII)
T = TypeVar("T")

_MAX_HOPS: Final = 16
"""Collectors a request is sent on through, at most: a way out of loops of those without memory."""


class Ingest:
    """Takes requests in and answers after their commit. Thread-safe."""

    def __init__(  # noqa: PLR0913 what the process puts together
        self,
        committer: Committer,
        plan: Plan,
        config: IngestConfig,
        max_inflight_bytes: int,
        telemetry: Telemetry,
        *,
        tee: Tee | None = None,
        own_id: str | None = None,
        sender_bytes_per_s: int = 0,
    ) -> None:
        self._tee = tee
        self._own_id = own_id
        """Id that requests carry which this collector has sent out; None: it sends nothing."""
        self._committer = committer
        self._plan = plan
        self._config = config
        self._admission = Admission(max_inflight_bytes)
        self._quota = Quota(sender_bytes_per_s)
        self._decoding = threading.Lock()
        """One request is decoded at a time: the decoder holds the interpreter, and threads that
        wait for the interpreter wake every 5 ms to ask for it, threads that wait here do not."""
        self._telemetry = telemetry
        self._dimensions = NewDimensions()
        self._generation = committer.generation
        self._queue: queue.SimpleQueue[Waiting | Work | None] = queue.SimpleQueue()
        self._held: Waiting | Work | None = None
        """Taken from the queue, but not for the group that was being gathered."""
        self._lock = threading.Lock()
        """Nothing is put into the queue behind its end."""
        self._is_closing = False
        self._prune_at = 0.0
        self._expected_requests = 1
        """Most requests under way at one time since the last commit."""
        self._last_commit_s = 0.0
        self._linger_until: float | None = None
        """How long the group that is being gathered waits for more."""
        self._thread = threading.Thread(target=self._run, name="stepscope-writer", daemon=True)
        self._thread.start()

    def submit(
        self,
        signal: Signal,
        payload: bytes,
        encoding: Encoding,
        sender: str | None = None,
        *,
        transport: str = "",
        via: str = "",
        client: str = "",
    ) -> Future[Receipt]:
        """Decode a request and queue its rows; the future resolves after their commit.

        Args:
            signal: what the request carries.
            payload: the uncompressed request.
            encoding: how it is written.
            sender: address of the sender, for stored.rejections.
            transport: how it came, for the counts.
            via: ids of the collectors that have sent it on, with commas.
            client: whose quota it takes from: the name of a token, or an address.

        Raises:
            QuotaExceeded: the client has sent more than `limits.sender_bytes_per_s`.
            Overloaded: the byte budget is used up.
            PayloadUndecodable: not a request of that signal; it is noted in stored.rejections.
            StoreUnavailable: the collector is shutting down. The future may fail with it, too.
        """
        size = len(payload)
        self._telemetry.received(signal, transport)
        via = via if _VIA.fullmatch(via) else ""
        if self._own_id is not None and self._own_id in via.split(","):
            return self._come_back(signal, payload, encoding, transport)
        if wait_s := self._quota.take(client, size):
            rows = count_rows(signal, payload, encoding)
            self._telemetry.refused(signal, transport, QuotaExceeded.code, size, rows)
            raise QuotaExceeded(
                f"more than limits.sender_bytes_per_s={self._quota.rate} from one sender; "
                f"try again in {wait_s} s, or raise it"
            )
        if not self._admission.enter(size):
            rows = count_rows(signal, payload, encoding)
            self._telemetry.refused(signal, transport, Overloaded.code, size, rows)
            raise self._overloaded(size)
        waiting = Waiting(Batch(signal), size, sender, None, Future(), transport=transport)
        if self._tee is not None and via.count(",") < _MAX_HOPS:
            waiting.sent = Record(signal, encoding, payload, 0, via, time.time_ns())
        try:
            self._decode_and_queue(waiting, payload, encoding)
        except StepscopeError as error:
            self._admission.leave(size)
            rows = count_rows(signal, payload, encoding) if error.is_retryable else None
            self._telemetry.refused(signal, transport, error.code, size, rows)
            self._note(signal, error, size, sender, payload)
            raise
        except BaseException:
            self._admission.leave(size)
            self._telemetry.refused(signal, transport, StepscopeError.code, size, None)
            raise
        finally:
            self._admission.decoded()
        return waiting.future

    def hold(self, size: int) -> None:
        """Take bytes of a request that is being read from the budget; `release` them.

        Raises:
            Overloaded: the byte budget is used up.
        """
        if not self._admission.hold(size):
            raise self._overloaded(size)

    def release(self, size: int) -> None:
        """Give bytes back that `hold` took."""
        self._admission.release(size)

    def _overloaded(self, size: int) -> Overloaded:
        return Overloaded(
            f"{size} bytes more would exceed max_inflight_bytes={self._admission.limit}; "
            "try again, or raise limits.max_inflight_bytes"
        )

    def _decode_and_queue(self, waiting: Waiting, payload: bytes, encoding: Encoding) -> None:
        signal = waiting.batch.signal
        if self._is_closing:
            raise shutting_down()
        request_hash = None if signal == "traces" else hash_of(signal, payload)
        with self._decoding:
            started = time.perf_counter()
            batch = decode_request(signal, payload, encoding, self._plan)
            elapsed_s = time.perf_counter() - started
            waiting.batch = batch
            if batch.rejections or (signal != "traces" and batch.rows is not None):
                waiting.request_hash = request_hash or hash_of(signal, payload)
            waiting.future = self._future(len(payload))
            is_empty = batch.rows is None and not batch.rejections
            if not is_empty:
                self._put(waiting)  # not after the lock: `use` puts its own behind what is decoded
        self._telemetry.observe("stepscope_decode_duration_seconds", elapsed_s, signal)
        if is_empty:
            self._telemetry.answered_empty(signal, waiting.transport)
            waiting.future.set_result(waiting.receipt())

    def _come_back(
        self, signal: Signal, payload: bytes, encoding: Encoding, transport: str
    ) -> Future[Receipt]:
        """Answer a request whose content left from here: all of it is stored."""
        rows = count_rows(signal, payload, encoding)
        self._telemetry.looped(signal, transport, rows)
        future: Future[Receipt] = Future()
        future.set_result(Receipt(rows or 0, 0, ""))
        return future

    def note_refused(
        self,
        signal: Signal,
        error: StepscopeError,
        payload_bytes: int,
        sender: str | None,
        *,
        transport: str = "",
    ) -> None:
        """Count a request that was refused before it was whole, and note it for the user."""
        self._telemetry.received(signal, transport)
        self._telemetry.refused(signal, transport, error.code, payload_bytes, None)
        self._note(signal, error, payload_bytes, sender, None)

    def _note(
        self,
        signal: Signal,
        error: StepscopeError,
        payload_bytes: int,
        sender: str | None,
        payload: bytes | None,
    ) -> None:
        """Put a row for stored.rejections in the queue.

        What a sender is to repeat, and a flood of bad requests, is counted but not noted; nor is
        the repetition of a bad request within the hour.
        """
        if error.is_retryable or self._queue.qsize() >= 1000:
            return
        whole = (signal, Rejection(error.code, error.message), 0, payload_bytes, sender)
        request_hash = None if payload is None else hash_of(f"refused {signal}", payload)
        waiting = Waiting(Batch(signal), payload_bytes, sender, request_hash, Future(), whole)
        with suppress(StoreUnavailable):
            self._put(waiting)

    def _put(self, waiting: Waiting) -> None:
        batch = waiting.batch
        with self._lock:
            if self._is_closing:
                raise shutting_down()
            self._telemetry.queued(batch.signal, batch.row_count + len(batch.rejections))
            self._queue.put(waiting)

    def _future(self, size: int) -> Future[Receipt]:
        future: Future[Receipt] = Future()
        future.set_running_or_notify_cancel()  # a client that goes away cannot cancel a commit
        future.add_done_callback(lambda _: self._admission.leave(size))
        return future

    def between_commits(self, run: Callable[[Committer, Plan], T]) -> T:
        """Have the writer thread do something between two commits; what comes out, or is raised.

        Args:
            run: gets the committer and the plan of the decoder; nothing is committed while it works.

        Raises:
            StoreUnavailable: the collector is shutting down.
        """
        work = Work(run)
        with self._lock:
            if self._is_closing:
                raise shutting_down()
            self._queue.put(work)
        result: T = work.future.result()
        return result

    def use(self, mapping: CompiledMapping) -> None:
        """Map requests with other profiles from now on; those before are mapped as before.

        Raises:
            StoreUnavailable: not now, or the collector is shutting down; all stays as it was.
        """

        def switch(committer: Committer, plan: Plan) -> None:
            committer.use(mapping)
            self._plan = replace(
                plan, span_keys=mapping.plan.span_keys, resource_keys=mapping.plan.resource_keys
            )

        with self._decoding:
            self.between_commits(switch)

    def samples(self) -> dict[str, list[Sample]]:
        """The metrics that describe what is under way."""
        used, requests = self._admission.used()
        return {
            "stepscope_inflight_bytes": [Sample((), used)],
            "stepscope_inflight_requests": [Sample((), requests)],
            "stepscope_inflight_limit_bytes": [Sample((), self._admission.limit)],
        }

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

    def _gather(self) -> tuple[list[Waiting], bool]:
        """Everything that waits, up to the limits of a group, and whether the queue has ended.

        A commit costs about 30 ms whatever its size, so it is worth waiting for requests that can
        share it: those that are being decoded, and those of senders that were just answered and
        come back, for a quarter of a commit. A sender alone never waits.
        """
        first = self._first()
        if first is None:
            return [], True
        group = [first]
        size, rows = first.payload_bytes, first.batch.row_count
        deadline = time.monotonic() + self._config.group_max_wait_ms / 1000
        self._linger_until = None
        while True:
            try:
                waiting = self._next(len(group), deadline)
            except queue.Empty:
                return group, False
            if waiting is None:
                return group, True
            if not isinstance(waiting, Work):
                size += waiting.payload_bytes
                rows += waiting.batch.row_count
                if size <= self._config.group_max_bytes and rows <= self._config.group_max_rows:
                    group.append(waiting)
                    continue
            self._held = waiting
            return group, False

    def _first(self) -> Waiting | None:
        """What the next group begins with, other work done before; None: the queue has ended."""
        while True:
            waiting = self._held or self._queue.get()
            self._held = None
            if not isinstance(waiting, Work):
                return waiting
            waiting.do(self._committer, self._plan)

    def _next(self, count: int, deadline: float) -> Waiting | Work | None:
        """What waits behind a group of so many; queue.Empty when it is not worth waiting for it."""
        while True:
            try:
                return self._queue.get_nowait()
            except queue.Empty:
                if self._admission.wait_decoded(deadline):
                    continue
                now = time.monotonic()
                if self._linger_until is None:
                    self._linger_until = min(deadline, now + self._last_commit_s / 4)
                if count >= self._expected_requests or now >= self._linger_until:
                    raise
                return self._queue.get(timeout=self._linger_until - now)

    def _commit_or_split(self, group: list[Waiting]) -> None:
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
            note = Waiting(Batch(batch.signal), 0, waiting.sender, None, Future(), whole)
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
        spread(fresh, written.dropped_logs)
        self._dimensions.committed([*batches, *(b.signs for b in batches if b.signs is not None)])
        elapsed_ns = time.monotonic_ns() - started
        self._last_commit_s = elapsed_ns / 1e9
        self._expected_requests = self._admission.peak()
        self._count(group, fresh, written, elapsed_ns)
        for waiting in group:
            waiting.future.set_result(waiting.receipt())

    @contextmanager
    def _queued_for_tee(self, group: list[Waiting]) -> Iterator[None]:
        """On disk for the tee before the block commits, and sent on if it does."""
        if self._tee is None:
            yield
            return
        self._tee.append(
            [
                replace(w.sent, rows=w.batch.row_count + len(w.batch.rejections))
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
        logger.error("commit refused", extra={"code": error.code, "error": error.message})
        for waiting in group:
            if waiting.whole is None:
                self._telemetry.failed(waiting.settled(), error.code)
            waiting.future.set_exception(error)

"""The write path on one page: admit, decode, queue; then answer, and group and commit in writer.py.

A receiver calls `submit` with the bytes of a request. The calling thread admits and decodes them and
puts them into two queues. The backlog writes requests to disk, synced, and answers them; the writer
takes everything that waits and writes it in one transaction. An answer of success means that the rows
are on disk and that every question from then on sees them, for questions wait for the writer to catch
up. When much waits, answers wait for the commit as well (docs/decisions/010).
"""

import logging
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from stepscope_collector.admission import Admission, Quota
from stepscope_collector.backlog import Backlog, Unanswered
from stepscope_collector.config import IngestConfig
from stepscope_collector.decode.batch import Batch, Encoding, Plan, Rejection, Signal
from stepscope_collector.decode.count import count_rows
from stepscope_collector.decode.native import gathering
from stepscope_collector.decode.request import decode_request
from stepscope_collector.errors import (
    Overloaded,
    QuotaExceeded,
    StepscopeError,
    StoreUnavailable,
)
from stepscope_collector.mapping.compile import CompiledMapping
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.engine import ROW_GROUP_ROWS
from stepscope_collector.store.known import KnownExecutions
from stepscope_collector.tee import Record, Tee
from stepscope_collector.telemetry import Telemetry
from stepscope_collector.telemetry.values import Sample
from stepscope_collector.waiting import Receipt, Waiting, Work, hash_of, shutting_down
from stepscope_collector.write_queue import WriteQueue
from stepscope_collector.writer import Writer

__all__ = ["Ingest", "Receipt"]

logger = logging.getLogger(__name__)

_VIA: Final = re.compile(r"[0-9a-f]+(,[0-9a-f]+)*", re.ASCII)
T = TypeVar("T")

_FRESH_WITHIN_S: Final = 30.0
"""How long a question waits for what was answered before it; at full load that takes half a second, and some seconds where all spans are folded."""

_REPEAT_WITHIN_S: Final = 300.0
"""For requests that an earlier process left: as many as the budget holds, each in a commit of its own."""

_MOST_NOTES: Final = 1000
"""Bad requests whose note waits for its commit; those beyond are counted only."""

_GROUPS: Final = 8
"""A group of this part of what may be under way is enough where rows are too large for a row group."""

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
        backlog: Path | None = None,
    ) -> None:
        self._tee = tee
        self._own_id = own_id
        """Id that requests carry which this collector has sent out; None: it sends nothing."""
        self._plan = plan
        self._admission = Admission(max_inflight_bytes)
        self._quota = Quota(sender_bytes_per_s)
        self._notes = threading.BoundedSemaphore(_MOST_NOTES)
        self._decoding = threading.Lock()
        """One request is decoded at a time: the decoder holds the interpreter, and threads that
        wait for the interpreter wake every 5 ms to ask for it, threads that wait here do not."""
        self._gathering = gathering()
        """Where the spans of the requests go that wait for their commit, one after the other."""
        self._telemetry = telemetry
        self._limits_logs = committer.log_limit.is_set
        self.waits_for_commits: Callable[[], bool] = lambda: False
        """Whether answers are to wait for commits just now, so that senders become slower."""
        self.taken_bytes = 0
        """Of all requests that were put in the backlog."""
        self._backlog: Backlog | None = None
        self._answered_bytes = min(2 * config.group_max_bytes, max_inflight_bytes // 2)
        """As long as no more than this is under way, answers need not wait for the commit."""
        self._queue = WriteQueue(
            config,
            self._admission,
            answers_first=self._may_answer,
            enough_bytes=self._answered_bytes // _GROUPS,
            row_group=ROW_GROUP_ROWS,
        )
        self._writer = Writer(
            committer,
            lambda: self._plan,
            config,
            self._queue,
            self._admission,
            telemetry,
            tee,
        )
        if backlog is not None:
            self._backlog = Backlog(backlog, self._may_answer, self._queue.wake)
        self._writer.start(self._backlog)
        if self._backlog is not None:
            self._queue.begin_at(self._backlog.next_sequence)
            self._take_left(self._backlog)
            self._backlog.start()

    @property
    def is_busy(self) -> bool:
        """Whether `submit` would wait: for a large request, or for other profiles to be in use."""
        return self._decoding.locked()

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
        if via and not _VIA.fullmatch(via):
            via = ""
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
        record = Record(signal, encoding, payload, 0, via, time.time_ns())
        if self._tee is not None and via.count(",") < _MAX_HOPS:
            waiting.sent = record
        try:
            self._decode_and_queue(waiting, payload, encoding, record)
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

    def _decode_and_queue(
        self, waiting: Waiting, payload: bytes, encoding: Encoding, record: Record | None
    ) -> None:
        signal = waiting.batch.signal
        if self._queue.is_closing:
            raise shutting_down()
        request_hash = None if signal == "traces" else hash_of(signal, payload)
        with self._decoding:
            started = time.perf_counter()
            batch = decode_request(signal, payload, encoding, self._plan, self._gathering)
            elapsed_s = time.perf_counter() - started
            waiting.batch = batch
            if batch.rejections or (signal != "traces" and batch.rows is not None):
                waiting.request_hash = request_hash or hash_of(signal, payload)
            # a client that goes away cannot cancel a commit
            waiting.future.set_running_or_notify_cancel()
            is_empty = batch.rows is None and not batch.rejections
            if not is_empty:
                # not after the lock: `use` puts its own behind what is decoded
                self._put(waiting, record)
        self._telemetry.observe("stepscope_decode_duration_seconds", elapsed_s, signal)
        if is_empty:
            self._telemetry.answered_empty(signal, waiting.transport)
            self._admission.leave(len(payload))
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
        rows: int | None = None,
    ) -> None:
        """Count a request that was refused before `submit`, and note it for the user.

        Args:
            signal: what it carries.
            error: why.
            payload_bytes: its size, as far as it was read.
            sender: its address.
            transport: how it came.
            rows: what it holds; None: it was not read.
        """
        self._telemetry.received(signal, transport)
        self._telemetry.refused(signal, transport, error.code, payload_bytes, rows)
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
        if error.is_retryable or not self._notes.acquire(blocking=False):
            return
        whole = (signal, Rejection(error.code, error.message), 0, payload_bytes, sender)
        request_hash = None if payload is None else hash_of(f"refused {signal}", payload)
        waiting = Waiting(
            Batch(signal), payload_bytes, sender, request_hash, Future(), whole, is_admitted=False
        )
        waiting.future.add_done_callback(lambda _: self._notes.release())
        try:
            self._put(waiting)
        except StoreUnavailable as error:
            waiting.future.set_exception(error)

    def _put(self, waiting: Waiting, record: Record | None = None) -> None:
        """Into the queue of the writer, and into the backlog what is answered before its commit."""
        batch = waiting.batch
        # which log records are beyond a limit only the commit can tell
        is_awaited = batch.signal == "logs" and self._limits_logs

        def place() -> None:
            self._telemetry.queued(batch.signal, batch.row_count + len(batch.rejections))
            if self._backlog is not None and record is not None and not is_awaited:
                placed = record._replace(sequence=waiting.sequence)
                self.taken_bytes += waiting.payload_bytes
                self._backlog.put(Unanswered(placed, waiting.future, waiting.receipt()))

        self._queue.put(waiting, place, is_awaited=is_awaited)

    def _may_answer(self) -> bool:
        """Whether what is on disk may be answered before its commit."""
        return (
            self._backlog is not None
            and not self._backlog.is_failing
            and not self._writer.is_behind
            and not self.waits_for_commits()
            and self._admission.used()[0] <= self._answered_bytes
        )

    def _take_left(self, backlog: Backlog) -> None:
        """Commit the requests that an earlier process has answered and not committed."""
        count = 0
        # Their commit was interrupted, or was noted nowhere yet: they are sent on once all the same.
        sent = set() if self._tee is None else self._tee.received()
        for record in backlog.left():
            while not self._admission.enter(size := len(record.body)):
                if not self._queue.catch_up(_REPEAT_WITHIN_S):
                    return
            self._telemetry.received(record.signal, "backlog")
            waiting = Waiting(
                Batch(record.signal), size, None, None, Future(), transport="backlog",
                left_as=record.sequence, sent=None if self._tee is None or record.received_ns in sent
                or record.via.count(",") >= _MAX_HOPS else record,
            )  # fmt: skip
            try:
                self._decode_and_queue(waiting, record.body, record.encoding, None)
            except StepscopeError as error:  # it was taken once
                logger.exception("request of the backlog not taken", extra={"error": error.message})
                return
            finally:
                self._admission.decoded()
            with suppress(InvalidStateError):
                waiting.future.set_result(waiting.receipt())
            count += 1
        if count:
            logger.info("requests of the backlog are committed", extra={"requests": count})
        if self._queue.catch_up(_REPEAT_WITHIN_S):
            backlog.forget_left()

    @property
    def has_unfolded(self) -> bool:
        """Whether any large trace waits to be folded, as of some moment."""
        return self._writer.has_unfolded

    @property
    def known(self) -> KnownExecutions:
        """The executions that the writer knows of, to be filled beside it."""
        return self._writer.known

    @property
    def wants_renewal(self) -> bool:
        """Whether the file should be opened anew, as of some moment."""
        return self._writer.wants_renewal

    def between_commits(self, run: Callable[[Committer, Plan], T]) -> T:
        """Have the writer thread do something between two commits; what comes out, or is raised.

        Args:
            run: gets the committer and the plan of the decoder; nothing is committed while it works.

        Raises:
            StoreUnavailable: the collector is shutting down.
        """
        work = Work(run)
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

    def catch_up(self, timeout_s: float = _FRESH_WITHIN_S) -> bool:
        """Wait until all that was answered is committed, as questions do; whether it was in time.

        Without a backlog that is so at any time. While the store cannot be written nobody waits.
        """
        if self._backlog is None or self._writer.is_here:
            return True
        return self._queue.catch_up(timeout_s)

    def drain(self, timeout_s: float) -> bool:
        """Take nothing more in, commit what waits; False if that took longer than the timeout."""
        self._queue.end()
        if not self._writer.join(timeout_s):
            return False
        if self._backlog is not None:
            self._backlog.close()
        return True

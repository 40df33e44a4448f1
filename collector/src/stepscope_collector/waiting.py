"""What waits for the writer thread: decoded requests, and other work to be done between commits."""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, NamedTuple

from stepscope_collector.decode.batch import Batch, Plan, Rejection
from stepscope_collector.decode.streams import cut
from stepscope_collector.errors import StoreUnavailable
from stepscope_collector.mapping.group import RejectionRow
from stepscope_collector.store.commit import Committer
from stepscope_collector.tee import Record
from stepscope_collector.telemetry import Settled

__all__ = ["Receipt", "Waiting", "Work", "hash_of", "shutting_down", "spread"]


class Receipt(NamedTuple):
    """What became of one request; its rows are committed."""

    accepted: int
    """Rows that are in the store, whether now or before."""
    rejected: int
    """Rows that were refused, each for a reason in `message`."""
    message: str
    """Why rows were refused and what was odd; "" when all is well."""


@dataclass(slots=True)
class Waiting:
    """One request between decode and answer."""

    batch: Batch
    payload_bytes: int
    sender: str | None
    request_hash: bytes | None
    """Hash of the content of a request whose repetition would store a row again: log records,
    points and rejections. None for spans, which have their own identity."""
    future: Future[Receipt]
    whole: RejectionRow | None = None
    """The request was refused as a whole, and answered: what to note of it."""
    transport: str = ""
    sent: Record | None = None
    """What the tee sends on; None without a tee."""
    is_admitted: bool = True
    """It takes its bytes of the budget until it is committed or has failed."""
    sequence: int = 0
    """Its place among all requests; given by the queue of the writer."""
    left_as: int = 0
    """Its place among those that an earlier process answered and left; 0: it came to this one."""
    received_s: float = field(default_factory=time.monotonic)
    dropped_logs: int = 0
    """Its log records beyond the limit of their execution."""
    rows_before: int = 0
    """Those that were cut off it and go before."""
    is_part: bool = False
    """It was cut off a request, which is answered after the rest of it."""

    def cut(self, rows: int) -> tuple["Waiting", "Waiting"]:
        """The first so many spans of a request of more, and what is left of it, which is answered.

        Either may be committed without the other: what comes again is known by its spans, and the request has no
        hash by which it would be known as a whole.
        """
        assert self.request_hash is None
        first, others = cut(self.batch, rows)
        part = Waiting(
            first,
            0,
            self.sender,
            None,
            self.future,
            transport=self.transport,
            is_admitted=False,
            sequence=self.sequence,
            left_as=self.left_as,
            received_s=self.received_s,
            is_part=True,
        )
        return part, replace(self, batch=others, rows_before=self.rows_before + rows)

    def settled(self) -> Settled:
        """What the counts want to know."""
        lag_s = time.monotonic() - self.received_s
        batch = self.batch
        rejected = len(batch.rejections) + self.dropped_logs
        rows = batch.row_count - self.dropped_logs
        return Settled(batch.signal, self.transport, rows, rejected, lag_s, is_part=self.is_part)

    def receipt(self) -> Receipt:
        """What its sender is told once it is committed."""
        batch, dropped = self.batch, self.dropped_logs
        messages = [batch.message()]
        if dropped:
            messages.append(
                f"{dropped} log records are beyond limits.execution_log_records or "
                "limits.execution_log_bytes of their execution; log less, or raise it"
            )
        return Receipt(
            self.rows_before + batch.row_count - dropped,
            len(batch.rejections) + dropped,
            "; ".join(message for message in messages if message),
        )

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


@dataclass(frozen=True, slots=True)
class Work:
    """Something else that the writer thread is to do."""

    run: Callable[[Committer, Plan], Any]
    future: Future[Any] = field(default_factory=Future)

    def do(self, committer: Committer, plan: Plan) -> None:
        """Do it; whoever asked for it gets what comes out."""
        mapping = committer.mapping
        try:
            result = self.run(committer, plan)
        except Exception as error:  # noqa: BLE001 - raised where it was asked for
            self.future.set_exception(error)
            return
        if committer.mapping is mapping:  # commits tell themselves what they were mapped with
            committer.note(self.run, plan)
        self.future.set_result(result)


def spread(group: Sequence[Waiting], places: Sequence[int]) -> None:
    """Note with each request how many of its log records were dropped.

    Args:
        group: the requests of a commit, in its order.
        places: of the dropped log records among all of the commit, ascending.
    """
    end = taken = 0
    for waiting in group:
        if places and waiting.batch.signal == "logs":
            end += waiting.batch.row_count
            upto = bisect_left(places, end)
            waiting.dropped_logs = upto - taken
            taken = upto


def hash_of(kind: str, payload: bytes) -> bytes:
    """Hash of the content of a request, 16 bytes.

    What was refused in one encoding may be accepted in the other: two kinds, two hashes.
    """
    return blake2b(payload, digest_size=16, person=kind.encode()).digest()


def shutting_down() -> StoreUnavailable:
    """The error for whatever comes too late."""
    return StoreUnavailable("the collector is shutting down")

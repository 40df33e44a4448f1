"""Sends the queue to one endpoint, in order, until it is taken or refused for good."""

import logging
import random
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from stepscope_collector.config import Target
from stepscope_collector.decode.batch import Encoding, Signal
from stepscope_collector.tee.answer import Answer
from stepscope_collector.tee.cursor import Cursor
from stepscope_collector.tee.grpc_client import GrpcClient
from stepscope_collector.tee.http_client import HttpClient
from stepscope_collector.tee.journal import Journal, Place, Record
from stepscope_collector.tee.mend import mended
from stepscope_collector.tee.segment import Segment
from stepscope_collector.tee.shipment import Shipment, halves, shipments
from stepscope_collector.telemetry import Telemetry
from stepscope_collector.telemetry.registry import noun

__all__ = ["Client", "Forwarder", "client_for", "delay_s"]

logger = logging.getLogger(__name__)

_FIRST_DELAY_S: Final = 1.0
_MAX_DELAY_S: Final = 30.0
_MAX_ASKED_S: Final = 300.0
"""An endpoint that asks for more waits for us, not we for it."""


class Client(Protocol):
    """Sends one request at a time."""

    @property
    def keeps_json(self) -> bool:
        """Whether OTLP/JSON can be sent as it is."""

    def send(self, signal: Signal, encoding: Encoding, body: bytes, via: str) -> Answer:
        """Send one request and wait for the meaning of its answer."""

    def close(self) -> None:
        """End a request that is under way."""


def client_for(target: Target) -> Client:
    """A client that speaks the target's protocol."""
    return HttpClient(target) if target.protocol == "http" else GrpcClient(target)


def delay_s(attempt: int, asked_s: float, chance: float) -> float:
    """Seconds to wait after failed attempt 1, 2, …: twice as long each time, at least as asked.

    `chance` in 0 to 1 spreads those that failed together: half to the whole of the delay.
    """
    grown = min(_MAX_DELAY_S, _FIRST_DELAY_S * (1 << min(attempt - 1, 10)))
    return max(grown * (0.5 + chance / 2), min(asked_s, _MAX_ASKED_S))


@dataclass(slots=True)
class _State:
    """What `stepscope doctor` tells."""

    state: str = "idle"
    """idle, sending or retrying."""
    sent_requests: int = 0
    sent_rows: int = 0
    rejected_rows: int = 0
    dropped_rows: int = 0
    lost_requests: int = 0
    unwritten_requests: int = 0
    """Counted by the writer's thread; all others by the forwarder's."""
    last_error: str = ""
    last_taken_s: float | None = None
    oldest_ns: int | None = None


class Forwarder:
    """One endpoint of the tee, with a thread of its own."""

    def __init__(
        self, target: Target, journal: Journal, folder: Path, own_id: str, telemetry: Telemetry
    ) -> None:
        self.target = target
        self._label = f"otlp/{target.name}"
        self._journal = journal
        self._cursor = Cursor(folder, target.name)
        self._own_id = own_id
        self._telemetry = telemetry
        self._client = client_for(target)
        self._stop = threading.Event()
        self._state = _State()
        self._generation = journal.generation
        place, self._until = self._cursor.load() or (journal.end(), 0)
        self._segment, self._place = self._open(place)
        self._save(self._until)
        self._thread = threading.Thread(
            target=self._run, name=f"stepscope-tee-{target.name}", daemon=True
        )

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """End; what was not taken is sent after the next start."""
        self._stop.set()
        self._journal.wake()
        self._client.close()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        self._segment.close()

    def _run(self) -> None:
        while self._journal.wait(self._place.sequence, self._stop):
            try:
                self._send_next()
            except Exception:  # the outermost boundary of this thread: a bug of ours
                if not self._stop.is_set():
                    logger.exception("tee failed", extra={"endpoint": self.target.name})
                    self._state.state = "retrying"
                    self._stop.wait(_MAX_DELAY_S)

    def _send_next(self) -> None:
        self._follow()
        records, after = self._window()
        if not records:
            self._next_segment()
            return
        self._state.oldest_ns = records[0].received_ns
        self._save(after.sequence)
        wanted = [record for record in records if record.signal in self.target.signals]
        for shipment in shipments(wanted, keeps_json=self._client.keeps_json):
            if not self._ship(shipment):
                return
        self._place = after
        self._state.oldest_ns = None
        if self._journal.waiting(after)[0] == 0:
            self._save(after.sequence)
            self._state.state = "idle"

    def _follow(self) -> None:
        """Read the file that stands there now, if something was erased."""
        generation = self._journal.generation
        if generation != self._generation:
            self._segment.close()
            self._segment, self._place = self._open(self._place)
            self._generation = generation

    def _window(self) -> tuple[list[Record], Place]:
        """What is sent next: what was being sent before a restart, or as much as fits a request."""
        records: list[Record] = []
        sequence, first, offset = self._place
        size = 0
        limit = self._journal.published_end(first)
        end = sys.maxsize if limit is None else limit
        is_again = self._until > sequence
        while (found := self._segment.read(offset, end)) is not None:
            record, behind = found
            size += record.size
            if is_again and record.sequence >= self._until:
                break
            if not is_again and records and size > self.target.max_batch_bytes:
                break
            records.append(record)
            sequence, offset = record.sequence + 1, behind
        return records, Place(sequence, first, offset)

    def _next_segment(self) -> None:
        """Go to the next file, or past what cannot be read."""
        first = self._journal.next_segment(self._place.segment)
        if first is None:
            place = self._journal.end()
            logger.error("queue of the tee is damaged", extra={"endpoint": self.target.name})
            self._state.lost_requests += place.sequence - self._place.sequence
        else:
            place = Place(self._place.sequence, first, 0)
        self._segment.close()
        self._segment, self._place = self._open(place)
        self._save(place.sequence)
        self._journal.release()

    def _open(self, place: Place) -> tuple[Segment, Place]:
        segment, found, lost = self._journal.open(self.target.name, place)
        if found.sequence > place.sequence:
            requests = found.sequence - place.sequence
            logger.warning(
                "queue of the tee was full, oldest requests dropped",
                extra={"endpoint": self.target.name, "requests": requests},
            )
            self._state.lost_requests += requests
            for signal, rows in (lost or {}).items():
                if signal in self.target.signals:
                    self._count("enqueue_failed", signal, rows)
        return segment, found

    def _save(self, until: int) -> None:
        self._until = until
        # a full disk: some of it is sent again after a restart
        with suppress(OSError):
            self._cursor.save(self._place, until)

    def _ship(self, shipment: Shipment) -> bool:
        """Send until it is taken or refused for good; False: asked to stop, or to read it again."""
        via = f"{shipment.via},{self._own_id}" if shipment.via else self._own_id
        body = shipment.body()
        attempt = 0
        while not self._stop.is_set() and self._generation == self._journal.generation:
            self._state.state = "sending" if attempt == 0 else "retrying"
            answer = self._client.send(shipment.signal, shipment.encoding, body, via)
            if answer.kind == "taken":
                self._taken(shipment, answer)
                return True
            if self._stop.is_set():
                break
            self._state.last_error = f"{answer.reason}: {answer.message}".rstrip(": ")
            if answer.kind == "never":
                if answer.is_about_the_data and len(shipment.records) > 1:
                    return all(self._ship(half) for half in halves(shipment))
                return self._refused(shipment, answer)
            attempt += 1
            self._later(attempt, answer)
        return False

    def _taken(self, shipment: Shipment, answer: Answer) -> None:
        state = self._state
        rejected = min(answer.rejected, shipment.rows)
        state.sent_requests += len(shipment.records)
        state.sent_rows += shipment.rows - rejected
        state.last_taken_s = time.time()
        self._count("sent", shipment.signal, shipment.rows - rejected)
        if rejected:
            state.rejected_rows += rejected
            state.last_error = f"partial_success: {answer.message}"
            self._telemetry.add(
                "stepscope_tee_rejected_rows_total", rejected, self._label, shipment.signal
            )
        if answer.message:
            extra = {"endpoint": self.target.name, "rejected": rejected, "error": answer.message}
            logger.warning("endpoint of the tee has a remark", extra=extra)

    def _refused(self, shipment: Shipment, answer: Answer) -> bool:
        """Try once more without what may be wrong with the request, or drop it."""
        whole = shipment.records[0]
        better = mended(whole) if answer.is_about_the_data else None
        if better is None or better.rows == 0:
            self._dropped(shipment, shipment.rows)
            return True
        if better.rows < whole.rows:
            self._dropped(shipment, whole.rows - better.rows)
        return self._ship(Shipment(shipment.signal, "protobuf", (better,)))

    def _dropped(self, shipment: Shipment, rows: int) -> None:
        self._state.dropped_rows += rows
        self._count("send_failed", shipment.signal, rows)
        logger.error(
            "endpoint of the tee refused rows for good, dropped",
            extra={
                "endpoint": self.target.name,
                "signal": shipment.signal,
                "rows": rows,
                "error": self._state.last_error,
            },
        )

    def _later(self, attempt: int, answer: Answer) -> None:
        self._telemetry.add("stepscope_tee_retries_total", 1, self._label, answer.reason)
        if attempt == 1:
            logger.warning(
                "endpoint of the tee does not take requests now",
                extra={"endpoint": self.target.name, "error": self._state.last_error},
            )
        self._state.state = "retrying"
        self._stop.wait(delay_s(attempt, answer.wait_s, random.random()))  # noqa: S311  # no secret

    def _count(self, what: str, signal: str, rows: int) -> None:
        if rows:
            self._telemetry.add(f"otelcol_exporter_{what}_{noun(signal)}", rows, self._label)

    def count_lost(self, records: list[Record]) -> None:
        """Count requests that could not be put into the queue."""
        wanted = [record for record in records if record.signal in self.target.signals]
        self._state.unwritten_requests += len(wanted)
        for record in wanted:
            self._count("enqueue_failed", record.signal, record.rows)

    def waiting(self) -> tuple[int, int, float]:
        """Requests and bytes in the queue, and the age of the oldest in seconds."""
        requests, size = self._journal.waiting(self._place)
        oldest_ns = self._state.oldest_ns
        age_s = 0.0 if oldest_ns is None else max(0.0, time.time() - oldest_ns / 1e9)
        return requests, size, age_s

    def status(self) -> dict[str, object]:
        """What `stepscope doctor` tells of this endpoint."""
        requests, size, _ = self.waiting()
        state = self._state
        taken_s = state.last_taken_s
        return {
            "name": self.target.name,
            "endpoint": self.target.endpoint,
            "state": state.state,
            "queued_requests": requests,
            "queued_bytes": size,
            "sent_requests": state.sent_requests,
            "sent_rows": state.sent_rows,
            "rejected_rows": state.rejected_rows,
            "dropped_rows": state.dropped_rows,
            "lost_requests": state.lost_requests + state.unwritten_requests,
            "last_taken_age_s": None if taken_s is None else round(time.time() - taken_s, 1),
            "last_error": state.last_error or None,
        }

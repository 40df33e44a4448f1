"""The export queue and the one thread that empties it.

`put` runs on the watched program's threads: it appends to a deque and never waits. Encoding,
compression, network and retries happen on the sender's thread. Memory is bounded by spans and by
payload bytes; what does not fit is dropped and counted, never silently.
"""

import contextlib
import dataclasses
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from stepscope._forks import Unforked, in_every_fork
from stepscope._spool import Spool
from stepscope._wire import Answer, Signal, Transport

__all__ = ["Counters", "Limits", "Sender"]

logger = logging.getLogger("stepscope")
_random = random.Random()  # noqa: S311 - spreads retries
_CLOSING_S = 0.15
"""Part of the time to flush kept for breaking off a request that hangs."""


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the queue and of requests. Durations are seconds, sizes bytes."""

    queue_items: int = 131_072
    queue_bytes: int = 128 << 20
    batch_items: int = 4096
    batch_bytes: int = 1 << 20
    """Requests are closed at this size; receivers commonly refuse above 4 MiB."""
    delay_s: float = 0.5
    """A span waits at most this long for others to share its request."""
    timeout_s: float = 10.0
    flush_timeout_s: float = 2.0


@dataclasses.dataclass(slots=True)
class Counters:
    """What became of everything that was put.

    `sent` are accepted, `rejected` refused one by one (partial success), `refused` lost with a
    request that was refused whole, `dropped` lost to a full queue, `lost` unsent at the end of
    the process, `spooled` kept on disk for later (once delivered, they are `sent`),
    `spool_dropped` thrown away because the spool was full.
    """

    sent: int = 0
    rejected: int = 0
    refused: int = 0
    dropped: int = 0
    lost: int = 0
    spooled: int = 0
    spool_dropped: int = 0
    requests: int = 0
    retries: int = 0
    bytes: int = 0
    last_error: str | None = None


class Encoder(Protocol):
    """Turns queued items of one signal into export requests."""

    def __call__(self, take: Callable[[], Any], limits: Limits) -> tuple[bytes, int]:
        """One request of at least one item and its count; `take` raises IndexError when empty."""
        ...


class Sender:
    """Queues per signal, one thread. `encoders` says which signals there are.

    `limits` bound each queue and its requests; `log_limits`, where given, those of the logs. The
    bytes that wait are bounded together, by `limits`.
    """

    def __init__(
        self,
        open_transport: Callable[[], Transport],
        encoders: Mapping[Signal, Encoder],
        limits: Limits,
        where: str,
        spool: Spool | None = None,
        log_limits: Limits | None = None,
    ) -> None:
        self._open_transport = open_transport
        self._encoders = encoders
        self.limits = limits
        self._limits_of: Mapping[Signal, Limits] = {"traces": limits, "logs": log_limits or limits}
        self._tick_s = min(self._limits_of[signal].delay_s for signal in encoders)
        self.where = where
        self._spool = spool
        self.counters = Counters()
        self._has_warned = False
        self._was_reached = False
        self._unforked = Unforked()
        self.after_fork()
        in_every_fork(self)

    def after_fork(self) -> None:
        """Begin empty: a child's copy of the queue is its parent's to send."""
        self._queues: dict[Signal, deque[Any]] = {signal: deque() for signal in self._encoders}
        self._spans = self._queues["traces"]
        self._queued_bytes = 0
        self._thread: threading.Thread | None = None
        self._start_lock = threading.Lock()
        self._wake = threading.Event()
        self._waiters: deque[threading.Event] = deque()
        self._deadline: float | None = None
        self._is_closed = False
        self._transport: Transport | None = None
        self._down_until = 0.0
        self._down_for_s = 0.5
        self._is_spool_empty = False

    # On the watched program's threads

    def put(self, span: Any) -> None:
        """Queue one ended span."""
        self.put_item("traces", self._spans, span, _weight(span))

    def put_item(self, signal: Signal, queue: deque[Any], item: Any, weight: int = 0) -> None:
        """Queue one item of a signal; dropped and counted when the queue is full."""
        limits = self._limits_of[signal]
        count = len(queue)
        if (
            count >= limits.queue_items
            or self._queued_bytes > self.limits.queue_bytes
            or self._is_closed
        ):
            self.counters.dropped += 1
            return
        self._queued_bytes += weight
        queue.append(item)
        if count >= limits.batch_items and not self._wake.is_set():
            self._wake.set()
        if self._thread is None:
            self._start()

    def queue_of(self, signal: Signal) -> deque[Any]:
        """The queue of a signal, for `put_item`."""
        return self._queues[signal]

    def start(self) -> None:
        """Start the thread before anything is put, to send what an earlier process left."""
        if self._spool is not None and self._spool.files():
            self._start()

    def hurry(self) -> None:
        """Send what waits now instead of after the delay."""
        self._wake.set()

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until everything put before is sent, refused or given up; False: not in time."""
        if self._thread is None or self._is_closed:
            return not self.queued
        done = threading.Event()
        self._waiters.append(done)
        self._wake.set()
        return done.wait(self.limits.flush_timeout_s if timeout_s is None else timeout_s)

    def close(self, timeout_s: float | None = None) -> None:
        """Send what waits, for a bounded time, then stop; the rest is counted as lost."""
        if self._is_closed:
            return
        budget = self.limits.flush_timeout_s if timeout_s is None else timeout_s
        self._deadline = time.monotonic() + max(budget - _CLOSING_S, 0.0)
        self._wake.set()
        thread = self._thread
        if thread is not None and thread.is_alive() and thread is not threading.current_thread():
            thread.join(max(budget - _CLOSING_S, 0.0))
            self._is_closed = True
            if thread.is_alive() and self._transport is not None:
                with contextlib.suppress(Exception):
                    self._transport.close()
                thread.join(_CLOSING_S)
        self._is_closed = True
        if self._spool is not None:
            self._rest_to_spool()
        remaining = self.queued
        for queue in self._queues.values():
            queue.clear()
        if remaining:
            self.counters.lost += remaining
            self._warn(f"{remaining} spans could not be sent before the program ended")

    def _rest_to_spool(self) -> None:
        for signal, queue in self._queues.items():
            while queue:
                body, count = self._encoders[signal](queue.popleft, self._limits_of[signal])
                if count and not self._to_spool(signal, body, count):
                    self.counters.lost += count
                    return

    @property
    def queued(self) -> int:
        """Items that wait."""
        return sum(len(queue) for queue in self._queues.values())

    # On the sender's thread

    def _start(self) -> None:
        with self._start_lock:
            if self._thread is None and not self._is_closed:
                thread = threading.Thread(target=self._run, name="stepscope-sender", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the interpreter is ending
                    return
                self._thread = thread

    def _run(self) -> None:
        begun = time.monotonic()
        due = {signal: begun + self._limits_of[signal].delay_s for signal in self._queues}
        while True:
            is_woken = self._wake.wait(self._tick_s)
            self._wake.clear()
            is_last = self._deadline is not None
            waiters = [self._waiters.popleft() for _ in range(len(self._waiters))]
            try:
                for signal in self._queues:
                    # A tick that comes a little early is the one that was meant.
                    now = time.monotonic() + self._tick_s / 2
                    if is_woken or now >= due[signal]:
                        due[signal] = now + self._limits_of[signal].delay_s - self._tick_s / 2
                        self._drain(signal)
                self._drain_spool()
            except Exception as error:
                self.counters.last_error = f"{type(error).__name__}: {error}"
                logger.debug("stepscope sender failed inside", exc_info=error)
            for waiter in waiters:
                waiter.set()
            if is_last or self._is_closed:
                break
        if self._transport is not None:
            self._transport.close()

    def _drain(self, signal: Signal) -> None:
        queue = self._queues[signal]
        encode = self._encoders[signal]
        taken = [0, 0]

        def take() -> Any:
            item = queue.popleft()
            taken[0] += 1
            taken[1] += _weight(item)
            return item

        while queue and not self._is_closed:
            taken[:] = 0, 0
            body, count = encode(take, self._limits_of[signal])
            # What could not be encoded is lost; that is a bug of ours and must show in the counts.
            self.counters.dropped += taken[0] - count
            self._queued_bytes = self._queued_bytes - taken[1] if queue else 0
            if count and not self._deliver(signal, body, count):
                return

    def _drain_spool(self) -> None:
        """Send what is on disk, as long as the collector takes it."""
        spool = self._spool
        if spool is None or self._is_spool_empty or time.monotonic() < self._down_until:
            return
        for file in spool.claim():
            answer = self._send(file.signal, file.body)
            if answer.kind == "retry":
                self._is_down(answer)
                return
            file.done()
            if answer.kind == "accepted":
                self._count_accepted(answer, file.body, file.count)
            else:
                self.counters.refused += file.count
                self.counters.last_error = answer.reason
            if self._is_closed or (
                self._deadline is not None and time.monotonic() >= self._deadline
            ):
                return
        self._is_spool_empty = not spool.files()
        self.counters.spool_dropped = spool.dropped

    def _is_down(self, answer: Answer) -> None:
        self.counters.last_error = answer.reason
        self.counters.retries += 1
        self._warn(
            f"the collector at {self.where} does not answer ({answer.reason}); what is recorded is "
            "kept on disk and sent later, by the next program or by `stepscope-exec flush`. "
            f"{_remedy(answer.reason)}"
        )
        pause = answer.wait_s if answer.wait_s is not None else self._down_for_s
        self._down_until = time.monotonic() + pause
        self._down_for_s = min(self._down_for_s * 2, 5.0)

    def _to_spool(self, signal: Signal, body: bytes, count: int) -> bool:
        spool = self._spool
        if spool is None or not spool.put(signal, body, count):
            return False
        self._is_spool_empty = False
        self.counters.spooled += count
        self.counters.spool_dropped = spool.dropped
        return True

    def _deliver(self, signal: Signal, body: bytes, count: int) -> bool:
        """Send until accepted, refused, spooled or the end; False when time is up."""
        wait = 0.25
        if time.monotonic() < self._down_until and self._to_spool(signal, body, count):
            return True
        while True:
            answer = self._send(signal, body)
            if answer.kind == "accepted":
                self._count_accepted(answer, body, count)
                return True
            self.counters.last_error = answer.reason
            if answer.kind == "refused":
                self.counters.refused += count
                self._warn(f"the collector at {self.where} refused {count} spans ({answer.reason})")
                return True
            if self._to_spool(signal, body, count):
                self._is_down(answer)
                return True
            self.counters.retries += 1
            self._warn(
                f"the collector at {self.where} does not answer ({answer.reason}); the program goes "
                f"on and up to {self.limits.queue_items} spans are kept for it. "
                f"{_remedy(answer.reason)}, or set OTEL_SDK_DISABLED=true"
            )
            pause = (
                answer.wait_s if answer.wait_s is not None else wait * (1 + _random.random() / 4)
            )
            if not self._pause(pause):
                self.counters.lost += count
                return False
            wait = min(wait * 2, 5.0)

    def _send(self, signal: Signal, body: bytes) -> Answer:
        if self._transport is None:
            self._transport = self._open_transport()
        timeout = self._limits_of[signal].timeout_s
        if self._deadline is not None:
            timeout = min(timeout, max(self._deadline - time.monotonic(), 0.05))
        self.counters.requests += 1
        with self._unforked:
            return self._transport.send(signal, body, timeout)

    def _count_accepted(self, answer: Answer, body: bytes, count: int) -> None:
        self._was_reached = True
        self._down_until, self._down_for_s = 0.0, 0.5
        self.counters.sent += count - min(answer.rejected, count)
        self.counters.bytes += len(body)
        if answer.rejected:
            self.counters.rejected += min(answer.rejected, count)
            self.counters.last_error = answer.reason
            self._warn(
                f"the collector rejected {answer.rejected} of {count} spans: {answer.reason}"
            )

    def _pause(self, seconds: float) -> bool:
        """Wait before a retry; False when the process ends first."""
        until = time.monotonic() + seconds
        while True:
            if self._is_closed:
                return False
            now = time.monotonic()
            if self._deadline is not None and (not self._was_reached or now >= self._deadline):
                return False
            if now >= until:
                return True
            self._wake.wait(min(until - now, 0.5))
            if self._deadline is None:
                self._wake.clear()
            else:
                threading.Event().wait(0.02)

    def _warn(self, text: str) -> None:
        """One warning per sender: the first thing that goes wrong, with the remedy."""
        if not self._has_warned:
            self._has_warned = True
            logger.warning("stepscope: %s", text)


def _remedy(reason: str) -> str:
    """What the user can do about a collector that cannot be reached."""
    if "certificate" in reason.lower():
        return (
            "Give the collector a certificate for this name that has not expired, and name who "
            "signed it in OTEL_EXPORTER_OTLP_CERTIFICATE"
        )
    return "Start it, or set OTEL_EXPORTER_OTLP_ENDPOINT"


def _weight(item: Any) -> int:
    """Characters of the texts that make an item large: its payloads, or the line it logs."""
    attributes = item.attributes
    return (
        len(attributes.get("stepscope.input", ""))
        + len(attributes.get("stepscope.output", ""))
        + len(getattr(item, "body", ""))
    )

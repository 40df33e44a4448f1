"""What came in and what became of it; the two equations of the collector hold at any moment.

For every signal, received = stored + duplicate + deleted + rejected + refused + failed + waiting, in rows
and, with accepted in place of the first four, in requests. Both sides change under one lock. The rows
of a request that is refused unread are counted where they can be (`decode/count.py`); a request
for which they cannot is in the equation of requests alone.
"""

import time
from collections.abc import Iterable
from threading import Lock
from typing import Any, Final, NamedTuple

from stepscope_collector.telemetry.registry import METRICS, noun
from stepscope_collector.telemetry.values import Reading, Sample, Values

__all__ = ["OUTCOMES", "Settled", "Telemetry"]

OUTCOMES: Final = ("stored", "duplicate", "deleted", "rejected", "refused", "failed")
"""What can become of a row."""


class Settled(NamedTuple):
    """A queued request that gets its answer."""

    signal: str
    transport: str
    rows: int
    """Rows that were to be stored."""
    rejected: int
    """Rows that were rejected one by one."""
    lag_s: float
    """Seconds since it came in."""
    is_part: bool = False
    """Not all of it: it counts as a request when the rest gets its answer."""


class Telemetry:
    """Numbers of one collector; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._values = Values()
        self._last_commit_s: float | None = None

    def add(self, name: str, amount: float, *labels: str) -> None:
        """Add to a counter or gauge of the registry."""
        with self._lock:
            self._values.add(name, amount, *labels)

    def observe(self, name: str, value: float, *labels: str) -> None:
        """Add a value to a histogram of the registry."""
        with self._lock:
            self._values.observe(name, value, *labels)

    def asked(self, outcome: str, transport: str, label: str) -> None:
        """A request was `admitted` (label: name of its token) or `denied` (label: the reason)."""
        self.add(f"stepscope_{outcome}_requests_total", 1, transport, label)

    def received(self, signal: str, transport: str) -> None:
        """A request is here and waits for its answer."""
        with self._lock:
            self._values.add("stepscope_received_requests_total", 1, signal, transport)
            self._values.add("stepscope_waiting_requests", 1, signal, transport)

    def refused(
        self, signal: str, transport: str, reason: str, payload_bytes: int, rows: int | None
    ) -> None:
        """A waiting request is refused before its rows were queued.

        Args:
            signal: what it carries.
            transport: how it came.
            reason: code of the error.
            payload_bytes: its size.
            rows: what it holds; None: nobody knows.
        """
        with self._lock:
            self._end(signal, transport, "refused", reason)
            self._values.add("stepscope_refused_bytes_total", payload_bytes, signal, reason)
            if rows is None:
                self._values.add("stepscope_uncounted_requests_total", 1, signal)
            elif rows:
                self._values.add("stepscope_received_rows_total", rows, signal)
                self._values.add("stepscope_rows_total", rows, signal, "refused")
                self._count_receiver("refused", signal, transport, rows)

    def queued(self, signal: str, rows: int) -> None:
        """The rows of a waiting request are known, those to be rejected included."""
        if rows:
            with self._lock:
                self._values.add("stepscope_received_rows_total", rows, signal)
                self._values.add("stepscope_waiting_rows", rows, signal)

    def looped(self, signal: str, transport: str, rows: int | None) -> None:
        """A waiting request is one that this collector has sent out itself: all duplicates."""
        with self._lock:
            self._values.add("stepscope_tee_looped_requests_total", 1)
            self._end(signal, transport, "accepted", "")
            if rows is None:
                self._values.add("stepscope_uncounted_requests_total", 1, signal)
            elif rows:
                self._values.add("stepscope_received_rows_total", rows, signal)
                self._values.add("stepscope_rows_total", rows, signal, "duplicate")
                self._count_receiver("accepted", signal, transport, rows)

    def committed(
        self,
        requests: Iterable[Settled],
        duplicate: dict[str, int],
        *,
        payload_bytes: int,
        elapsed_s: float,
        deleted: dict[str, int] | None = None,
    ) -> None:
        """A transaction is on disk and its requests get their answers.

        Args:
            requests: those in it.
            duplicate: per signal, how many of their rows were stored before.
            payload_bytes: their size.
            elapsed_s: time of the transaction.
            deleted: per signal, how many of them are of executions that were deleted.
        """
        with self._lock:
            stored: dict[str, int] = {}
            for request in requests:
                signal, transport, rows, rejected, lag_s, is_part = request
                self._leave_queue(signal, rows + rejected)
                self._outcome(signal, "rejected", rejected)
                stored[signal] = stored.get(signal, 0) + rows
                self._count_receiver("accepted", signal, transport, rows)
                self._count_receiver("refused", signal, transport, rejected)
                if not is_part:
                    self._end(signal, transport, "accepted", "")
                    self._values.observe("stepscope_commit_lag_seconds", lag_s, signal)
                    self._values.add("stepscope_commit_requests_total", 1)
            for signal, rows in stored.items():
                again = duplicate.get(signal, 0)
                gone = (deleted or {}).get(signal, 0)
                self._outcome(signal, "duplicate", again)
                self._outcome(signal, "deleted", gone)
                self._outcome(signal, "stored", rows - again - gone)
            self._values.add("stepscope_commit_bytes_total", payload_bytes)
            self._values.observe("stepscope_commit_duration_seconds", elapsed_s)
            self._last_commit_s = time.monotonic()

    def answered_empty(self, signal: str, transport: str) -> None:
        """A waiting request held nothing and is answered with success."""
        with self._lock:
            self._end(signal, transport, "accepted", "")

    def failed(self, request: Settled, reason: str) -> None:
        """A queued request was not committed and is answered with an error."""
        with self._lock:
            rows = request.rows + request.rejected
            self._leave_queue(request.signal, rows)
            self._outcome(request.signal, "failed", rows)
            self._count_receiver("failed", request.signal, request.transport, rows)
            if not request.is_part:
                self._end(request.signal, request.transport, "failed", reason)

    def _end(self, signal: str, transport: str, outcome: str, reason: str) -> None:
        self._values.add("stepscope_requests_total", 1, signal, transport, outcome, reason)
        self._values.add("stepscope_waiting_requests", -1, signal, transport)

    def _leave_queue(self, signal: str, rows: int) -> None:
        if rows:
            self._values.add("stepscope_waiting_rows", -rows, signal)

    def _outcome(self, signal: str, outcome: str, rows: int) -> None:
        if rows:
            self._values.add("stepscope_rows_total", rows, signal, outcome)

    def _count_receiver(self, what: str, signal: str, transport: str, rows: int) -> None:
        if rows:
            name = f"otelcol_receiver_{what}_{noun(signal)}"
            self._values.add(name, rows, "otlp", transport)

    def read(self, state: dict[str, list[Sample]] | None = None) -> list[Reading]:
        """Every metric and its values at one moment, in the order of the registry.

        Args:
            state: values that are looked up and not kept here, by name.
        """
        with self._lock:
            found = self._values.read()
            if self._last_commit_s is not None:
                age_s = time.monotonic() - self._last_commit_s
                found["stepscope_last_commit_age_seconds"] = [Sample((), age_s)]
        found |= state or {}
        return [Reading(metric, found.get(name, [])) for name, metric in METRICS.items()]

    def snapshot(self) -> dict[str, Any]:
        """The counts as plain data for `stepscope doctor`; times in ns, sizes in bytes."""
        with self._lock:
            return {
                "rows": self._rows(),
                "requests": self._requests(),
                "refused_requests": self._refused(),
                "commits": self._commits(),
            }

    def denied(self) -> list[dict[str, Any]]:
        """Requests that were not let in, by transport and reason."""
        with self._lock:
            counts = self._values.series("stepscope_denied_requests_total")
            return [
                {"transport": transport, "reason": reason, "requests": int(count)}
                for (transport, reason), count in sorted(counts.items())
            ]

    def _rows(self) -> dict[str, dict[str, int]]:
        outcomes = self._values.series("stepscope_rows_total")
        waiting = self._values.series("stepscope_waiting_rows")
        received = self._values.series("stepscope_received_rows_total")
        return {
            signal: {"received": int(rows)}
            | {outcome: int(outcomes.get((signal, outcome), 0)) for outcome in OUTCOMES}
            | {"waiting": int(waiting.get((signal,), 0))}
            for (signal,), rows in sorted(received.items())
        }

    def _requests(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for (signal, _), count in sorted(
            self._values.series("stepscope_received_requests_total").items()
        ):
            row = found.setdefault(
                signal, {"received": 0, "accepted": 0, "refused": 0, "failed": 0, "waiting": 0}
            )
            row["received"] += int(count)
        for (signal, _, outcome, _), count in self._values.series(
            "stepscope_requests_total"
        ).items():
            found[signal][outcome] += int(count)
        for (signal, _), count in self._values.series("stepscope_waiting_requests").items():
            found[signal]["waiting"] += int(count)
        return found

    def _refused(self) -> list[dict[str, Any]]:
        sizes = self._values.series("stepscope_refused_bytes_total")
        counts: dict[tuple[str, str], int] = {}
        for (signal, _, outcome, reason), count in self._values.series(
            "stepscope_requests_total"
        ).items():
            if outcome == "refused":
                counts[signal, reason] = counts.get((signal, reason), 0) + int(count)
        return [
            {
                "signal": signal,
                "reason": reason,
                "requests": count,
                "payload_bytes": int(sizes.get((signal, reason), 0)),
            }
            for (signal, reason), count in sorted(counts.items())
        ]

    def _commits(self) -> dict[str, int]:
        seen = self._values.distributions("stepscope_commit_duration_seconds").get(())
        if seen is None:
            return {}
        numbers = self._values.series
        return {
            "commits": seen.count,
            "requests": int(numbers("stepscope_commit_requests_total").get((), 0)),
            "payload_bytes": int(numbers("stepscope_commit_bytes_total").get((), 0)),
            "elapsed_ns": round(seen.total * 1e9),
        }

"""The collector's own counts: what came in and what became of it, at any moment.

For every signal: received = stored + duplicate + rejected + failed. Requests refused before they
were decoded hold an unknown number of rows and are counted as requests and bytes by reason.
"""

from collections import Counter
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

__all__ = ["Telemetry"]


@dataclass(slots=True)
class Telemetry:
    """Counters of one collector; every method may be called from any thread."""

    _lock: Lock = field(default_factory=Lock)
    _rows: dict[str, Counter[str]] = field(default_factory=dict)
    _refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    _refused_bytes: Counter[tuple[str, str]] = field(default_factory=Counter)
    _commits: Counter[str] = field(default_factory=Counter)

    def count_rows(self, signal: str, **outcomes: int) -> None:
        """Add rows of a signal by outcome: received, stored, duplicate, rejected or failed."""
        with self._lock:
            self._rows.setdefault(signal, Counter()).update(outcomes)

    def count_refused(self, signal: str, reason: str, payload_bytes: int) -> None:
        """Add one request that was refused before it was decoded."""
        with self._lock:
            self._refused[signal, reason] += 1
            self._refused_bytes[signal, reason] += payload_bytes

    def count_commit(self, *, requests: int, payload_bytes: int, elapsed_ns: int) -> None:
        """Add one committed transaction."""
        with self._lock:
            self._commits.update(
                commits=1, requests=requests, payload_bytes=payload_bytes, elapsed_ns=elapsed_ns
            )

    def snapshot(self) -> dict[str, Any]:
        """All counts as plain data for `stepscope doctor`; times in ns, sizes in bytes."""
        outcomes = ("received", "stored", "duplicate", "rejected", "failed")
        with self._lock:
            return {
                "rows": {
                    signal: {outcome: counts[outcome] for outcome in outcomes}
                    for signal, counts in sorted(self._rows.items())
                },
                "refused_requests": [
                    {
                        "signal": signal,
                        "reason": reason,
                        "requests": count,
                        "payload_bytes": self._refused_bytes[signal, reason],
                    }
                    for (signal, reason), count in sorted(self._refused.items())
                ],
                "commits": dict(self._commits),
            }

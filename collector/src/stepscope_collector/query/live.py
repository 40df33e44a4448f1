"""The macros of the views, for rows of one execution that are read as they are stored.

Planning a statement over the wide views takes 15 ms, reading one execution 3 (DuckDB 2.0, 2 cores). So
by-id questions read plain columns. `tests/unit/collector/query/test_place.py` holds that both say the same.
"""

from dataclasses import dataclass
from typing import Final

__all__ = ["MAX_NS", "Clock", "duration_of", "span_hex", "time_of"]

MAX_NS: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Clock:
    """What tells whether something that has not ended is lost."""

    now_ns: int
    """Time of the transaction, as current_timestamp has it."""
    lost_after_ns: int
    """Silence after which it is, where it says nothing else."""

    def live_status(self, last_seen_ns: int, silence_ns: int | None, when_silent: str) -> str:
        """Macro live_status."""
        silence = self.lost_after_ns if silence_ns is None else silence_ns
        return when_silent if last_seen_ns < self.now_ns - silence else "running"

    def open_status(
        self, word: str | None, last_seen_ns: int, silence_ns: int | None, when_silent: str
    ) -> str:
        """Macro open_status."""
        if word in {"queued", "waiting"}:
            return str(word)
        status = self.live_status(last_seen_ns, silence_ns, when_silent)
        if status != "running":
            return when_silent
        return status if word is None else word


def time_of(unix_nano: int | None) -> int | None:
    """Macro time_of, as nanoseconds since the epoch."""
    return unix_nano if unix_nano is not None and 0 < unix_nano < MAX_NS else None


def duration_of(start_unix_nano: int | None, end_unix_nano: int | None) -> int | None:
    """Macro duration_of."""
    if not start_unix_nano or end_unix_nano is None or end_unix_nano < start_unix_nano:
        return None
    duration = end_unix_nano - start_unix_nano
    return duration if duration <= MAX_NS else None


def span_hex(span_id: int | None) -> str | None:
    """Macro span_hex."""
    return f"{span_id:016x}" if span_id else None

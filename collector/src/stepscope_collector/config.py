"""Settings of the collector: one tree of frozen dataclasses, each part handed to the room it is for."""

from dataclasses import dataclass

__all__ = ["SqlConfig"]


@dataclass(frozen=True, slots=True)
class SqlConfig:
    """Limits on SQL that users send. Memory is limited for the whole store, not per statement."""

    timeout_s: float = 30.0
    """Seconds a statement may run, its answer included; then it is interrupted. 0: no limit."""
    max_rows: int = 10_000
    """Rows of an answer in JSON; an answer that was cut says so. 0: no limit. The streamed formats
    (ndjson, csv, arrow) are cut only when the question asks for it."""
    max_concurrent: int = 4
    """User statements that run at the same time; others wait."""

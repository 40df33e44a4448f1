"""An execution and its steps as an older design knows them. Times are ns since the epoch, UTC."""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

__all__ = ["OUTCOMES", "ErrorRecord", "ExecutionRecord", "StepRecord", "span_id_of", "trace_id_of"]

OUTCOMES: Final = {
    "success": "success",
    "partial": "success",
    "superseded": "success",
    "failed": "error",
    "timed_out": "timeout",
    "cancelled": "cancellation",
    "skipped": "skip",
}
"""Canonical status of what has ended → outcome of our spans. All others go on."""


@dataclass(frozen=True, slots=True)
class ErrorRecord:
    """Why something failed; `node_id` is the node that made an execution fail."""

    message: str
    stack: str | None = None
    node_id: str | None = None


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step. `started_ns` None: known and not begun; `ended_ns` None: it goes on."""

    step_id: str
    node_id: str
    name: str
    type: str
    index: int
    status: str
    """Canonical."""
    started_ns: int | None
    ended_ns: int | None
    input: str | None = None
    """JSON text, as all payloads here."""
    output: str | None = None
    error: ErrorRecord | None = None
    metadata: str | None = None
    record_id: str | None = None
    """The sender's id among all steps of all executions; None: it has none."""
    attempt: int = 1
    """Number of the try."""


@dataclass(frozen=True, slots=True)
class ExecutionRecord:
    """One execution. `ended_ns` None: it goes on."""

    execution_id: str
    workflow_id: str
    workflow_name: str
    status: str
    """Canonical."""
    started_ns: int
    ended_ns: int | None
    trigger_type: str | None = None
    """Our word."""
    trigger_native: str | None = None
    """The sender's word, where it is another."""
    trigger_data: str | None = None
    error: ErrorRecord | None = None
    metadata: str | None = None
    steps: tuple[StepRecord, ...] = field(default=())


def trace_id_of(execution_id: str) -> bytes:
    """The trace of an execution: its id, where that is a UUID, else made of it."""
    digits = execution_id.replace("-", "").lower()
    if len(execution_id) in (32, 36) and len(digits) == 32:
        try:
            own = bytes.fromhex(digits)
        except ValueError:
            own = b""
        if any(own):
            return own
    return _hash("trace", execution_id)[:16]


def span_id_of(*identity: str) -> bytes:
    """The span id that belongs to an identity."""
    return _hash("span", *identity)[:8]


def _hash(*parts: str) -> bytes:
    told = b"\0".join(part.encode("utf-8", "replace") for part in parts)
    return sha256(told).digest()

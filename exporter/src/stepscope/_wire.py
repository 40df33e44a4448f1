"""What the sender, the spool and the transports say to each other."""

import dataclasses
from typing import Literal, Protocol

__all__ = ["Answer", "Signal", "Transport"]

Signal = Literal["traces", "logs"]


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What became of one request."""

    kind: Literal["accepted", "refused", "retry"]
    reason: str = ""
    rejected: int = 0
    wait_s: float | None = None


class Transport(Protocol):
    """Delivers requests; not thread-safe except for `close`."""

    def send(self, signal: Signal, body: bytes, timeout_s: float) -> Answer:
        """One attempt of at most `timeout_s` seconds; never raises."""
        ...

    def close(self) -> None:
        """Break off a running attempt and free the connection."""
        ...

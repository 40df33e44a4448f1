"""One request of a file that is imported."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stepscope_collector.decode.batch import Signal

__all__ = ["Piece", "Refused", "signal_of"]

_SIGNALS: Final[tuple[Signal, ...]] = ("traces", "logs", "metrics")


@dataclass(frozen=True, slots=True)
class Piece:
    """A request of about a thousand rows."""

    signal: Signal
    payload: bytes
    """Protobuf."""
    place: str
    """Where in the file, for people."""
    done_bytes: int
    """Of the file, with this piece, about."""
    ingested: Sequence[Sequence[int]] = ()
    """[ns since the epoch, rows] when its rows were committed first; empty: not known."""
    is_parsed: bool = False
    """Whether it is known to be a request that can be read."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Something of the file that is no request."""

    place: str
    reason: str
    done_bytes: int
    rows: int = 1


def signal_of(word: object) -> Signal | None:
    """The signal of that name."""
    return next((signal for signal in _SIGNALS if signal == word), None)

"""Small requests of spans put together: a commit takes 30 ms of CPU however small it is (benchmarks/).

Spans have an identity, so it makes no difference which request they come with. Of log records and data
points as many equal ones are kept as one request holds, so these stay in the request they came in.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from stepscope_collector.importing.piece import Piece, Refused

__all__ = ["gathered"]

_MAX_BYTES: Final = 1024 * 1024
"""Of requests put together: some thousand spans, so that none holds up the writer for long."""


def gathered(pieces: Iterable[Piece | Refused]) -> Iterator[Piece | Refused]:
    """The same rows in fewer requests. Only requests that can be parsed are put together."""
    waiting: list[Piece] = []
    size = 0
    for piece in pieces:
        may_wait = (
            isinstance(piece, Piece)
            and piece.signal == "traces"
            and piece.is_parsed
            and not piece.ingested
        )
        if isinstance(piece, Refused) or not may_wait:
            yield from _together(waiting)
            waiting, size = [], 0
            yield piece
            continue
        if size + len(piece.payload) > _MAX_BYTES:
            yield from _together(waiting)
            waiting, size = [], 0
        waiting.append(piece)
        size += len(piece.payload)
    yield from _together(waiting)


def _together(pieces: list[Piece]) -> Iterator[Piece]:
    """One request: protobuf puts repeated fields of texts that follow each other together."""
    if not pieces:
        return
    first, last = pieces[0], pieces[-1]
    place = first.place if first.place == last.place else f"{first.place} to {last.place}"
    payload = b"".join(piece.payload for piece in pieces)
    yield Piece("traces", payload, place, last.done_bytes, is_parsed=True)

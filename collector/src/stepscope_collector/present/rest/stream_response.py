"""An answer that is made while it is sent: a piece at a time, in threads."""

from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

__all__ = ["Download", "stream_response"]


@dataclass(frozen=True, slots=True)
class Download:
    """A file for whoever asked."""

    name: str
    """Suggested to browsers; ASCII."""
    media_type: str
    pieces: Generator[bytes, None, None]
    """Errors before the first piece are the answer."""
    is_inline: bool = False
    """To be shown where it is opened, not saved."""


async def stream_response(make: Callable[[], Download]) -> Response:
    """The answer that streams what `make` gives; it is called in a thread, and may refuse.

    When making a later piece fails, the server closes the connection, so that the client does not
    take a part for the whole.
    """
    download, first = await run_in_threadpool(_begin, make)
    disposition = "inline" if download.is_inline else "attachment"
    return StreamingResponse(
        _chunks(download.pieces, first),
        media_type=download.media_type,
        headers={
            "content-disposition": f'{disposition}; filename="{download.name}"',
            # of a browser that opens it from here: nothing in it may do anything
            "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
            "x-content-type-options": "nosniff",
        },
    )


def _begin(make: Callable[[], Download]) -> tuple[Download, bytes | None]:
    download = make()
    return download, next(download.pieces, None)


async def _chunks(
    pieces: Generator[bytes, None, None], piece: bytes | None
) -> AsyncGenerator[bytes]:
    try:
        while piece is not None:
            yield piece
            piece = await run_in_threadpool(next, pieces, None)
    finally:
        # also when the client has gone: the connection to the database goes back
        pieces.close()

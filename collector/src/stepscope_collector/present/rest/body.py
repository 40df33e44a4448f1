"""Bodies of requests: JSON of limited size."""

from typing import Final

from starlette.requests import Request

from stepscope_collector.errors import PayloadTooLarge, UnsupportedMedia

__all__ = ["MAX_BODY_BYTES", "read_body"]

MAX_BODY_BYTES: Final = 1024 * 1024
"""Of a question."""


async def read_body(request: Request, limit: int = MAX_BODY_BYTES) -> bytes:
    """The body, when it says that it is JSON.

    Raises:
        UnsupportedMedia: it says something else, or nothing.
        PayloadTooLarge: it has more bytes than the limit.
    """
    # A page of another origin may send text/plain unasked, but not this.
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise UnsupportedMedia(
            f"content type {media!r} is not application/json",
            hint="send -H 'content-type: application/json'",
        )
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise PayloadTooLarge(f"the question is larger than {limit} bytes")
    return bytes(body)

"""Bodies of requests: JSON of limited size."""

from typing import Final

from starlette.requests import Request

from stepscope_collector.errors import BadRequest, PayloadTooLarge, UnsupportedMedia

__all__ = ["MAX_BODY_BYTES", "read_body", "read_nothing"]

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


async def read_nothing(request: Request) -> None:
    """Take the body of a request that has none, or an empty one.

    Raises:
        BadRequest: there is something in it that would do nothing.
        UnsupportedMedia, PayloadTooLarge: as `read_body`.
    """
    body = (await read_body(request)).strip()
    if body not in (b"", b"{}"):
        raise BadRequest(
            f"{request.url.path} takes no body: {body[:80].decode(errors='replace')}",
            hint="parameters go behind the path, as in ?max_age=30d",
        )

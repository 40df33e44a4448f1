"""Log records of one execution as server-sent events, as they are committed.

The form is that of https://html.spec.whatwg.org/multipage/server-sent-events.html: browsers read it
with EventSource, and come back by themselves with the id of the last event.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from stepscope_collector.errors import BadRequest
from stepscope_collector.present.rest.encode import dumps, encode_row
from stepscope_collector.query.follow import LogFollower, News
from stepscope_collector.query.logs import MAX_LOGS
from stepscope_collector.store import Database

__all__ = ["LOOK_EVERY_S", "log_stream"]

LOOK_EVERY_S: Final = 0.25
"""A look that finds no new commit costs about 3 ms."""
_SIGN_OF_LIFE_LOOKS: Final = 40
"""10 s: proxies and clients give up silent connections, mostly after 30 s or more."""
_LOOKS_AFTER_END: Final = 6
"""Log exporters send up to a second later than the span that ends the execution."""


async def log_stream(
    database: Database,
    request: Request,
    execution_id: str,
    *,
    after: int | None,
    tail: int | None,
    is_up: Callable[[], bool],
) -> Response:
    """Events `log` with a record each, and `end` with the status once the execution has ended.

    Args:
        database: what is read.
        request: its header last-event-id says where an earlier stream was.
        execution_id: of the execution, or of its trace.
        after: first only records with a greater sequence.
        tail: first only the last so many.
        is_up: False: the server stops, and so does the stream, without `end`.

    Raises:
        NotFound: there is no such execution.
        BadRequest: `after`, `tail` or the id of the event makes no sense.
    """
    follower = LogFollower(database, execution_id, _position(request))
    first = await run_in_threadpool(
        follower.look, after=after, tail=None if tail is None else min(tail, MAX_LOGS)
    )
    return StreamingResponse(
        _events(follower, first, is_up),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


def _position(request: Request) -> int | None:
    written = request.headers.get("last-event-id", "").strip()
    if not written:
        return None
    if written.isascii() and written.isdigit() and len(written) < 20 and int(written) < 2**63:
        return int(written)
    raise BadRequest(f"last-event-id {written!r} is not one of ours", hint="send it as it came")


async def _events(
    follower: LogFollower, news: News, is_up: Callable[[], bool]
) -> AsyncGenerator[bytes]:
    yield b": follows\n\n" + _logs(news, follower.position)
    left = _LOOKS_AFTER_END if news.is_live else 0
    silent = 0
    while is_up() and (news.is_live or left):
        await asyncio.sleep(LOOK_EVERY_S)
        news = await run_in_threadpool(follower.look)
        left -= not news.is_live
        silent += 1
        if news.logs:
            yield _logs(news, follower.position)
            silent = 0
        elif silent >= _SIGN_OF_LIFE_LOOKS:
            yield b": still there\n\n"
            silent = 0
    if not news.is_live:
        yield b"event: end\ndata: " + dumps({"status": news.status}) + b"\n\n"


def _logs(news: News, position: int) -> bytes:
    events = [b"event: log\ndata: " + dumps(encode_row(row)) + b"\n" for row in news.logs]
    if events:
        # On the last one only: a client that comes back gets a commit whole.
        events[-1] += b"id: %d\n" % position
    return b"".join(event + b"\n" for event in events)

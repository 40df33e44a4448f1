"""The read API asked in this process."""

import pytest

from stepscope_collector.cli.asgi import ask
from stepscope_collector.errors import NotFound


def test_the_application_sees_the_request_and_its_answer_comes_in_pieces():
    """ours: ASGI 3, HTTP scope."""
    seen = {}

    async def application(scope, receive, send):
        seen.update(scope, request=await receive())
        await send({"type": "http.response.start", "status": 201, "headers": []})
        for body in (b"one", b"", b"two"):
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body"})

    answer = ask(application, "POST", "/a%20b?x=%C3%BC", {"Accept": "text/csv"}, b"body")
    assert answer.status == 201
    assert list(answer.chunks) == [b"one", b"two"]
    assert (seen["method"], seen["path"], seen["query_string"]) == ("POST", "/a b", b"x=%C3%BC")
    assert (b"accept", b"text/csv") in seen["headers"]
    assert seen["request"] == {"type": "http.request", "body": b"body", "more_body": False}


def test_an_error_before_and_within_the_answer_is_raised_where_it_is_read():
    """ours: nothing is swallowed between threads."""

    async def broken(scope, receive, send):
        raise NotFound("nothing there")

    with pytest.raises(NotFound, match="nothing there"):
        ask(broken, "GET", "/", {}, b"")

    async def breaks(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"half"})
        raise NotFound("the rest")

    answer = ask(breaks, "GET", "/", {}, b"")
    assert next(answer.chunks) == b"half"
    with pytest.raises(NotFound, match="the rest"):
        next(answer.chunks)


def test_an_answer_without_end_stops_when_it_is_no_longer_read():
    """ours: `stepscope sql … | head` must not leave a thread that fills memory."""
    import threading

    ended = threading.Event()

    async def endless(scope, receive, send):
        try:
            await send({"type": "http.response.start", "status": 200})
            while True:
                await send({"type": "http.response.body", "body": b"x"})
        finally:
            ended.set()

    chunks = ask(endless, "GET", "/", {}, b"").chunks
    assert next(chunks) == b"x"
    chunks.close()
    assert ended.wait(5)

"""OTLP/HTTP: three paths, protobuf and JSON on one port, an answer after the commit.

Reads a request as far as its limits allow, hands it to the ingest, in a thread unless it is small, and
answers with what `responses` makes of the outcome. Opens no socket: the process does, and runs this app on it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, NamedTuple

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from stepscope_collector.decode.batch import Encoding, Signal
from stepscope_collector.errors import NotFound, StepscopeError, UnsupportedMedia
from stepscope_collector.receive.answers import AT_ONCE_BYTES, Answers
from stepscope_collector.receive.head import Head, encoding_of
from stepscope_collector.receive.limits import (
    BodySize,
    declared_bytes,
    decompress,
    known_encoding,
)
from stepscope_collector.receive.port import Limits, Receipt, Submit
from stepscope_collector.receive.responses import (
    MEDIA_TYPES,
    failure_body,
    http_headers,
    success_body,
)
from stepscope_collector.receive.sender import sender_of

__all__ = ["DECODE_THREADS", "PATHS", "otlp_app", "otlp_refusal"]

logger = logging.getLogger(__name__)

PATHS: Final[dict[str, Signal]] = {
    "/v1/traces": "traces",
    "/v1/logs": "logs",
    "/v1/metrics": "metrics",
}

DECODE_THREADS: Final = 4
"""Requests that are decoded at one time; decoding holds the interpreter, so more would not help."""


class _MethodNotAllowed(StepscopeError):
    """A path that takes POST only was asked otherwise."""

    code = "method_not_allowed"
    http_status = 405
    grpc_status = "UNIMPLEMENTED"


def otlp_app(
    ingest: Submit,
    limits: Limits,
    *,
    paths: Mapping[str, Signal] = PATHS,
    decode_threads: int = DECODE_THREADS,
    pool: ThreadPoolExecutor | None = None,
) -> ASGIApp:
    """The app of an OTLP/HTTP port.

    Args:
        ingest: where requests go.
        limits: what may come in.
        paths: which path takes which signal; a trailing slash makes no difference.
        decode_threads: requests that are decompressed and decoded at one time.
        pool: their threads, of somebody who ends them; None: the app has its own.
    """
    is_own = pool is None
    threads = pool or ThreadPoolExecutor(decode_threads, thread_name_prefix="otlp-http")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        if is_own:
            threads.shutdown(wait=False)

    others = Starlette(
        exception_handlers={HTTPException: partial(_no_such_path, list(paths))}, lifespan=lifespan
    )
    endpoints = {
        path + slash: _Endpoint(signal, ingest, limits, threads)
        for path, signal in paths.items()
        for slash in ("", "/")
    }

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        # Routes of Starlette are patterns, tried one after the other, behind two more layers of calls.
        endpoint = endpoints.get(scope["path"]) if scope["type"] == "http" else None
        await (endpoint or others)(scope, receive, send)

    return app


def otlp_refusal(error: StepscopeError, content_type: str) -> tuple[str, bytes]:
    """Media type and body of a refusal, in the encoding the client has used."""
    encoding = encoding_of(content_type) or "json"
    return MEDIA_TYPES[encoding], failure_body(error, encoding)


async def _no_such_path(paths: list[str], request: Request, error: Exception) -> Response:
    path = request.url.path[:200]
    message = f"no such path {path!r}; OTLP is received at {', '.join(paths)}"
    content_type = request.headers.get("content-type", "")
    return _refusal(NotFound(message), encoding_of(content_type) or "json")


class _Endpoint:
    """One path: an ASGI app, so that every method reaches it and 405 is answered as OTLP wants."""

    def __init__(
        self, signal: Signal, ingest: Submit, limits: Limits, pool: ThreadPoolExecutor
    ) -> None:
        self._signal = signal
        self._ingest = ingest
        self._limits = limits
        self._pool = pool
        self._answers = Answers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = Head(scope)
        try:
            answer = await self._answer(head, receive)
        except ClientDisconnect:
            # Nothing was submitted; the client sends the whole request again (OTLP checklist H28).
            logger.debug("client went away while sending")
            return
        if isinstance(answer, Response):
            await answer(scope, receive, send)
            return
        media_type, body = answer
        # What Starlette's Response would send, for a fraction of its time.
        headers = [(b"content-length", b"%d" % len(body)), (b"content-type", media_type.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, head: Head, receive: Receive) -> Response | tuple[str, bytes]:
        """Media type and body of a success, or a refusal."""
        encoding = head.encoding or "json"
        try:
            if head.method != "POST":
                raise _MethodNotAllowed(f"method {head.method[:20]} is not allowed; use POST")
            receipt = await self._take(head, receive)
        except StepscopeError as error:
            return _refusal(error, encoding, expects_continue=head.expects_continue)
        except ClientDisconnect:
            raise
        except Exception:  # the outermost boundary: a bug of ours
            logger.exception("request failed", extra={"signal": self._signal})
            return _refusal(StepscopeError("internal error; the collector's log has it"), encoding)
        return MEDIA_TYPES[encoding], success_body(self._signal, encoding, receipt)

    async def _take(self, head: Head, receive: Receive) -> Receipt:
        """The receipt of the committed request."""
        sender = sender_of(head.address, head.token, head.text(b"user-agent"))
        held = _Held(self._ingest)
        try:
            encoding = _supported(head)
            compression = known_encoding(head.text(b"content-encoding"))
            body = await _read(head, receive, self._limits.max_payload_bytes, held)
        except StepscopeError as error:
            held.release()
            self._ingest.note_refused(self._signal, error, head.announced_bytes, sender)
            raise
        except BaseException:
            held.release()
            raise
        via = head.text(b"stepscope-via")
        ask = _Ask(body, held, compression, encoding, sender, head.token or head.address, via)
        if self._is_quick(ask):
            committed = self._submit(ask)
        else:
            loop = asyncio.get_running_loop()
            committed = await loop.run_in_executor(self._pool, self._submit, ask)
        # Whatever becomes of this task, the commit of others goes on with this request.
        receipt: Receipt = await self._answers.of(committed)
        return receipt

    def _is_quick(self, ask: "_Ask") -> bool:
        """Whether it takes the event loop less time than a thread would cost."""
        return (
            ask.compression == "identity"
            and ask.encoding == "protobuf"
            and sum(map(len, ask.body)) <= AT_ONCE_BYTES
            and not self._ingest.is_busy
        )

    def _submit(self, ask: "_Ask") -> Future[Any]:
        """Decompress and submit, in a thread of the pool."""
        whole = ask.body[0] if len(ask.body) == 1 else b"".join(ask.body)
        ask.body.clear()
        try:
            limit = self._limits.max_payload_bytes
            payload = decompress(whole, ask.compression, limit, ask.held.add)
        except StepscopeError as error:
            self._ingest.note_refused(self._signal, error, len(whole), ask.sender)
            raise
        finally:
            ask.held.release()  # from here on it counts as a request
        return self._ingest.submit(
            self._signal, payload, ask.encoding, ask.sender, via=ask.via, client=ask.client
        )


class _Ask(NamedTuple):
    """A request that is whole."""

    body: list[bytes]
    held: "_Held"
    compression: str
    encoding: Encoding
    sender: str
    client: str
    via: str


class _Held:
    """The bytes of one request that are in memory and no request of the ingest yet."""

    def __init__(self, ingest: Submit) -> None:
        self._ingest = ingest
        self._size = 0

    def add(self, size: int) -> None:
        """So many more; Overloaded: there is no room for them."""
        self._ingest.hold(size)
        self._size += size

    def release(self) -> None:
        """All of them are gone, or counted elsewhere."""
        self._ingest.release(self._size)
        self._size = 0


async def _read(head: Head, receive: Receive, limit: int, held: _Held) -> list[bytes]:
    """The body in the pieces it came in; PayloadTooLarge before it, or at the piece too many.

    The budget is asked for what the client announces before any of it is read, and again for every
    piece: what is announced and never comes takes no room from others.
    """
    announced = declared_bytes(head.content_length, limit)
    if announced:
        held.add(announced)
        held.release()
    size = BodySize(limit)
    pieces = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        if piece := message.get("body", b""):
            size.add(len(piece))
            held.add(len(piece))
            pieces.append(piece)
        if not message.get("more_body", False):
            return pieces


def _supported(head: Head) -> Encoding:
    encoding = head.encoding
    if encoding is None:
        raise UnsupportedMedia(
            f"content-type {head.text(b'content-type')[:80]!r} is not supported; "
            f"use {' or '.join(MEDIA_TYPES.values())}"
        )
    return encoding


def _refusal(
    error: StepscopeError, encoding: Encoding, *, expects_continue: bool = False
) -> Response:
    headers = http_headers(error)
    if error.http_status == _MethodNotAllowed.http_status:
        headers["Allow"] = "POST"
    if expects_continue:
        # The client may never send the body it announced, so the connection is of no more use.
        headers["Connection"] = "close"
    # Otherwise the connection stays: the server reads and forgets the rest of the body, and the
    # client sees this answer instead of a broken pipe (OTLP checklist H14).
    return Response(
        failure_body(error, encoding),
        status_code=error.http_status,
        headers=headers,
        media_type=MEDIA_TYPES[encoding],
    )

"""Which call to the OTLP/gRPC port goes where, before anything of it is read.

Beside Export there are grpc.health.v1, which needs no token, and reflection where it is switched on.
What anybody may call takes no place from admitted calls, and its messages have to come in time.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

import grpc
import grpc.aio

from stepscope_collector.access.gate import Admitted, Gate
from stepscope_collector.access.tokens import Scope
from stepscope_collector.decode.batch import Signal
from stepscope_collector.errors import StepscopeError
from stepscope_collector.receive.grpc_reading import Context, Line, Reading, cut, message_of
from stepscope_collector.receive.health import HEALTH_SERVICE, Health
from stepscope_collector.receive.reflection import REFLECTION_METHODS, Reflection
from stepscope_collector.receive.responses import grpc_failure

__all__ = ["METHODS", "Methods", "abort", "text"]

_PACKAGE: Final = "opentelemetry.proto.collector"
METHODS: Final[dict[str, Signal]] = {
    f"/{_PACKAGE}.trace.v1.TraceService/Export": "traces",
    f"/{_PACKAGE}.logs.v1.LogsService/Export": "logs",
    f"/{_PACKAGE}.metrics.v1.MetricsService/Export": "metrics",
}

_FIRST_MESSAGE_S: Final = 2.0
"""How long a call of anybody waits for each message, as long as few do."""
_BUSY_S: Final = 0.05
"""How long, when many do: a client sends the message together with the head of the call."""
_FEW: Final = 8


class Methods(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic only in the stubs
    """Finds the handler of a call; gRPC answers UNIMPLEMENTED where there is none.

    It sees the metadata of a call before the first byte of its message is read. Without a token
    one method is refused as another, so that nobody learns which there are.

    Args:
        export: takes signal, who was admitted, request and context; gives the answer.
        gate: knows the tokens; None: everybody may come in.
        health: what health checks are told.
        reflection: None: it is switched off.
        workers: calls of Export that are read or worked on at one time.
        line: of those that wait for their turn.
        reading: reads their messages.
        unread: is told signal, who was admitted and context of each that ends before its request is whole, and
            why if that is known.
        overloaded: is told signal and who was admitted of each that may not join the line; what it is refused
            with.
    """

    def __init__(  # noqa: PLR0913 what the receiver puts together
        self,
        export: Callable[[Signal, Admitted, bytes, Context], Awaitable[bytes]],
        gate: Gate | None,
        health: Health,
        reflection: Reflection | None,
        workers: int,
        line: Line,
        reading: Reading,
        unread: Callable[[Signal, Admitted, Context, StepscopeError | None], None],
        overloaded: Callable[[Signal, Admitted], StepscopeError],
    ) -> None:
        self._export = export
        self._line = line
        self._turn = asyncio.Semaphore(workers)
        self._overloaded = overloaded
        self._reading = reading
        self._unread = unread
        self._gate = gate
        patience = _Patience()
        self._open: dict[str | None, Any] = {
            f"/{HEALTH_SERVICE}/Check": _streams(partial(_each, health.check, 1, patience)),
            f"/{HEALTH_SERVICE}/Watch": _streams(partial(_watch, health, patience)),
        }
        self._further: dict[str | None, Any] = {}
        if reflection is not None:
            answer = _streams(partial(_each, reflection.answer, None, patience))
            self._further = dict.fromkeys(REFLECTION_METHODS, answer)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """The handler of a call; None: there is no such method."""
        method = handler_call_details.method
        if method in self._open:
            return self._open[method]
        signal = METHODS.get(method or "")
        try:
            admitted = self._admit(handler_call_details, None if signal is None else "ingest")
        except StepscopeError as error:
            return _refusal(error)
        if signal is None:
            return self._further.get(method)
        place = self._line.join()
        if place is None:
            return _refusal(self._overloaded(signal, admitted))
        # A handler of streams sees the call before its message, and so one that never has any.
        return grpc.stream_unary_rpc_method_handler(partial(self._read, signal, admitted, place))

    async def _read(
        self, signal: Signal, admitted: Admitted, place: object, _: Any, context: Context
    ) -> bytes:
        request = None
        try:
            try:
                await self._turn.acquire()
            finally:
                self._line.leave(place)
            try:
                try:
                    request = await self._reading.next(context)
                except StepscopeError as error:
                    self._unread(signal, admitted, context, error)
                    await abort(context, error)
                    return b""
                if request is not None:
                    return await self._export(signal, admitted, request, context)
            finally:
                self._turn.release()
        except asyncio.CancelledError:
            if request is None:
                self._unread(signal, admitted, context, None)
            raise
        # grpcio's core keeps a request over its limit to itself, and has answered it.
        self._unread(signal, admitted, context, None)
        if not context.done():
            with suppress(grpc.aio.InternalError):  # it has ended meanwhile
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the call has no message")
        return b""

    def _admit(self, call: grpc.HandlerCallDetails, scope: Scope | None) -> Admitted:
        if self._gate is None:
            return Admitted()
        return self._gate.admit(
            [text(value) for key, value in call.invocation_metadata if key == "authorization"],
            scope,
            "grpc",
        )


def _refusal(error: StepscopeError) -> Any:
    async def refuse(_: Any, context: Context) -> None:
        await abort(context, error)

    # A handler of streams is called at once, whether or not a message follows.
    return grpc.stream_stream_rpc_method_handler(refuse)


def _streams(answer: Callable[[Context], Awaitable[None]]) -> Any:
    async def handle(_: Any, context: Context) -> None:
        try:
            await answer(context)
        except StepscopeError as error:
            await abort(context, error)

    return grpc.stream_stream_rpc_method_handler(handle)


class _Patience:
    """Waits for the messages of calls that anybody may make; less long when many keep it waiting."""

    def __init__(self) -> None:
        self._waiting = 0

    async def next(self, context: Context) -> bytes | None:
        """The next message; None: there is none, or it takes too long and the call is over."""
        limit = asyncio.create_task(_cut_after(self._limit_s(), context))
        self._waiting += 1
        try:
            return await message_of(context)
        finally:
            self._waiting -= 1
            limit.cancel()

    def _limit_s(self) -> float:
        return _FIRST_MESSAGE_S if self._waiting < _FEW else _BUSY_S


async def _cut_after(seconds: float, context: Context) -> None:
    await asyncio.sleep(seconds)
    await cut(context)


async def _each(
    answer: Callable[[bytes], bytes], most: int | None, patience: _Patience, context: Context
) -> None:
    """Answer the requests of a stream, at most `most`; each has to come in time."""
    count = 0
    while most is None or count < most:
        request = await patience.next(context)
        if request is None:
            return
        count += 1
        await context.write(answer(request))
        await asyncio.sleep(0)  # others have their turn, however many questions came at once


async def _watch(health: Health, patience: _Patience, context: Context) -> None:
    request = await patience.next(context)
    if request is None:
        return
    loop = asyncio.get_running_loop()
    said: asyncio.Queue[bytes | None] = asyncio.Queue()

    def put(message: bytes | None) -> None:
        with suppress(RuntimeError):  # the loop is closed, and nobody watches
            loop.call_soon_threadsafe(said.put_nowait, message)

    forget = health.watch(request, put)
    try:
        while (message := await said.get()) is not None:
            await context.write(message)
    finally:
        forget()


def text(value: str | bytes) -> str:
    """A value of metadata."""
    return value if isinstance(value, str) else value.decode("latin-1")


async def abort(context: Context, error: StepscopeError) -> None:
    """End a call with what the error is to a client; returns when it has ended meanwhile."""
    code, message, details = grpc_failure(error)
    with suppress(grpc.aio.InternalError):
        await context.abort(grpc.StatusCode[code], message, (("grpc-status-details-bin", details),))

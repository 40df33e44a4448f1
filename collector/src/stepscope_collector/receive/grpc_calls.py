"""Which call to the OTLP/gRPC port goes where, before anything of it is read.

Beside Export there are grpc.health.v1, which needs no token, and reflection where it is switched on.
Python's gRPC has a thread for each call. So what anybody may call has threads of its own, which
cannot take those of admitted calls, and a time limit for its first message.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, Never

import grpc

from stepscope_collector.access.gate import Admitted, Gate
from stepscope_collector.access.tokens import Scope
from stepscope_collector.decode.batch import Signal
from stepscope_collector.errors import StepscopeError
from stepscope_collector.receive.grpc_reading import Line, Reading
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

_REFUSERS: Final = 4
"""Threads that refuse calls; each takes microseconds."""
_ASKED_BY_ANYBODY: Final = 16
"""Threads that answer health and reflection."""
_SENDERS: Final = 4
"""Threads that tell watchers of a change; each message has two bytes."""
_FIRST_MESSAGE_S: Final = 2.0
"""How long one of them waits for the message of its call, as long as others are free."""
_BUSY_S: Final = 0.05
"""How long, when they are not: a client sends the message together with the head of the call."""


class Methods(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic only in the stubs
    """Finds the handler of a call; gRPC answers UNIMPLEMENTED where there is none.

    It sees the metadata of a call before the first byte of its message is read. Without a token
    one method is refused as another, so that nobody learns which there are.

    Args:
        export: takes signal, who was admitted, request and context; gives the answer.
        gate: knows the tokens; None: everybody may come in.
        health: what health checks are told.
        reflection: None: it is switched off.
        line: of the calls of Export that wait for a thread.
        reading: reads their messages.
        unread: is told signal, who was admitted and context of each that ends before its request is whole.
        overloaded: is told signal and who was admitted of each that may not join the line; what it is refused
            with.
    """

    def __init__(  # noqa: PLR0913 what the receiver puts together
        self,
        export: Callable[..., bytes],
        gate: Gate | None,
        health: Health,
        reflection: Reflection | None,
        line: Line,
        reading: Reading,
        unread: Callable[[Signal, Admitted, grpc.ServicerContext], None],
        overloaded: Callable[[Signal, Admitted], StepscopeError],
    ) -> None:
        self._export = export
        self._line = line
        self._overloaded = overloaded
        self._reading = reading
        self._unread = unread
        self._gate = gate
        self._refusers = ThreadPoolExecutor(_REFUSERS, thread_name_prefix="otlp-refuse")
        self._others = ThreadPoolExecutor(_ASKED_BY_ANYBODY, thread_name_prefix="otlp-health")
        self._senders = ThreadPoolExecutor(_SENDERS, thread_name_prefix="otlp-watch")
        patience = _Patience()
        watch = self._stream(partial(_watch, health, self._senders, patience), is_waiting=False)
        self._open: dict[str | None, Any] = {
            f"/{HEALTH_SERVICE}/Check": self._stream(partial(_each, health.check, 1, patience)),
            f"/{HEALTH_SERVICE}/Watch": watch,
        }
        self._further: dict[str | None, Any] = {}
        if reflection is not None:
            answer = self._stream(partial(_each, reflection.answer, None, patience))
            self._further = dict.fromkeys(REFLECTION_METHODS, answer)

    def close(self) -> None:
        """Take no more calls."""
        for pool in (self._refusers, self._others, self._senders):
            pool.shutdown(wait=False, cancel_futures=True)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """The handler of a call; None: there is no such method."""
        method = handler_call_details.method
        if method in self._open:
            return self._open[method]
        signal = METHODS.get(method or "")
        try:
            admitted = self._admit(handler_call_details, None if signal is None else "ingest")
        except StepscopeError as error:
            return self._refusal(error)
        if signal is None:
            return self._further.get(method)
        place = self._line.join()
        if place is None:
            return self._refusal(self._overloaded(signal, admitted))
        # A handler of streams sees the call before its message, and so one that never has any.
        return grpc.stream_unary_rpc_method_handler(partial(self._read, signal, admitted, place))

    def _read(
        self,
        signal: Signal,
        admitted: Admitted,
        place: object,
        requests: Iterator[bytes],
        context: grpc.ServicerContext,
    ) -> bytes:
        self._line.leave(place)
        request = self._reading.next(requests, context)
        if request is None:
            # The core keeps a request over its limit to itself, and has answered it.
            self._unread(signal, admitted, context)
            return context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the call has no message")
        return self._export(signal, admitted, request, context)

    def _admit(self, call: grpc.HandlerCallDetails, scope: Scope | None) -> Admitted:
        if self._gate is None:
            return Admitted()
        return self._gate.admit(
            [text(value) for key, value in call.invocation_metadata if key == "authorization"],
            scope,
            "grpc",
        )

    def _refusal(self, error: StepscopeError) -> Any:
        def refuse(_: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            abort(context, error)

        # A handler of streams is called at once, whether or not a message follows.
        return _streams(refuse, self._refusers)

    def _stream(self, answer: Callable[..., Any], *, is_waiting: bool = True) -> Any:
        def handle(
            requests: Iterator[bytes], context: grpc.ServicerContext, *send: Any, **more: Any
        ) -> Any:
            try:
                return answer(requests, context, *send, **more)
            except StepscopeError as error:
                abort(context, error)

        return _streams(handle, self._others, is_waiting=is_waiting)


def _streams(handle: Any, pool: ThreadPoolExecutor, *, is_waiting: bool = True) -> Any:
    """A handler that runs in a pool of its own; gRPC reads these two attributes of it.

    Args:
        handle: takes an iterator of requests and the context, and gives one of answers.
        pool: where it runs.
        is_waiting: False: it also takes a function to send with, and its thread does not wait.
    """
    handle.experimental_thread_pool = pool
    handle.experimental_non_blocking = not is_waiting
    return grpc.stream_stream_rpc_method_handler(handle)


class _Patience:
    """Waits for the messages of calls that anybody may make; less long when many keep it waiting."""

    def __init__(self) -> None:
        self._calm = threading.Semaphore(_ASKED_BY_ANYBODY // 2)

    def next(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes | None:
        """The next message; None: there is none, or it takes too long and the call is over."""
        is_calm = self._calm.acquire(blocking=False)
        limit = threading.Timer(_FIRST_MESSAGE_S if is_calm else _BUSY_S, context.cancel)
        limit.daemon = True
        limit.start()
        try:
            return next(requests, None)
        except grpc.RpcError:
            return None
        finally:
            limit.cancel()
            if is_calm:
                self._calm.release()


def _each(
    answer: Callable[[bytes], bytes],
    most: int | None,
    patience: _Patience,
    requests: Iterator[bytes],
    context: grpc.ServicerContext,
) -> Iterator[bytes]:
    """The answers to the requests of a stream, at most `most`; each has to come in time."""
    count = 0
    while most is None or count < most:
        request = patience.next(requests, context)
        if request is None:
            return
        count += 1
        try:
            reply = answer(request)
        except StepscopeError as error:
            abort(context, error)
        yield reply


def _watch(
    health: Health,
    pool: ThreadPoolExecutor,
    patience: _Patience,
    requests: Iterator[bytes],
    context: grpc.ServicerContext,
    send_response_callback: Callable[[bytes | None], None],
) -> None:
    request = patience.next(requests, context)
    if request is None:
        return

    forget = health.watch(request, _Outbox(pool, send_response_callback).put)
    if not context.add_callback(forget):
        forget()  # it has ended already


class _Outbox:
    """Sends messages in their order, without making anybody wait.

    gRPC's own function returns only when the message has left.
    """

    def __init__(self, pool: ThreadPoolExecutor, send: Callable[[bytes | None], None]) -> None:
        self._pool = pool
        self._send = send
        self._waiting: deque[bytes | None] = deque()
        self._is_sending = False
        self._lock = threading.Lock()

    def put(self, message: bytes | None) -> None:
        """Send it after those before; None ends the call."""
        with self._lock:
            self._waiting.append(message)
            if self._is_sending:
                return
            self._is_sending = True
        self._pool.submit(self._send_all)

    def _send_all(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._is_sending = False
                    return
                message = self._waiting.popleft()
            self._send(message)


def text(value: str | bytes) -> str:
    """A value of metadata."""
    return value if isinstance(value, str) else value.decode("latin-1")


def abort(context: grpc.ServicerContext, error: StepscopeError) -> Never:
    """End a call with what the error is to a client."""
    code, message, details = grpc_failure(error)
    context.set_trailing_metadata((("grpc-status-details-bin", details),))
    context.abort(grpc.StatusCode[code], message)
    raise AssertionError("abort returned")

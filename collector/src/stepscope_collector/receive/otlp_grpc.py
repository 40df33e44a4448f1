"""OTLP/gRPC: the three Export methods, an answer after the commit.

The handlers see raw bytes, because gRPC's own deserialization would answer a bad request with a
retryable code and could not say why. Errors become protocol answers through `responses` only. They run in
an event loop of their own (`grpc_loop`), so that a call that waits for its commit holds no thread.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final, TypeVar
from urllib.parse import unquote

from stepscope_collector.access.certificates import Certificates
from stepscope_collector.access.gate import Admitted, Gate
from stepscope_collector.config.tree import OtlpConfig
from stepscope_collector.decode.batch import Signal
from stepscope_collector.errors import (
    Overloaded,
    StepscopeError,
    StoreUnavailable,
    Unauthenticated,
)
from stepscope_collector.receive.answers import AT_ONCE_BYTES, Answers
from stepscope_collector.receive.grpc_calls import METHODS, Methods, abort, text
from stepscope_collector.receive.grpc_loop import LoopThread
from stepscope_collector.receive.grpc_reading import Context, Line, Reading
from stepscope_collector.receive.grpc_servers import GrpcServer, server_of
from stepscope_collector.receive.grpcio_server import GrpcioServer
from stepscope_collector.receive.health import Health
from stepscope_collector.receive.http2 import Http2Server
from stepscope_collector.receive.port import Limits, Submit
from stepscope_collector.receive.reflection import Reflection
from stepscope_collector.receive.responses import success_body
from stepscope_collector.receive.sender import sender_of

__all__ = ["METHODS", "GrpcReceiver"]

logger = logging.getLogger(__name__)

_NAMES: Final = {signal: method.lstrip("/") for method, signal in METHODS.items()}
_FLAG: Final = "--otlp-grpc"
_WORKERS: Final = 64
"""Calls that are read, or wait for the commit that holds their rows."""

_OPENS_WITHIN_S: Final = 2.0
"""How long a call waits for the store of its tenant to open; it holds a thread meanwhile."""

_DECODE_THREADS: Final = 4
"""For the others; one is decoded at a time."""

T = TypeVar("T")


class GrpcReceiver:
    """The server of one OTLP/gRPC port; `start` and `stop` once each.

    Args:
        ingest: where requests go.
        listen: HOST:PORT; port 0 takes a free one.
        limits: what may come in.
        workers: requests handled at one time; some further ones wait, others come again.
        observe: is told method, status and seconds of each call.
        gate: knows the tokens; None: everybody may come in.
        certificates: of the port; None: plain text.
        config: which server, reflection, and how long connections live; None: as by default.
        clock: monotonic seconds, for how long calls wait.
        of_tenant: where requests of a tenant go, by its name and how many seconds it may take to find out; or
            StoreUnavailable. None: there are no tenants, and their requests are refused.
    """

    def __init__(  # noqa: PLR0913 what the process puts together
        self,
        ingest: Submit,
        listen: str,
        limits: Limits,
        *,
        workers: int = _WORKERS,
        observe: Callable[[str, str, float], None] = lambda *_: None,
        gate: Gate | None = None,
        certificates: Certificates | None = None,
        config: OtlpConfig | None = None,
        clock: Callable[[], float] = time.monotonic,
        of_tenant: Callable[[str, float], Submit] | None = None,
    ) -> None:
        self._of_tenant = of_tenant
        config = config or OtlpConfig()
        self._workers = workers
        self._ingest = ingest
        self._observe = observe
        self._listen = listen
        self._certificates = certificates
        self._gate = gate
        self._limits = limits
        self._config = config
        self.in_use: Final = server_of(config)
        self._clock = clock
        self._loop = LoopThread("otlp-grpc")
        self._decoders = ThreadPoolExecutor(_DECODE_THREADS, thread_name_prefix="otlp-grpc")
        self._openers = ThreadPoolExecutor(workers, thread_name_prefix="otlp-grpc-tenant")
        self._server: GrpcServer | None = None
        services = frozenset(name.rpartition("/")[0] for name in _NAMES.values())
        self.health: Final = Health(services)
        """What health checks are told; `drain` it to warn clients of a stop."""

    def start(self) -> str:
        """Listen and serve; the bound address as HOST:PORT.

        Raises:
            PortTaken: another process listens there.
            ConfigError: the host is not one of this machine.
        """
        self._loop.start()
        try:
            port = self._loop.run(self._serve())
        except BaseException:
            self._loop.close()
            raise
        return f"{self._listen.rpartition(':')[0]}:{port}"

    async def _serve(self) -> int:
        self._answers = Answers()
        reading = Reading(self._limits.http_read_timeout_s, self._workers)
        methods = Methods(
            self._export,
            self._gate,
            self.health,
            Reflection() if self._config.grpc_reflection else None,
            self._workers,
            Line(self._workers, self._clock),
            reading,
            self._unread,
            self._overloaded,
        )
        parts = methods, self._limits, self._config, self._certificates
        server = Http2Server(*parts) if self.in_use.server == "native" else GrpcioServer(*parts)
        port = await server.start(self._listen, _FLAG)
        self._looking = asyncio.create_task(reading.look())
        self._server = server
        return port

    def stop(self, grace_s: float) -> None:
        """Refuse new calls, let those in flight finish for `grace_s` seconds, then end them.

        The core ends new calls with UNAVAILABLE or CANCELLED, which clients take for temporary both.
        """
        self.health.drain()
        self.health.close()
        server, self._server = self._server, None
        if server is not None:
            self._loop.run(server.stop(grace_s))
            del server  # grpcio's ends its threads when nobody has it any more
            self._loop.close()
        self._decoders.shutdown(wait=False, cancel_futures=True)
        self._openers.shutdown(wait=False, cancel_futures=True)

    def _ingest_of(self, admitted: Admitted, within_s: float = 0) -> Submit:
        """Where a request goes; StoreUnavailable: its store is not open."""
        if admitted.tenant is None:
            return self._ingest
        if self._of_tenant is None:
            raise Unauthenticated
        return self._of_tenant(admitted.tenant, within_s)

    def _note(
        self, signal: Signal, admitted: Admitted, error: StepscopeError, sender: str | None
    ) -> None:
        with suppress(StoreUnavailable):  # nothing is counted of a store that is not open
            self._ingest_of(admitted).note_refused(signal, error, 0, sender)

    def _unread(
        self,
        signal: Signal,
        admitted: Admitted,
        context: Context,
        error: StepscopeError | None = None,
    ) -> None:
        error = error or _Incomplete("the call ended before its request was whole")
        metadata = context.invocation_metadata() or ()
        self._note(signal, admitted, error, _sender(_address(context), "", metadata))

    def _overloaded(self, signal: Signal, admitted: Admitted) -> Overloaded:
        error = Overloaded(
            f"too many calls wait for one of limits.grpc_workers={self._workers}; try again"
        )
        self._note(signal, admitted, error, None)
        return error

    async def _export(
        self, signal: Signal, admitted: Admitted, request: bytes, context: Context
    ) -> bytes:
        started = time.perf_counter()
        code = "OK"
        try:
            # No deadline of our own: when the client's passes, the rows are committed all the
            # same and its second try changes nothing (OTLP checklist G18, C9).
            committed = await self._submit(signal, admitted, request, context)
            return success_body(signal, "protobuf", await self._answers.of(committed))
        except StepscopeError as error:
            code = error.grpc_status
            await abort(context, error)
        except asyncio.CancelledError:
            code = "CANCELLED"
            raise
        except Exception:  # the outermost boundary: a bug of ours
            logger.exception("request failed", extra={"signal": signal})
            code = StepscopeError.grpc_status
            await abort(context, StepscopeError("internal error; the collector's log has it"))
        finally:
            self._observe(_NAMES[signal], code, time.perf_counter() - started)
        return b""

    async def _submit(
        self, signal: Signal, admitted: Admitted, request: bytes, context: Context
    ) -> Future[Any]:
        metadata = context.invocation_metadata() or ()
        address = _address(context)
        sender = _sender(address, admitted.name, metadata)
        ingest = await self._opened(admitted)

        def submit() -> Future[Any]:
            return ingest.submit(
                signal,
                request,
                "protobuf",
                sender,
                via=_via(metadata),
                client=admitted.name or address,
            )

        if len(request) <= AT_ONCE_BYTES and not ingest.is_busy:
            return submit()
        return await self._in_thread(self._decoders, submit)

    async def _opened(self, admitted: Admitted) -> Submit:
        """As `_ingest_of`, which waits for a store that is being opened."""
        try:
            return self._ingest_of(admitted)
        except StoreUnavailable:
            return await self._in_thread(
                self._openers, lambda: self._ingest_of(admitted, _OPENS_WITHIN_S)
            )

    async def _in_thread(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        """What it gives; a call that is cancelled keeps its turn until then, for its request is in memory."""
        working = asyncio.get_running_loop().run_in_executor(pool, work)
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            await asyncio.wait([working])
            working.exception()  # nobody is there to be told
            raise


class _Incomplete(StepscopeError):
    """A call ended before its request was whole: over the core's limit, too slow, or the client left."""

    code = "incomplete"
    http_status = 400
    grpc_status = "CANCELLED"
    is_retryable = True


def _sender(address: str, token: str, metadata: Any) -> str:
    """Address of the client, token and user agent."""
    agents = [text(value) for key, value in metadata if key == "user-agent"]
    return sender_of(address, token, "".join(agents[:1]))


def _address(context: Context) -> str:
    """Address of the client, without gRPC's notation (`ipv6:%5B::1%5D:4711`) and port."""
    peer = context.peer()
    address = (unquote(peer) if "%" in peer else peer).partition(":")[2]
    return address.rpartition(":")[0].strip("[]") or address


def _via(metadata: Any) -> str:
    """The collectors that have sent the request on."""
    return next((str(v) for k, v in metadata if k == "stepscope-via"), "")

"""OTLP/gRPC: the three Export methods, an answer after the commit.

The handlers see raw bytes, because gRPC's own deserialization would answer a bad request with a
retryable code and could not say why. Errors become protocol answers through `responses` only.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final
from urllib.parse import unquote

import grpc

from stepscope_collector.access.certificates import Certificates, Material
from stepscope_collector.access.gate import Admitted, Gate
from stepscope_collector.config.tree import OtlpConfig
from stepscope_collector.decode.batch import Signal
from stepscope_collector.errors import (
    Overloaded,
    PortTaken,
    StepscopeError,
    StoreUnavailable,
    Unauthenticated,
)
from stepscope_collector.receive.grpc_calls import METHODS, Methods, abort, text
from stepscope_collector.receive.grpc_reading import Line, Reading
from stepscope_collector.receive.health import Health
from stepscope_collector.receive.port import Limits, Receipt, Submit
from stepscope_collector.receive.reflection import Reflection
from stepscope_collector.receive.responses import success_body
from stepscope_collector.receive.sender import sender_of
from stepscope_collector.receive.sockets import listen

__all__ = ["METHODS", "GrpcReceiver"]

logger = logging.getLogger(__name__)

_NAMES: Final = {signal: method.lstrip("/") for method, signal in METHODS.items()}
_FLAG: Final = "--otlp-grpc"
_WORKERS: Final = 64
"""Each waits in its thread for the commit that holds its rows."""

_PING_ANSWER_MS: Final = 20_000
"""How long the answer to a ping may take: gRPC's own default."""

_OPENS_WITHIN_S: Final = 2.0
"""How long a call waits for the store of its tenant to open; it holds a thread meanwhile."""

_LOOK_S: Final = 1.0
"""How often a thread that waits for its commit looks whether the server has ended."""


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
        config: reflection, and how long connections live; None: as by default.
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
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="otlp-grpc")
        self._has_ended = threading.Event()
        services = frozenset(name.rpartition("/")[0] for name in _NAMES.values())
        self.health: Final = Health(services)
        """What health checks are told; `drain` it to warn clients of a stop."""
        reflection = Reflection() if config.grpc_reflection else None
        self._reading = Reading(limits.http_read_timeout_s, workers)
        self._methods = Methods(
            self._export,
            gate,
            self.health,
            reflection,
            Line(workers, clock),
            self._reading,
            self._unread,
            self._overloaded,
        )
        self._server = grpc.server(
            self._pool, handlers=[self._methods], options=_options(limits, config)
        )

    def start(self) -> str:
        """Listen and serve; the bound address as HOST:PORT.

        Raises:
            PortTaken: another process listens there.
            ConfigError: the host is not one of this machine.
        """
        # gRPC would write lines of its own about a taken port to stderr: look first.
        listen(self._listen, _FLAG).close()
        try:
            port = self._add_port()
        except RuntimeError as error:  # taken since the look
            raise PortTaken(
                f"another process listens on {self._listen}",
                hint=f"stop it or choose a port by {_FLAG}",
            ) from error
        self._server.start()
        self._reading.start()
        return f"{self._listen.rpartition(':')[0]}:{port}"

    def _add_port(self) -> int:
        if self._certificates is None:
            return self._server.add_insecure_port(self._listen)
        return self._server.add_secure_port(self._listen, _credentials(self._certificates))

    def stop(self, grace_s: float) -> None:
        """Refuse new calls, let those in flight finish for `grace_s` seconds, then end them.

        The core ends new calls with UNAVAILABLE or CANCELLED, which clients take for temporary both.
        """
        self.health.drain()
        self.health.close()
        self._server.stop(grace_s).wait()
        self._has_ended.set()
        self._reading.close()
        self._methods.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

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

    def _unread(self, signal: Signal, admitted: Admitted, context: grpc.ServicerContext) -> None:
        error = _Incomplete("the call ended before its request was whole")
        self._note(signal, admitted, error, _sender(context, ""))

    def _overloaded(self, signal: Signal, admitted: Admitted) -> Overloaded:
        error = Overloaded(
            f"too many calls wait for one of limits.grpc_workers={self._workers}; try again"
        )
        self._note(signal, admitted, error, None)
        return error

    def _export(
        self, signal: Signal, admitted: Admitted, request: bytes, context: grpc.ServicerContext
    ) -> bytes:
        started = time.perf_counter()
        code = "OK"
        try:
            # No deadline of our own: when the client's passes, the rows are committed all the
            # same and its second try changes nothing (OTLP checklist G18, C9).
            committed = self._ingest_of(admitted, _OPENS_WITHIN_S).submit(
                signal,
                request,
                "protobuf",
                _sender(context, admitted.name),
                via=_via(context),
                client=admitted.name or _address(context),
            )
            return success_body(signal, "protobuf", self._wait(committed))
        except StepscopeError as error:
            code = error.grpc_status
            abort(context, error)
        except Exception:  # the outermost boundary: a bug of ours
            logger.exception("request failed", extra={"signal": signal})
            code = StepscopeError.grpc_status
            abort(context, StepscopeError("internal error; the collector's log has it"))
        finally:
            self._observe(_NAMES[signal], code, time.perf_counter() - started)

    def _wait(self, committed: Future[Any]) -> Receipt:
        """The receipt; StoreUnavailable when the grace of `stop` has passed without one.

        Python waits for the threads of a pool when it exits, so none may wait for ever.
        """
        while True:
            try:
                receipt: Receipt = committed.result(_LOOK_S)
            except TimeoutError:
                if committed.done():
                    raise
                if self._has_ended.is_set():
                    raise StoreUnavailable("the collector is stopping; send again") from None
            else:
                return receipt


class _Incomplete(StepscopeError):
    """A call ended before its request was whole: over the core's limit, too slow, or the client left."""

    code = "incomplete"
    http_status = 400
    grpc_status = "CANCELLED"
    is_retryable = True


def _options(limits: Limits, config: OtlpConfig) -> list[tuple[str, int]]:
    options = [
        # Before and after decompression; the core stops unpacking at it since grpcio
        # 1.84; earlier ones unpack a bomb whole (measured 1.66 to 1.85, 2026-11).
        ("grpc.max_receive_message_length", limits.max_payload_bytes),
        # Two collectors on one port would share its requests at random.
        ("grpc.so_reuseport", 0),
        # Of connections that are open and say nothing; the core closes those over the number.
        ("grpc.max_allowed_incoming_connections", limits.grpc_max_connections),
        ("grpc.server_handshake_timeout_ms", int(limits.http_read_timeout_s * 1000)),
        # A client that pings an idle connection keeps it: no GOAWAY with too_many_pings, which
        # costs exporters the batch they are sending (OTLP checklist G14).
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_ping_strikes", 0),
    ]
    if config.grpc_keepalive_s:
        options += [
            ("grpc.keepalive_time_ms", int(config.grpc_keepalive_s * 1000)),
            ("grpc.keepalive_timeout_ms", _PING_ANSWER_MS),
        ]
    if config.grpc_max_connection_age_s:
        grace_s = config.grpc_max_connection_age_grace_s
        options += [
            ("grpc.max_connection_age_ms", int(config.grpc_max_connection_age_s * 1000)),
            ("grpc.max_connection_age_grace_ms", int(grace_s * 1000)),
        ]
    return options


def _credentials(certificates: Certificates) -> grpc.ServerCredentials:
    """Credentials that are asked for anew at each handshake."""
    known = certificates.current()

    def configuration(material: Material) -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration(
            [(material.key, material.cert)], root_certificates=material.client_ca
        )

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        nonlocal known
        fresh = certificates.current()
        if fresh is known:
            return None  # as it was
        known = fresh
        return configuration(fresh)

    return grpc.dynamic_ssl_server_credentials(
        configuration(known),
        fetch,  # type: ignore[arg-type]  # the stubs do not know that None means no change
        require_client_authentication=certificates.asks_clients,
    )


def _sender(context: grpc.ServicerContext, token: str) -> str:
    """Address of the client, token and user agent."""
    agents = [text(value) for key, value in context.invocation_metadata() if key == "user-agent"]
    return sender_of(_address(context), token, "".join(agents[:1]))


def _address(context: grpc.ServicerContext) -> str:
    """Address of the client, without gRPC's notation (`ipv6:%5B::1%5D:4711`) and port."""
    address = unquote(context.peer()).partition(":")[2]
    return address.rpartition(":")[0].strip("[]") or address


def _via(context: grpc.ServicerContext) -> str:
    """The collectors that have sent the request on."""
    return next((str(v) for k, v in context.invocation_metadata() if k == "stepscope-via"), "")

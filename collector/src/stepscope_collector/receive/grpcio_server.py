"""The server of grpcio, for where the native part is not installed."""

import logging
from typing import Final

import grpc
import grpc.aio

from stepscope_collector.access.certificates import Certificates, Material
from stepscope_collector.config.tree import OtlpConfig
from stepscope_collector.errors import PortTaken
from stepscope_collector.receive.port import Limits
from stepscope_collector.receive.sockets import listen

__all__ = ["GrpcioServer"]

_PING_ANSWER_MS = 20_000
"""How long the answer to a ping may take: gRPC's own default."""
_CORE_LOG: Final = logging.getLogger("grpc._cython.cygrpc")


class GrpcioServer:
    """Satisfies `GrpcServer`; in the event loop.

    Args:
        handler: finds the methods of calls.
        limits: what may come in.
        config: how long connections live.
        certificates: of the port; None: plain text.
    """

    def __init__(
        self,
        handler: grpc.GenericRpcHandler,  # type: ignore[type-arg]  # generic only in the stubs
        limits: Limits,
        config: OtlpConfig,
        certificates: Certificates | None,
    ) -> None:
        # A server that never started writes a debug line while it is being freed, and its record
        # keeps a reference to it: that crashes the process later (grpcio 1.85.1). Whether debug lines
        # are kept then is not known now.
        _CORE_LOG.setLevel(max(logging.INFO, _CORE_LOG.level))
        self._server = grpc.aio.server(handlers=[handler], options=_options(limits, config))
        self._certificates = certificates

    async def start(self, address: str, flag: str) -> int:
        """As `GrpcServer.start`."""
        # gRPC would write lines of its own about a taken port to stderr: look first.
        listen(address, flag).close()
        try:
            if self._certificates is None:
                port = self._server.add_insecure_port(address)
            else:
                port = self._server.add_secure_port(address, _credentials(self._certificates))
        except RuntimeError as error:  # taken since the look
            raise PortTaken(
                f"another process listens on {address}", hint=f"stop it or choose a port by {flag}"
            ) from error
        await self._server.start()
        return port

    async def stop(self, grace_s: float) -> None:
        """As `GrpcServer.stop`."""
        await self._server.stop(grace_s)


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

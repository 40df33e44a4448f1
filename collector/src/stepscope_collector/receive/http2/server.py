"""The server: connections, and who answers their calls."""

import asyncio
import logging
from contextlib import suppress
from typing import Any, Final

import grpc
import grpc.aio

from stepscope_collector.access.certificates import Certificates
from stepscope_collector.config.tree import OtlpConfig
from stepscope_collector.receive.grpc_calls import METHODS
from stepscope_collector.receive.http2.call import Call, Details
from stepscope_collector.receive.http2.connection import Connection, Times
from stepscope_collector.receive.port import Limits
from stepscope_collector.receive.sockets import BACKLOG, listen

__all__ = ["Http2Server"]

logger = logging.getLogger(__name__)

_SMALL_BYTES: Final = 64 * 1024
"""Of a message to health checks and reflection, which anybody may send."""
_NO_KEEPALIVE_S: Final = 7200.0
"""As gRPC has it by itself."""
_FAREWELL_S: Final = 1.0
"""How long clients have to read the last of what they are sent."""


class Http2Server:
    """Serves the methods of a handler; `start` and `stop` once each, in the event loop.

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
        self._handler = handler
        self._limits = limits
        self._times = Times(
            limits.http_read_timeout_s,
            config.grpc_keepalive_s or _NO_KEEPALIVE_S,
            config.grpc_max_connection_age_s,
            config.grpc_max_connection_age_grace_s,
        )
        self._certificates = certificates
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._is_stopping = False
        self._is_empty = asyncio.Event()
        self._is_empty.set()

    async def start(self, address: str, flag: str) -> int:
        """Listen on HOST:PORT; the port.

        Raises:
            PortTaken: another process listens there.
            ConfigError: the host is not one of this machine.
        """
        listening = listen(address, flag, is_dual=True)  # as with gRPC's core
        secure: dict[str, Any] = {}
        if self._certificates is not None:
            secure["ssl"] = self._certificates.grpc_context()
            secure["ssl_handshake_timeout"] = self._limits.http_read_timeout_s
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._connection, sock=listening, backlog=BACKLOG, **secure
        )
        return int(listening.getsockname()[1])

    async def stop(self, grace_s: float) -> None:
        """Refuse new calls, let those there are finish for a while, then end them."""
        assert self._server is not None
        self._is_stopping = True
        self._server.close()
        for connection in list(self._connections):
            connection.go_away()
        calls = [each for connection in self._connections for each in connection.calls()]
        if calls and grace_s:
            await asyncio.wait([task for _, task in calls], timeout=grace_s)
        calls = [each for connection in self._connections for each in connection.calls()]
        for call, task in calls:
            call.end(grpc.StatusCode.UNAVAILABLE, "the collector stops")
            task.cancel()
        if calls:
            await asyncio.wait([task for _, task in calls])
        for connection in list(self._connections):
            connection.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_empty.wait(), _FAREWELL_S)
        for connection in list(self._connections):
            connection.abort()
        with suppress(TimeoutError):  # nothing of the loop is left when it is closed
            await asyncio.wait_for(self._is_empty.wait(), _FAREWELL_S)
            await asyncio.wait_for(self._server.wait_closed(), _FAREWELL_S)

    def _connection(self) -> Connection:
        return Connection(self._times, self._limit_of, self._serve, self._opened, self._closed)

    def _opened(self, connection: Connection) -> bool:
        if len(self._connections) >= self._limits.grpc_max_connections or self._is_stopping:
            return False
        self._connections.add(connection)
        self._is_empty.clear()
        return True

    def _closed(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._is_empty.set()

    def _limit_of(self, method: str) -> int:
        return self._limits.max_payload_bytes if method in METHODS else _SMALL_BYTES

    async def _serve(self, call: Call, details: Details) -> None:
        try:
            if self._is_stopping:
                call.end(grpc.StatusCode.UNAVAILABLE, "the collector stops")
                return
            handler: Any = self._handler.service(details)  # type: ignore[arg-type]  # it has what handlers use
            if handler is None:
                call.end(grpc.StatusCode.UNIMPLEMENTED, f"no method {details.method[:200]}")
            elif handler.stream_unary is not None:
                answer = await handler.stream_unary(None, call)
                call.end(grpc.StatusCode.OK, message=answer)
            else:
                await handler.stream_stream(None, call)
                call.end(grpc.StatusCode.OK)
        except grpc.aio.AbortError:
            pass  # it has ended
        except grpc.aio.InternalError:
            pass  # the client has ended it
        except Exception:  # a bug of ours ends one call
            logger.exception("call failed", extra={"method": details.method})
            with suppress(Exception):
                call.end(grpc.StatusCode.INTERNAL, "internal error; the collector's log has it")

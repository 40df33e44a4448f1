"""Which server speaks gRPC: our own, in the native part, or that of grpcio."""

from typing import Literal, NamedTuple, Protocol, cast

from stepscope_collector.config.tree import OtlpConfig
from stepscope_collector.decode.native import in_use
from stepscope_collector.errors import ConfigError

__all__ = ["GrpcServer", "ServerInUse", "server_of"]


class GrpcServer(Protocol):
    """Serves the methods of a handler; `start` and `stop` once each, in an event loop."""

    async def start(self, address: str, flag: str) -> int:
        """Listen on HOST:PORT; the port. `flag`: which sets the address.

        Raises:
            PortTaken: another process listens there.
            ConfigError: the host is not one of this machine.
        """

    async def stop(self, grace_s: float) -> None:
        """Refuse new calls, let those there are finish for so many seconds, then end them."""


class ServerInUse(NamedTuple):
    """Which server takes calls."""

    server: Literal["native", "grpcio"]
    reason: str
    """Why, in words for `stepscope doctor` and the log."""


def server_of(config: OtlpConfig) -> ServerInUse:
    """The server for a setting of `otlp.grpc_server`.

    Raises:
        ConfigError: the native one is asked for, and it cannot be used.
    """
    wanted = cast("Literal['auto', 'native', 'grpcio']", config.grpc_server)
    if wanted == "grpcio":
        return ServerInUse("grpcio", "otlp.grpc_server=grpcio")
    found = in_use("auto")
    if found.decoder == "native":
        return ServerInUse("native", found.reason)
    if wanted == "native":
        raise ConfigError(
            f"otlp.grpc_server=native cannot be: {found.reason}; install the wheel of native/ that "
            "belongs to this version, or set otlp.grpc_server=auto"
        )
    return ServerInUse("grpcio", found.reason)

"""Listening sockets, with an error a user can act on."""

import errno
import socket

from stepscope_collector.config.values import split_address
from stepscope_collector.errors import ConfigError, PortTaken

__all__ = ["BACKLOG", "address_of", "listen"]

BACKLOG = 2048
"""Of connections that nobody has accepted yet: after a start all exporters come at once."""


def listen(address: str, flag: str, *, is_dual: bool = False) -> socket.socket:
    """A listening socket on HOST:PORT; port 0 takes a free one. `is_dual`: `::` takes IPv4 as well.

    Raises:
        PortTaken: another process listens there; the hint names the flag.
        ConfigError: the host is not one of this machine.
    """
    host, port = split_address(address)
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        is_dual = is_dual and host == "::" and socket.has_dualstack_ipv6()
        return socket.create_server(
            (host, port), family=family, backlog=BACKLOG, dualstack_ipv6=is_dual
        )
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"another process listens on {address}", hint=f"stop it or choose a port by {flag}"
            ) from error
        raise ConfigError(f"cannot listen on {address}: {error.strerror or error}") from error


def address_of(listening: socket.socket) -> str:
    """HOST:PORT of a socket."""
    host, port, *_ = listening.getsockname()
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

"""Which ports may be open: without authentication those that only this machine reaches."""

import ipaddress
import logging
import socket
from collections.abc import Mapping

from stepscope_collector.config import Settings
from stepscope_collector.config.values import split_address
from stepscope_collector.errors import ConfigError

__all__ = ["check_ports", "is_loopback"]

logger = logging.getLogger(__name__)


def is_loopback(host: str) -> bool:
    """True when the host is reached from this machine only, under every address it has."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False  # listening on it fails later, with its own error
    return all(ipaddress.ip_address(each[4][0]).is_loopback for each in found)


def check_ports(settings: Settings, *, has_tokens: bool) -> None:
    """Nothing, when every port may be opened; otherwise a warning or an error.

    Args:
        settings: addresses and TLS.
        has_tokens: requests need a token.

    Raises:
        ConfigError: a port is reached from elsewhere and nothing asks who comes.
    """
    reached = _reached_from_elsewhere(settings)
    if not reached:
        return
    where = ", ".join(f"{key}={address}" for key, address in reached.items())
    if not has_tokens and not settings.tls.client_ca and not settings.auth.allow_anonymous:
        raise ConfigError(
            f"{where} can be reached from other machines, and there is no authentication",
            hint="make a token: stepscope token create --scope ingest --name NAME; or ask for client "
            "certificates with tls.client_ca; or listen on 127.0.0.1; or set "
            "auth.allow_anonymous=true to let everybody in",
        )
    if has_tokens and not settings.tls.cert:
        logger.warning("tokens cross the network in plain text; set tls.cert", extra={"at": where})
    elif not has_tokens and not settings.tls.client_ca:
        logger.warning(
            "everybody may write and read, as auth.allow_anonymous says", extra={"at": where}
        )


def _reached_from_elsewhere(settings: Settings) -> Mapping[str, str]:
    ports = {
        "otlp.grpc": settings.otlp.grpc,
        "otlp.http": settings.otlp.http,
        "web.listen": settings.web.listen,
    }
    return {key: at for key, at in ports.items() if not is_loopback(split_address(at)[0])}

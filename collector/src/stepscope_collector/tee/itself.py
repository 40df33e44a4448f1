"""Whether an endpoint is this collector itself."""

import ipaddress
import socket
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from stepscope_collector.config import Target
from stepscope_collector.config.values import split_address
from stepscope_collector.errors import ConfigError

__all__ = ["instance_id", "refuse_itself"]

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_PORTS = {"http": 80, "https": 443}


def refuse_itself(targets: Iterable[Target], own: Iterable[str]) -> None:
    """Refuse targets that are a port of this process.

    Args:
        targets: where something is to be sent.
        own: HOST:PORT of every port of this process, as bound.

    Raises:
        ConfigError: a target is one of them, under whatever name.
    """
    listening = [split_address(address) for address in own]
    for target in targets:
        parts = urlsplit(target.endpoint)
        port = parts.port or _PORTS[parts.scheme]
        reached = {_reached(address) for address in _addresses(parts.hostname or "", port)}
        for host, own_port in listening:
            if port == own_port and _meets(reached, _addresses(host, own_port)):
                raise ConfigError(
                    f"endpoint {target.endpoint} of {target.name!r} is this collector itself",
                    hint="name another collector, or leave it out",
                )


def _meets(reached: set[_Address], bound: set[_Address]) -> bool:
    if reached & bound:
        return True
    return any(each.is_unspecified for each in bound) and any(_is_local(each) for each in reached)


def _addresses(host: str, port: int) -> set[_Address]:
    """What a name stands for; nothing when nobody knows it now."""
    found: set[_Address] = set()
    with suppress(OSError, UnicodeError):
        for *_, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            address = ipaddress.ip_address(str(place[0]).partition("%")[0])
            mapped = getattr(address, "ipv4_mapped", None)
            found.add(mapped or address)
    return found


def _reached(address: _Address) -> _Address:
    """Who answers there: 0.0.0.0 and :: are this machine for those who connect."""
    if not address.is_unspecified:
        return address
    return ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")


def _is_local(address: _Address) -> bool:
    """Whether it belongs to this machine: only such an address can be bound."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.bind((str(address), 0))
        return True
    return False


def instance_id(folder: Path) -> str:
    """The id of the collector of this directory, made at the first start and kept."""
    path = folder / "instance"
    with suppress(OSError):
        if found := path.read_text("ascii").strip():
            return found
    made = uuid.uuid4().hex
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(made, "ascii")
    return made

"""Which hosts of requests are this machine and which may be a page of somebody else."""

import ipaddress
from collections.abc import Collection

__all__ = ["is_own_host"]


def is_own_host(host: str, names: Collection[str]) -> bool:
    """True when a Host header is an address, localhost, or one of `names`, with any port."""
    name = host.strip().lower()
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    name = name.rstrip(".")
    if name == "localhost" or name.endswith(".localhost") or name in names:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

"""What a tenant may be called: its name becomes a folder of the data directory. Pure."""

import re
from typing import Any, Final

from stepscope_collector.errors import BadRequest

__all__ = ["check_tenant", "is_tenant"]

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
"""Small letters only: some file systems take `acme` and `Acme` for one folder. No dot and no separator."""


def is_tenant(name: Any) -> bool:
    """True when it can name a tenant."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def check_tenant(name: str) -> None:
    """Nothing, when it can name a tenant.

    Raises:
        BadRequest: it cannot.
    """
    if not is_tenant(name):
        raise BadRequest(
            f"{name[:80]!r} cannot name a tenant",
            hint="up to 63 small letters, digits, hyphens and underlines; a letter or digit first",
        )

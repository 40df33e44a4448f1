"""What an Authorization header says. Pure.

RFC 6750 (Bearer) and RFC 7617 (Basic): the scheme in any case, one or more spaces, the credentials.
Two headers are none, for a proxy and this server might each believe another one.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

__all__ = ["CHALLENGES", "Presented", "read_authorization"]

CHALLENGES: Final = ('Bearer realm="stepscope"', 'Basic realm="stepscope", charset="UTF-8"')
"""For WWW-Authenticate; they say which schemes there are and not what was wrong."""

_MAX_CHARACTERS: Final = 1024
"""Ten times what a token with its name can need."""
_BEARER: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")


class Presented(NamedTuple):
    """Credentials a client has sent."""

    secret: str
    user: str | None = None
    """The user of Basic; None: Bearer, which names nobody."""


def read_authorization(values: Sequence[str]) -> Presented | None:
    """The credentials in all Authorization headers of a request; None: they make no sense."""
    if len(values) != 1 or len(values[0]) > _MAX_CHARACTERS:
        return None
    scheme, _, rest = values[0].strip(" \t").partition(" ")
    rest = rest.strip(" ")
    if scheme.lower() == "bearer":
        return Presented(rest) if _BEARER.fullmatch(rest) else None
    if scheme.lower() == "basic":
        return _basic(rest)
    return None


def _basic(text: str) -> Presented | None:
    try:
        user, colon, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return Presented(secret, user) if colon else None

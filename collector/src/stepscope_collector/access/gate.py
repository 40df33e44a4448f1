"""Lets a request in or not; asked before a byte of its body is read.

The file of tokens is looked at for every request, so a token that was made or revoked counts from
the next request on. Without any token everybody may come in, as far as the ports reach (`ports.py`).
Once there was a token, the gate stays closed, whatever becomes of the file.
"""

import logging
import os
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hmac import compare_digest
from pathlib import Path
from typing import Final, NamedTuple

from stepscope_collector.access.credentials import Presented, read_authorization
from stepscope_collector.access.tokens import (
    LOCAL_NAME,
    Scope,
    Token,
    hash_of,
    new_secret,
    read_tokens,
)
from stepscope_collector.errors import ConfigError, PermissionDenied, Unauthenticated

__all__ = ["Admitted", "Gate"]

logger = logging.getLogger(__name__)

_Stamp = tuple[int, int, int]


class Admitted(NamedTuple):
    """Who was let in."""

    name: str = ""
    """Of the token; "": none was needed."""
    tenant: str | None = None
    """Whose store the request is for; None: the collector's own."""
    user: str | None = None
    """Whose executions may be shown; None: all."""


class _Known(NamedTuple):
    """One state of the file."""

    stamp: _Stamp | None
    tokens: tuple[Token, ...]


class Gate:
    """Knows the tokens; thread-safe.

    Args:
        path: the file of tokens; it need not exist.
        count: is told `admitted` or `denied`, the transport, and the token's name or the reason.

    Raises:
        ConfigError: the file cannot be read or is not whole.
    """

    def __init__(
        self, path: Path, count: Callable[[str, str, str], None] = lambda *_: None
    ) -> None:
        self.path: Final = path
        self._count: Final = count
        self._lock = threading.Lock()
        self.local_secret: Final = new_secret()
        """A token for whoever can read the data directory; it ends with the process."""
        self._local: Final = Token(
            LOCAL_NAME, ("admin",), hash_of(self.local_secret), datetime.now(UTC)
        )
        self._known = _Known(self._stamp(), read_tokens(path))

    @property
    def is_closed(self) -> bool:
        """True when requests need a token."""
        return bool(self._known.tokens)

    def tenants(self) -> tuple[str, ...]:
        """Those that an active token names, in the order the tokens were made."""
        now = datetime.now(UTC)
        active = (token.tenant for token in self._known.tokens if token.state(now) == "active")
        return tuple(dict.fromkeys(tenant for tenant in active if tenant is not None))

    def reload(self) -> None:
        """Read the file again. What it said last stays in force when it cannot be read."""
        with self._lock:
            stamp = self._stamp()
            try:
                tokens = read_tokens(self.path)
            except ConfigError as error:
                logger.warning("tokens were not read again", extra={"error": error.message})
                tokens = self._known.tokens
            if self._known.tokens and not tokens:
                logger.warning("no token is left, those known stay", extra={"path": str(self.path)})
                tokens = self._known.tokens
            self._known = _Known(stamp, tokens)

    def admit(self, authorization: Sequence[str], scope: Scope | None, transport: str) -> Admitted:
        """The token that lets the request in, whose store it opens, and how much of it.

        Args:
            authorization: all Authorization headers of the request.
            scope: what the request wants to do; None: any token will do.
            transport: how it came, for the counts.

        Raises:
            Unauthenticated: no active token.
            PermissionDenied: the token has not the scope.
        """
        if self._stamp() != self._known.stamp:
            self.reload()
        if not self._known.tokens:
            return Admitted()
        presented = read_authorization(authorization)
        if presented is None:
            self._count("denied", transport, "malformed" if authorization else "missing")
            raise Unauthenticated
        token = self._find(presented)
        reason = "unknown" if token is None else token.state(datetime.now(UTC))
        if token is None or reason != "active":
            self._count("denied", transport, reason)
            raise Unauthenticated
        if scope is not None and not token.allows(scope):
            self._count("denied", transport, "scope")
            raise PermissionDenied(
                f"the token {token.name} has the scope {', '.join(token.scopes)}; "
                f"this needs {scope}"
            )
        self._count("admitted", transport, token.name)
        return Admitted(token.name, token.tenant, token.user)

    def _find(self, presented: Presented) -> Token | None:
        """The token with this secret; takes as long whichever it is, and when it is none."""
        digest = hash_of(presented.secret)
        found = None
        for token in (self._local, *self._known.tokens):
            is_same = compare_digest(token.sha256, digest)
            is_named = presented.user is None or compare_digest(
                token.name.encode(), presented.user.encode("utf-8", "surrogatepass")
            )
            if is_same and is_named:
                found = token
        return found

    def _stamp(self) -> _Stamp | None:
        try:
            seen = os.stat(self.path)  # noqa: PTH116 three times as fast, for each request
        except OSError:
            return None
        return seen.st_ino, seen.st_mtime_ns, seen.st_size

"""Tokens and the file that keeps their hashes.

A token is 192 random bits, shown once. The file holds SHA-256 hashes of tokens: against guessing a
number of that size a slow hash would add nothing. The file is replaced as a whole, so a reader, such
as a running server, sees the old one or the new one.
"""

import hashlib
import json
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, get_args

from stepscope_collector.access.tenant_names import check_tenant, is_tenant
from stepscope_collector.errors import BadRequest, ConfigError, NotFound

__all__ = [
    "LOCAL_NAME",
    "PREFIX",
    "SCOPES",
    "Scope",
    "Token",
    "create_token",
    "hash_of",
    "new_secret",
    "read_tokens",
    "revoke_token",
]

Scope = Literal["ingest", "read", "admin"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
PREFIX: Final = "stepscope_"
"""Every token begins with it, so that people and secret scanners know what they have found."""
LOCAL_NAME: Final = "local"
"""Name of the token that a server makes for commands of its own user; no other has it."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SECRET_BYTES: Final = 24
_USER_CHARACTERS: Final = 256
_VERSION: Final = 1
_RESTRICTED: Final = 2
"""Version of a file with tokens that are for less than the collector's own store: one that does not know
them has to refuse the file, for it would let them see everything."""


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token; times are UTC."""

    name: str
    scopes: tuple[Scope, ...]
    sha256: str
    """Of the token, hexadecimal."""
    created_at: datetime
    expires_at: datetime | None = None
    """None: never."""
    revoked_at: datetime | None = None
    tenant: str | None = None
    """Whose store it opens; None: the collector's own."""
    user: str | None = None
    """Whose executions it shows, and those of public workflows; None: all of the store."""

    def allows(self, scope: Scope) -> bool:
        """True when the token has the scope; admin has all."""
        return scope in self.scopes or "admin" in self.scopes

    def state(self, now: datetime) -> Literal["active", "expired", "revoked"]:
        """What has become of it."""
        if self.revoked_at is not None:
            return "revoked"
        is_over = self.expires_at is not None and now >= self.expires_at
        return "expired" if is_over else "active"


def new_secret() -> str:
    """A token nobody has seen."""
    return PREFIX + secrets.token_hex(_SECRET_BYTES)


def hash_of(secret: str) -> str:
    """SHA-256 of a token, hexadecimal."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def read_tokens(path: Path) -> tuple[Token, ...]:
    """The tokens in the file, in the order they were made; none when there is no file.

    Raises:
        ConfigError: the file cannot be read, is not whole, or others may write it.
    """
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o022:
                raise ConfigError(
                    f"{path} can be written by others, who could add tokens",
                    hint=f"chmod 600 {path}",
                )
            document = json.load(file)
        if document["version"] not in (_VERSION, _RESTRICTED):
            raise ConfigError(
                f"{path} was written by a newer version", hint="upgrade stepscope-collector"
            )
        return tuple(_token_of(each) for each in document["tokens"])
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ConfigError(f"tokens in {path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{path} is no file of tokens: {error}",
            hint="put back a copy, or remove it and make new ones",
        ) from error


def create_token(
    path: Path,
    name: str,
    scopes: tuple[Scope, ...],
    expires_at: datetime | None = None,
    *,
    tenant: str | None = None,
    user: str | None = None,
) -> str:
    """A new token, which is in the file from now on; its text is nowhere else.

    The name of a revoked or expired token may be used again.

    Raises:
        BadRequest: the name is taken or no name, or the token would have expired already; or `tenant`
            cannot name a tenant, or `user` no user, or a token for a user would do more than read.
        ConfigError: the file cannot be read or written.
    """
    if not _NAME.fullmatch(name) or name == LOCAL_NAME:
        raise BadRequest(
            f"{name[:80]!r} cannot name a token",
            hint=f"up to 64 letters, digits, dots, hyphens and underlines; not {LOCAL_NAME!r}",
        )
    if tenant is not None:
        check_tenant(tenant)
    if user is not None:
        _check_user(user, scopes)
    now = datetime.now(UTC)
    if expires_at is not None and expires_at <= now:
        raise BadRequest(f"a token that expires at {expires_at:%Y-%m-%dT%H:%M:%SZ} is of no use")
    secret = new_secret()
    made = Token(name, scopes, hash_of(secret), now, expires_at, tenant=tenant, user=user)

    def add(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
        for token in tokens:
            if token.name == name and token.state(now) == "active":
                raise BadRequest(
                    f"there is a token named {name!r}",
                    hint="choose another name, or revoke that one first: stepscope token revoke",
                )
        return (*(token for token in tokens if token.name != name), made)

    _change(path, add)
    return secret


def _check_user(user: str, scopes: tuple[Scope, ...]) -> None:
    if not _is_user(user):
        raise BadRequest(
            f"{user[:80]!r} cannot be the user of a token",
            hint=f"1 to {_USER_CHARACTERS} printable characters, as enduser.id says them",
        )
    if scopes != ("read",):
        raise BadRequest(
            f"a token of the user {user!r} with the scope {', '.join(scopes)}: such a token only reads",
            hint="--scope read; make another token without --user for what sends or changes",
        )


def _is_user(user: Any) -> bool:
    return isinstance(user, str) and 0 < len(user) <= _USER_CHARACTERS and user.isprintable()


def revoke_token(path: Path, name: str) -> Token:
    """End a token at once; what is known of it stays in the file.

    Raises:
        NotFound: there is no active token of that name.
        ConfigError: the file cannot be read or written.
    """
    now = datetime.now(UTC)
    revoked: list[Token] = []

    def end(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
        found = []
        for token in tokens:
            if token.name == name and token.revoked_at is None:
                token = replace(token, revoked_at=now)
                revoked.append(token)
            found.append(token)
        if not revoked:
            raise NotFound(
                f"there is no token named {name!r} to revoke", hint="stepscope token list"
            )
        return tuple(found)

    _change(path, end)
    return revoked[0]


def _change(path: Path, edit: Callable[[tuple[Token, ...]], tuple[Token, ...]]) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(path.parent):
            _replace(path, edit(read_tokens(path)))
    except OSError as error:
        raise ConfigError(f"tokens cannot be kept in {path}: {error.strerror}") from error


def _replace(path: Path, tokens: tuple[Token, ...]) -> None:
    version = _RESTRICTED if any(map(_is_restricted, tokens)) else _VERSION
    document = {"version": version, "tokens": [_document_of(token) for token in tokens]}
    # mkstemp makes the file with mode 0600
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            if hasattr(os, "geteuid") and os.geteuid() == 0:
                # What root makes must be readable for the user that the server runs as.
                owner = path.parent.stat()
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            json.dump(document, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        Path(beside).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(beside).unlink()
        raise


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """One process at a time changes the file: a lock on the directory leaves nothing behind."""
    try:
        import fcntl  # not on Windows
    except ImportError:
        yield
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _is_restricted(token: Token) -> bool:
    return token.tenant is not None or token.user is not None


def _document_of(token: Token) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": token.name,
        "scopes": list(token.scopes),
        "sha256": token.sha256,
    }
    for name in ("created_at", "expires_at", "revoked_at"):
        moment: datetime | None = getattr(token, name)
        document[name] = None if moment is None else moment.isoformat(timespec="seconds")
    if token.tenant is not None:
        document["tenant"] = token.tenant
    if token.user is not None:
        document["user"] = token.user
    return document


def _token_of(document: dict[str, Any]) -> Token:
    scopes = tuple(document["scopes"])
    if not scopes or not set(scopes) <= set(SCOPES):
        raise ValueError(f"unknown scopes {scopes}")
    digest = document["sha256"]
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise ValueError("a hash is not whole")
    created = _time_of(document["created_at"])
    if created is None:
        raise ValueError("created_at is null")
    tenant = document.get("tenant")
    if tenant is not None and not is_tenant(tenant):
        raise ValueError("a tenant has no name")
    user = document.get("user")
    if user is not None and (not _is_user(user) or scopes != ("read",)):
        raise ValueError("a token of a user may more than read")
    return Token(
        str(document["name"]),
        scopes,
        digest,
        created,
        _time_of(document["expires_at"]),
        _time_of(document["revoked_at"]),
        tenant,
        user,
    )


def _time_of(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time {text!r} has no offset")
    return moment

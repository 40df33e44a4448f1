"""How commands prove who they are to a server, and whom they take for one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from stepscope_collector.errors import ConfigError

__all__ = ["CLIENT_VARIABLES", "ClientConfig"]

_TOKEN: Final = "STEPSCOPE_TOKEN"  # noqa: S105 the name of a variable
_FILES: Final = {
    "token_file": "STEPSCOPE_TOKEN_FILE",
    "ca": "STEPSCOPE_CA",
    "cert": "STEPSCOPE_CLIENT_CERT",
    "key": "STEPSCOPE_CLIENT_KEY",
}
CLIENT_VARIABLES: Final = frozenset({_TOKEN, *_FILES.values()})
"""Variables of commands that ask a server."""


@dataclass(frozen=True)
class ClientConfig:
    """What a command shows a server, and what it wants to see."""

    token: str = field(default="", repr=False)
    """"": none."""
    ca: Path | None = None
    """Certificates that the server's must come from; None: those the system trusts."""
    cert: Path | None = None
    """Certificate of the client in PEM; None: none."""
    key: Path | None = None
    """Its private key; None: it stands in the file of the certificate."""
    pinned_sha256: str = ""
    """Fingerprint of the only certificate taken, whatever its name; "": it is checked as usual."""

    @classmethod
    def of(cls, environ: Mapping[str, str], **files: str | None) -> "ClientConfig":
        """What variables and flags say; a flag wins over its variable.

        Args:
            environ: the environment.
            files: `token_file`, `ca`, `cert`, `key` as typed.

        Raises:
            ConfigError: the file of the token cannot be read, or holds none.
        """
        chosen = {name: files.get(name) or environ.get(_FILES[name]) for name in _FILES}
        paths = {name: Path(text).expanduser() for name, text in chosen.items() if text}
        token = environ.get(_TOKEN, "").strip()
        token_file = paths.pop("token_file", None)
        if token_file is not None and (files.get("token_file") or not token):
            token = _read_token(token_file)
        return cls(token, paths.get("ca"), paths.get("cert"), paths.get("key"))

    def of_local(self, token: str, certificate_sha256: str) -> "ClientConfig":
        """The same for the server of this user: its own token and certificate, unless told others."""
        pinned = "" if self.ca else certificate_sha256
        return replace(self, token=self.token or token, pinned_sha256=pinned)


def _read_token(path: Path) -> str:
    try:
        token = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"token file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"token file {path} holds no token: it is not text") from error
    if not token or len(token.split()) > 1:
        raise ConfigError(f"token file {path} holds no token: one line is expected")
    return token

"""The certificates of all ports, read again when their files change.

The files are looked at for every new connection: a new handshake shows the new certificate, and
connections that are open go on as they are. Files that cannot be used, such as a key that is being
replaced and does not go with its certificate yet, leave those before in force.
"""

import hashlib
import logging
import os
import re
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from stepscope_collector.config.security import TlsConfig
from stepscope_collector.errors import ConfigError

__all__ = ["Certificates", "Material"]

logger = logging.getLogger(__name__)

_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_FIRST_CERTIFICATE: Final = re.compile(
    b"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL
)


class Material(NamedTuple):
    """What the files held at one moment; it fits together."""

    cert: bytes
    """PEM, as the next two."""
    key: bytes
    client_ca: bytes | None
    """None: clients need no certificate."""
    http: ssl.SSLContext
    grpc: ssl.SSLContext

    @property
    def sha256(self) -> str:
        """Fingerprint of the server's own certificate, hexadecimal."""
        found = _FIRST_CERTIFICATE.search(self.cert)
        assert found is not None, "load_cert_chain has read it"
        der = ssl.PEM_cert_to_DER_cert(found[0].decode("ascii"))
        return hashlib.sha256(der).hexdigest()


class Certificates:
    """What the files of `[tls]` hold now; thread-safe.

    Args:
        config: names the files; `cert` and `key` are set.

    Raises:
        ConfigError: a file is missing, not what it should be, or does not go with the others.
    """

    def __init__(self, config: TlsConfig) -> None:
        self._config = config
        self._paths = [Path(name) for name in (config.cert, config.key, config.client_ca) if name]
        self._lock = threading.Lock()
        self._stamps = self._look()
        self._material = _read(config)
        self.changed: Callable[[Material], None] = lambda _: None
        """Is told what was read, whenever it is something new."""

    @classmethod
    def of(cls, config: TlsConfig) -> "Certificates | None":
        """The certificates; None when no TLS is wanted.

        Raises:
            ConfigError: as the class; also settings that make no sense together.
        """
        if config.cert and config.key:
            return cls(config)
        if config.cert or config.key:
            missing = "tls.key" if config.cert else "tls.cert"
            raise ConfigError(f"{missing} is missing; a certificate and its key go together")
        if config.client_ca:
            raise ConfigError(
                "tls.client_ca without tls.cert: certificates of clients need TLS",
                hint="set tls.cert and tls.key, too",
            )
        return None

    @property
    def asks_clients(self) -> bool:
        """True when clients need a certificate (mTLS)."""
        return bool(self._config.client_ca)

    def current(self) -> Material:
        """What counts for a handshake now."""
        if self._look() != self._stamps:
            self.reload()
        return self._material

    def reload(self) -> None:
        """Read the files again. What they held before stays in force when they cannot be used."""
        with self._lock:
            stamps = self._look()
            try:
                fresh = _read(self._config)
            except ConfigError as error:
                logger.warning("certificates were not read again", extra={"error": error.message})
                self._stamps = stamps
                return
            is_new = fresh[:3] != self._material[:3]
            self._stamps = stamps
            if is_new:
                self._material = fresh
        if is_new:
            logger.info("certificates read again", extra={"sha256": fresh.sha256})
            self.changed(fresh)

    def http_context(self) -> ssl.SSLContext:
        """A context for an HTTP server that takes the current certificates for each connection."""
        return self._following(lambda material: material.http)

    def grpc_context(self) -> ssl.SSLContext:
        """The same for a server of gRPC."""
        return self._following(lambda material: material.grpc)

    def _following(self, choose: Callable[[Material], ssl.SSLContext]) -> ssl.SSLContext:
        context = _Following(ssl.PROTOCOL_TLS_SERVER)
        context.current = lambda: choose(self.current())
        return context

    def _look(self) -> list[tuple[int, int, int] | None]:
        return [_stamp(path) for path in self._paths]


class _Following(ssl.SSLContext):
    """Hands each connection to the context that is current when it begins.

    Nothing of an earlier context lives on in it, sessions to be resumed included, so a client whose
    authority was removed has to show a certificate of another one.
    """

    current: Callable[[], ssl.SSLContext]

    def wrap_bio(self, *arguments: Any, **more: Any) -> ssl.SSLObject:
        return self.current().wrap_bio(*arguments, **more)


def _read(config: TlsConfig) -> Material:
    cert = _bytes("tls.cert", config.cert)
    key = _bytes("tls.key", config.key)
    client_ca = _bytes("tls.client_ca", config.client_ca) if config.client_ca else None
    http, grpc = (_context(config, cert, key, client_ca, name) for name in ("http/1.1", "h2"))
    if (cert, key) != (_bytes("tls.cert", config.cert), _bytes("tls.key", config.key)):
        raise ConfigError("tls.cert and tls.key were changed while they were read")
    return Material(cert, key, client_ca, http, grpc)


def _context(
    config: TlsConfig, cert: bytes, key: bytes, client_ca: bytes | None, protocol: str
) -> ssl.SSLContext:
    """A context of the files, for a protocol by its name in ALPN (RFC 7301)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[config.min_version]
    context.set_alpn_protocols([protocol])
    try:
        # An empty passphrase: OpenSSL would ask for one on the terminal.
        context.load_cert_chain(config.cert, config.key, password=lambda: "")
    except (ssl.SSLError, ValueError) as error:
        raise _unusable(config, cert, key) from error
    if client_ca is not None:
        try:
            context.load_verify_locations(cadata=client_ca.decode("ascii"))
        except (ssl.SSLError, ValueError) as error:
            raise ConfigError(
                f"tls.client_ca {config.client_ca} holds no certificate in PEM"
            ) from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _unusable(config: TlsConfig, cert: bytes, key: bytes) -> ConfigError:
    """Which of the two is at fault, as OpenSSL's own words do not say it."""
    if not _FIRST_CERTIFICATE.search(cert):
        return ConfigError(f"tls.cert {config.cert} holds no certificate in PEM")
    if b"PRIVATE KEY-----" not in key:
        return ConfigError(f"tls.key {config.key} holds no private key in PEM")
    if b"ENCRYPTED" in key:
        return ConfigError(
            f"tls.key {config.key} has a passphrase; a server has nobody to ask for it",
            hint=f"openssl pkey -in {config.key} -out KEY.pem",
        )
    return ConfigError(
        f"tls.cert {config.cert} and tls.key {config.key} do not belong together, or one is damaged"
    )


def _bytes(key: str, name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise ConfigError(f"{key} {name} cannot be read: {error.strerror}") from error


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        seen = os.stat(path)  # noqa: PTH116 three times as fast, for each connection
    except OSError:
        return None
    return seen.st_ino, seen.st_mtime_ns, seen.st_size

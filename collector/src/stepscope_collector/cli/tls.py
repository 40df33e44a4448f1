"""The TLS of commands: whom they take for their server."""

import hashlib
import ssl
from hmac import compare_digest
from pathlib import Path
from typing import Any

from stepscope_collector.config import ClientConfig
from stepscope_collector.errors import ConfigError, ServerUnreachable

__all__ = ["check_pin", "tls_context"]


def tls_context(client: ClientConfig) -> ssl.SSLContext:
    """How to speak TLS with a server.

    Raises:
        ConfigError: a file cannot be read or is not what it should be.
    """
    try:
        context = ssl.create_default_context(cafile=client.ca)
    except OSError as error:
        raise _unusable(client.ca, error) from error
    if client.pinned_sha256:
        # The name in the certificate is the one under which other machines know the server; here
        # `check_pin` compares the certificate itself, before anything is sent.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if client.cert is not None:
        try:
            context.load_cert_chain(client.cert, client.key, password=lambda: "")
        except OSError as error:
            raise _unusable(client.cert, error) from error
    return context


def check_pin(connection: Any, client: ClientConfig, where: str) -> None:
    """Nothing, when the server on a socket is the one that is meant.

    Raises:
        ServerUnreachable: it showed another certificate than the pinned one.
    """
    if not client.pinned_sha256 or not isinstance(connection, ssl.SSLSocket):
        return
    certificate = connection.getpeercert(binary_form=True) or b""
    if not compare_digest(hashlib.sha256(certificate).hexdigest(), client.pinned_sha256):
        raise ServerUnreachable(
            f"{where} showed another certificate than the server wrote into endpoints.json",
            hint="name the certificates to trust with --ca, or start the server again",
        )


def _unusable(path: Path | None, error: OSError) -> ConfigError:
    reason = error.strerror or str(error)
    return ConfigError(f"certificates in {path} cannot be used: {reason}")

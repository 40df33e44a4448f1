"""Sends requests to an OTLP/HTTP endpoint."""

import gzip
import http.client
import socket
import ssl
import time
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from stepscope_collector import __version__
from stepscope_collector.config import Target
from stepscope_collector.decode.batch import Encoding, Signal
from stepscope_collector.errors import ConfigError
from stepscope_collector.tee.answer import Answer, of_http, of_nothing

__all__ = ["HttpClient"]

_MEDIA_TYPES: Final[dict[Encoding, str]] = {
    "protobuf": "application/x-protobuf",
    "json": "application/json",
}
_MAX_ANSWER_BYTES: Final = 4 * 2**20
_LEVEL: Final = 1
"""Of gzip: 4 times as fast as the default for 15 % more bytes (OTLP requests of the SDK)."""


class HttpClient:
    """One connection that is kept; for one thread, `close` from any.

    Raises:
        ConfigError: a certificate file cannot be read.
    """

    keeps_json = True

    def __init__(self, target: Target) -> None:
        self._target = target
        parts = urlsplit(target.endpoint)
        self._path = parts.path.rstrip("/")
        host = parts.hostname or ""
        if parts.scheme == "https":
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, parts.port, timeout=target.timeout_s, context=_tls(target)
            )
        else:
            self._connection = http.client.HTTPConnection(
                host, parts.port, timeout=target.timeout_s
            )

    def send(self, signal: Signal, encoding: Encoding, body: bytes, via: str) -> Answer:
        """Send one request and wait for the answer."""
        headers = {
            **dict(self._target.headers),
            "content-type": _MEDIA_TYPES[encoding],
            "user-agent": f"stepscope-collector/{__version__}",
            "stepscope-via": via,
        }
        if self._target.compression == "gzip":
            headers["content-encoding"] = "gzip"
            body = gzip.compress(body, _LEVEL)
        try:
            self._connection.request("POST", f"{self._path}/v1/{signal}", body, headers)
            response = self._connection.getresponse()
            answer = response.read(_MAX_ANSWER_BYTES)
            if not response.isclosed():
                self._connection.close()
        except (OSError, http.client.HTTPException, AttributeError, ValueError) as error:
            # the last two: closed by another thread while it was waiting
            self._connection.close()
            return of_nothing(error)
        found = {name.lower(): value for name, value in response.getheaders()}
        return of_http(signal, response.status, found, answer, now_s=time.time())

    def close(self) -> None:
        """Close the connection; a request under way ends as not answered."""
        with suppress(OSError, AttributeError):  # there may be none
            self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._connection.close()


def _tls(target: Target) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=target.ca_file or None)
        if target.cert_file:
            context.load_cert_chain(target.cert_file, target.key_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"certificates of {target.endpoint} cannot be used: {error.strerror or error}"
        ) from error
    return context

"""One attempt to deliver one OTLP request, over gRPC or HTTP; used by the sender's thread only.

An answer is `accepted` (perhaps with a count of rejected spans), `refused` (sending it again is
useless) or `retry` (OTLP 1.x, "Failures" and "OTLP/HTTP response"). grpc is imported on first
use, on the sender's thread: it costs about 90 ms.
"""

import dataclasses
import gzip
import http.client
import importlib
import socket
import ssl
import urllib.parse
from collections.abc import Mapping
from typing import Any, Final, Literal

from stepscope._wire import Answer, Signal, Transport

__all__ = ["Endpoint", "GrpcTransport", "HttpTransport", "open_transport"]

_GRPC_METHODS: Final = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}
_GRPC_RETRYABLE: Final = frozenset(
    "CANCELLED DEADLINE_EXCEEDED ABORTED OUT_OF_RANGE UNAVAILABLE DATA_LOSS".split()
)
"""Beside them RESOURCE_EXHAUSTED, but only with a hint when to come back (OTLP/gRPC, "Failures")."""
_HTTP_RETRYABLE: Final = frozenset({429, 502, 503, 504})
_GZIP_LEVEL: Final = 1
"""Measured on 4,000 spans of 433 bytes (2026-11-21): level 1 makes 3.7 of 1 for 2.9 µs a span, level
6 makes 4.1 of 1 for 5.5 µs."""
_MAX_HINT_S: Final = 30.0


@dataclasses.dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and how to send.

    `url` is the base for HTTP (a signal's path is added unless `paths` names it whole) and host
    and port for gRPC, unless `paths` names others for a signal.
    """

    url: str
    protocol: Literal["grpc", "http/protobuf"] = "grpc"
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    timeout_s: float = 10.0
    is_compressed: bool = False
    is_insecure: bool = True
    certificate: bytes | None = None
    client_key: bytes | None = None
    client_certificate: bytes | None = None
    client_files: tuple[str, str] | None = None
    """Certificate and key of the client by path, for HTTP: `ssl` reads them from files only."""
    paths: Mapping[str, str] = dataclasses.field(default_factory=dict)


def open_transport(endpoint: Endpoint) -> Transport:
    """The transport for an endpoint's protocol."""
    return GrpcTransport(endpoint) if endpoint.protocol == "grpc" else HttpTransport(endpoint)


class GrpcTransport:
    """OTLP/gRPC with raw bytes: no message classes are needed to send."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._channels: dict[str, Any] = {}
        self._calls: dict[str, Any] = {}
        self._metadata = tuple((k.lower(), v) for k, v in endpoint.headers.items())

    def send(self, signal: Signal, body: bytes, timeout_s: float) -> Answer:
        """One unary call."""
        grpc = importlib.import_module("grpc")
        try:
            call = self._calls.get(signal)
            if call is None:
                channel = self._channel(grpc, self._endpoint.paths.get(signal, self._endpoint.url))
                call = self._calls[signal] = channel.unary_unary(_GRPC_METHODS[signal])
            compression = grpc.Compression.Gzip if self._endpoint.is_compressed else None
            answer = call(body, timeout=timeout_s, metadata=self._metadata, compression=compression)
            return _accepted(answer)
        except grpc.RpcError as error:
            code = error.code().name if hasattr(error, "code") else "UNKNOWN"
            details = error.details() if hasattr(error, "details") else ""
            wait_s = _retry_info(error)
            may_pass = code == "RESOURCE_EXHAUSTED" and wait_s is not None
            kind: Literal["refused", "retry"] = (
                "retry" if may_pass or code in _GRPC_RETRYABLE else "refused"
            )
            return Answer(kind, f"{code}: {details}", wait_s=wait_s)
        except Exception as error:  # noqa: BLE001 - closed channels, bad metadata
            return Answer("retry", f"{type(error).__name__}: {error}")

    def close(self) -> None:
        """Cancel running calls."""
        channels, self._channels = self._channels, {}
        self._calls = {}
        for channel in channels.values():
            channel.close()

    def _channel(self, grpc: Any, url: str) -> Any:
        """The channel to a server; signals that go to the same one share it."""
        split = urllib.parse.urlsplit(url)
        server = f"{split.scheme}://{split.netloc}"
        channel = self._channels.get(server)
        if channel is None:
            target = split.netloc or url
            is_insecure = split.scheme != "https"
            channel = self._channels[server] = self._open(grpc, target, is_insecure)
        return channel

    def _open(self, grpc: Any, target: str, is_insecure: bool) -> Any:
        options = (
            # gRPC's own waits (1 s to 120 s) would hide a collector that is back.
            ("grpc.initial_reconnect_backoff_ms", 200),
            ("grpc.min_reconnect_backoff_ms", 200),
            ("grpc.max_reconnect_backoff_ms", 2000),
            ("grpc.primary_user_agent", "stepscope"),
        )
        if is_insecure:
            return grpc.insecure_channel(target, options=options)
        credentials = grpc.ssl_channel_credentials(
            self._endpoint.certificate, self._endpoint.client_key, self._endpoint.client_certificate
        )
        return grpc.secure_channel(target, credentials, options=options)


class HttpTransport:
    """OTLP/HTTP with protobuf bodies over one kept connection of the standard library."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._connection: http.client.HTTPConnection | None = None
        self._open_for = ""

    def send(self, signal: Signal, body: bytes, timeout_s: float) -> Answer:
        """One POST; a kept connection that the server has closed is opened again once."""
        url = self._endpoint.paths.get(signal) or f"{self._endpoint.url.rstrip('/')}/v1/{signal}"
        headers = {"Content-Type": "application/x-protobuf", "User-Agent": "stepscope"}
        if self._endpoint.is_compressed:
            body = gzip.compress(body, _GZIP_LEVEL)
            headers["Content-Encoding"] = "gzip"
        headers.update(self._endpoint.headers)
        try:
            return self._post(url, body, headers, timeout_s)
        except (http.client.HTTPException, OSError, ValueError) as error:
            self.close()
            return Answer("retry", f"{type(error).__name__}: {error}")

    def close(self) -> None:
        """Break the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            if connection.sock is not None:
                try:
                    connection.sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            connection.close()

    def _post(self, url: str, body: bytes, headers: dict[str, str], timeout_s: float) -> Answer:
        split = urllib.parse.urlsplit(url)
        path = (split.path or "/") + (f"?{split.query}" if split.query else "")
        is_kept = self._connection is not None and self._open_for == split.netloc
        connection = self._connect(split, timeout_s)
        try:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError):
            if not is_kept:
                raise
            self.close()
            connection = self._connect(split, timeout_s)
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
        answer = response.read()
        if 200 <= response.status < 300:
            return _accepted(answer)
        reason = f"HTTP {response.status} {response.reason}"
        if response.status in _HTTP_RETRYABLE:
            return Answer("retry", reason, wait_s=_seconds(response.headers.get("Retry-After")))
        return Answer("refused", reason)

    def _connect(
        self, split: urllib.parse.SplitResult, timeout_s: float
    ) -> http.client.HTTPConnection:
        if self._connection is None or self._open_for != split.netloc:
            self.close()
            host = split.hostname or "127.0.0.1"
            if split.scheme == "https":
                self._connection = http.client.HTTPSConnection(
                    host, split.port, timeout=timeout_s, context=self._tls()
                )
            else:
                self._connection = http.client.HTTPConnection(host, split.port, timeout=timeout_s)
            self._open_for = split.netloc
        connection = self._connection
        connection.timeout = timeout_s
        if connection.sock is not None:
            connection.sock.settimeout(timeout_s)
        return connection

    def _tls(self) -> ssl.SSLContext:
        # A certificate that is named is trusted instead of those of the system, as in gRPC.
        trusted = self._endpoint.certificate
        context = ssl.create_default_context(cadata=trusted.decode() if trusted else None)
        if self._endpoint.client_files is not None:
            context.load_cert_chain(*self._endpoint.client_files)
        return context


def _seconds(text: str | None) -> float | None:
    try:
        return min(max(float(text or ""), 0.0), _MAX_HINT_S)
    except ValueError:
        return None


def _retry_info(error: Any) -> float | None:
    """The wait a server asks for in `google.rpc.RetryInfo`, in seconds."""
    try:
        for key, value in error.trailing_metadata() or ():
            if key == "grpc-status-details-bin":
                marker = value.find(b"google.rpc.RetryInfo")
                if marker < 0:
                    return None
                fields = dict(_fields(value[marker + 20 :]))
                duration = dict(_fields(dict(_fields(fields.get(2, b""))).get(1, b"")))
                seconds, nanos = duration.get(1, 0), duration.get(2, 0)
                return min(float(seconds) + float(nanos) / 1e9, _MAX_HINT_S)
    except Exception:  # noqa: BLE001 - a hint that cannot be read is no hint
        return None
    return None


def _accepted(answer: bytes) -> Answer:
    """Reads `partial_success` (field 1: rejected count 1, message 2), which may be absent."""
    try:
        partial = dict(_fields(answer)).get(1)
        if not isinstance(partial, bytes):
            return Answer("accepted")
        inner = dict(_fields(partial))
        text = inner.get(2, b"")
        rejected = inner.get(1, 0)
        return Answer(
            "accepted",
            text.decode("utf-8", "replace") if isinstance(text, bytes) else "",
            rejected if isinstance(rejected, int) else 0,
        )
    except (IndexError, ValueError):
        return Answer("accepted", "the answer could not be read")


def _fields(data: bytes) -> list[tuple[int, Any]]:
    """Fields of a small protobuf message: (number, int or bytes)."""
    found: list[tuple[int, Any]] = []
    at = 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        kind = tag & 7
        if kind == 0:
            number, at = _read_varint(data, at)
            found.append((tag >> 3, number))
        elif kind == 2:
            size, at = _read_varint(data, at)
            found.append((tag >> 3, data[at : at + size]))
            at += size
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            break
    return found


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7

"""Sends requests to an OTLP/gRPC endpoint."""

from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import grpc

from stepscope_collector.config import Target
from stepscope_collector.decode.batch import Encoding, Signal
from stepscope_collector.errors import ConfigError
from stepscope_collector.tee.answer import Answer, of_grpc_error, of_nothing, of_success

__all__ = ["GrpcClient"]

_PACKAGE: Final = "opentelemetry.proto.collector"
_METHODS: Final[dict[Signal, str]] = {
    "traces": f"/{_PACKAGE}.trace.v1.TraceService/Export",
    "logs": f"/{_PACKAGE}.logs.v1.LogsService/Export",
    "metrics": f"/{_PACKAGE}.metrics.v1.MetricsService/Export",
}
_OPTIONS: Final = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", 16 * 2**20),
    # tries again are ours, with the request on disk
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 5000),
    ("grpc.use_local_subchannel_pool", 1),
]


class GrpcClient:
    """One channel; for one thread, `close` from any.

    Raises:
        ConfigError: a certificate file cannot be read.
    """

    keeps_json = False

    def __init__(self, target: Target) -> None:
        self._target = target
        parts = urlsplit(target.endpoint)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        address = f"{host}:{port}"
        if parts.scheme == "https":
            credentials = grpc.ssl_channel_credentials(
                _bytes_of(target.ca_file), _bytes_of(target.key_file), _bytes_of(target.cert_file)
            )
            self._channel = grpc.secure_channel(address, credentials, _OPTIONS)
        else:
            self._channel = grpc.insecure_channel(address, _OPTIONS)
        self._compression = (
            grpc.Compression.Gzip
            if target.compression == "gzip"
            else grpc.Compression.NoCompression
        )

    def send(self, signal: Signal, encoding: Encoding, body: bytes, via: str) -> Answer:
        """Send one request and wait for the answer; `encoding` is protobuf."""
        call = self._channel.unary_unary(_METHODS[signal], None, None)
        metadata = (*self._target.headers, ("stepscope-via", via))
        try:
            response = call(
                body,
                timeout=self._target.timeout_s,
                metadata=metadata,
                compression=self._compression,
            )
        except grpc.RpcError as error:
            return _answer_of(error)
        except ValueError as error:  # the channel was closed
            return of_nothing(error)
        return of_success(signal, response)

    def close(self) -> None:
        """Close the channel; a request under way ends as not answered."""
        self._channel.close()


def _answer_of(error: Any) -> Answer:
    details = None
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            details = value
    return of_grpc_error(error.code().name, error.details() or "", details)


def _bytes_of(path: str) -> bytes | None:
    if not path:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"certificate file {path} cannot be read: {error.strerror}") from error

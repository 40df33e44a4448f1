"""What the receivers ask of the rooms below: take a request, and say what they may let in.

The ingest satisfies `Submit` and the configuration `Limits`; a receiver can be tried with anything
else that does.
"""

from concurrent.futures import Future
from typing import Any, Protocol

from stepscope_collector.decode.batch import Encoding, Signal
from stepscope_collector.errors import StepscopeError

__all__ = ["Limits", "Receipt", "Submit"]


class Receipt(Protocol):
    """What became of one committed request."""

    @property
    def accepted(self) -> int:
        """Spans, log records or data points that are in the store."""

    @property
    def rejected(self) -> int:
        """Spans, log records or data points that were refused."""

    @property
    def message(self) -> str:
        """Why some were refused, or what was odd; "" when all is well."""


class Submit(Protocol):
    """The way into the store."""

    @property
    def is_busy(self) -> bool:
        """Whether `submit` would wait for another to be decoded; for those who must not wait."""

    def submit(
        self,
        signal: Signal,
        payload: bytes,
        encoding: Encoding,
        sender: str | None = None,
        *,
        via: str = "",
        client: str = "",
    ) -> Future[Any]:
        """A future of a `Receipt`, resolved after the commit.

        Args:
            signal: what the request claims to carry.
            payload: the uncompressed request.
            encoding: how it is written.
            sender: address of the sender, for the table of rejections.
            via: the header `stepscope-via`: ids of the collectors that have sent it on.
            client: whose quota it takes from.

        Raises:
            StepscopeError: the request is refused; the future may fail with one too.
        """

    def hold(self, size: int) -> None:
        """Take bytes of a request that is being read from the budget; Overloaded: no room."""

    def release(self, size: int) -> None:
        """Give bytes back that `hold` took."""

    def note_refused(
        self, signal: Signal, error: StepscopeError, payload_bytes: int, sender: str | None
    ) -> None:
        """Count and note a request that the receiver refused before `submit`."""


class Limits(Protocol):
    """What a receiver may let in."""

    @property
    def max_payload_bytes(self) -> int:
        """Largest request in bytes, before and after decompression (OTLP: 64 MiB recommended)."""

    @property
    def http_read_timeout_s(self) -> float:
        """Seconds for the message of a gRPC call, and for the handshake before the first."""

    @property
    def grpc_max_connections(self) -> int:
        """Connections to the gRPC port at one time."""

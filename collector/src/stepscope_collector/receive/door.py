"""The way into the store for one transport, so that counts can tell gRPC from HTTP."""

from concurrent.futures import Future
from typing import Any, Final

from stepscope_collector.receive.port import Submit

__all__ = ["Door"]


class Door:
    """Passes requests on, and says how they came."""

    def __init__(self, ingest: Submit, transport: str) -> None:
        self._ingest: Final[Any] = ingest
        self._transport: Final = transport

    @property
    def is_busy(self) -> bool:
        """As `Submit.is_busy`."""
        return bool(self._ingest.is_busy)

    def submit(self, *request: Any, **more: Any) -> Future[Any]:
        """As `Submit.submit`."""
        future: Future[Any] = self._ingest.submit(*request, transport=self._transport, **more)
        return future

    def hold(self, size: int) -> None:
        """As `Submit.hold`."""
        self._ingest.hold(size)

    def release(self, size: int) -> None:
        """As `Submit.release`."""
        self._ingest.release(size)

    def note_refused(self, *request: Any, **more: Any) -> None:
        """As `Submit.note_refused`."""
        self._ingest.note_refused(*request, transport=self._transport, **more)

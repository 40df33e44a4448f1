"""What is under way between the submission of a request and its answer. Thread-safe.

Bounds the bytes that requests may hold in memory, and tells the writer how many more requests can
share a commit.
"""

import threading
import time

__all__ = ["Admission"]


class Admission:
    """Requests that are being decoded or wait for their commit."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        """Bytes that all of them together may have."""
        self._bytes = 0
        self._requests = 0
        self._peak = 0
        self._decoding = 0
        self._changed = threading.Condition()

    def enter(self, size: int) -> bool:
        """Whether a request of `size` bytes fits; then it is under way and being decoded."""
        with self._changed:
            if self._bytes + size > self.limit:
                return False
            self._bytes += size
            self._requests += 1
            self._peak = max(self._peak, self._requests)
            self._decoding += 1
            return True

    def decoded(self) -> None:
        """A request is no longer being decoded: it is queued, or has failed."""
        with self._changed:
            self._decoding -= 1
            self._changed.notify_all()

    def leave(self, size: int) -> None:
        """A request has its answer."""
        with self._changed:
            self._bytes -= size
            self._requests -= 1

    def used(self) -> tuple[int, int]:
        """Bytes and number of the requests that are under way."""
        with self._changed:
            return self._bytes, self._requests

    def peak(self) -> int:
        """Most requests that were under way at one time since the last call."""
        with self._changed:
            peak, self._peak = self._peak, self._requests
            return peak

    def wait_decoded(self, deadline: float) -> bool:
        """Wait until one more is decoded or `deadline` (monotonic seconds).

        Returns:
            False when none is being decoded, or the deadline has passed.
        """
        with self._changed:
            if self._decoding == 0:
                return False
            return self._changed.wait(max(0.0, deadline - time.monotonic()))

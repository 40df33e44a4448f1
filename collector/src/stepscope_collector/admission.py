"""What is under way between the submission of a request and its answer. Thread-safe.

Bounds the bytes that requests may hold in memory and those of each sender in time, and tells the
writer how many more requests can share a commit.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

__all__ = ["Admission", "Quota"]


class Admission:
    """Requests that are being decoded or wait for their commit."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        """Bytes that all of them together may have."""
        self._bytes = 0
        self._requests = 0
        self._peak = 0
        self._decoding = 0
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)

    def enter(self, size: int) -> bool:
        """Whether a request of `size` bytes fits; then it is under way and being decoded."""
        with self._lock:
            if self._bytes + size > self.limit:
                return False
            self._bytes += size
            self._requests += 1
            self._peak = max(self._peak, self._requests)
            self._decoding += 1
            return True

    def hold(self, size: int) -> bool:
        """Whether `size` more bytes of a request that is being read fit; then they are held."""
        with self._lock:
            if self._bytes + size > self.limit:
                return False
            self._bytes += size
            return True

    def release(self, size: int) -> None:
        """Bytes that were held are in memory no more, or enter as a request."""
        with self._lock:
            self._bytes -= size

    def decoded(self) -> None:
        """A request is no longer being decoded: it is queued, or has failed."""
        with self._lock:
            self._decoding -= 1
            self._changed.notify_all()

    def leave(self, size: int) -> None:
        """A request has its answer."""
        with self._lock:
            self._bytes -= size
            self._requests -= 1

    def used(self) -> tuple[int, int]:
        """Bytes and number of the requests that are under way."""
        with self._lock:
            return self._bytes, self._requests

    def peak(self) -> int:
        """Most requests that were under way at one time since the last call."""
        with self._lock:
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


class Quota:
    """How many bytes per second each sender may send, by one bucket of tokens for each.

    A full bucket holds ten seconds. A request is admitted while anything is left and may take
    more than that, so that none is too large for good.

    Args:
        rate: bytes per second; 0: as many as there come.
        clock: monotonic seconds.
    """

    _BURST_S: Final = 10
    _MAX_SENDERS: Final = 10_000
    """Remembered at one time; the one that was silent longest begins anew."""

    def __init__(self, rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self._clock = clock
        self._full = float(rate * self._BURST_S)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, sender: str, size: int) -> int:
        """Take `size` bytes of a sender's quota: 0, or nothing and the whole seconds to wait."""
        if not self.rate:
            return 0
        with self._lock:
            now = self._clock()
            left, at = self._buckets.pop(sender, (self._full, now))
            left = min(self._full, left + (now - at) * self.rate)
            is_admitted = left > 0
            self._buckets[sender] = (left - size if is_admitted else left, now)
            while len(self._buckets) > self._MAX_SENDERS:
                self._buckets.popitem(last=False)
        return 0 if is_admitted else max(1, math.ceil(-left / self.rate))

"""grpc.health.v1: whether the receiver takes requests. Its messages are bytes in and out.

The two messages of the protocol have one field each, and on the wire they are those of protobuf's own
wrappers: `HealthCheckRequest.service` is a StringValue, `HealthCheckResponse.status` an Int32Value.
So no generated code and no further package is needed.
"""

import threading
from collections.abc import Callable
from typing import Final

from google.protobuf.message import DecodeError
from google.protobuf.wrappers_pb2 import Int32Value, StringValue

from stepscope_collector.errors import NotFound, Overloaded, PayloadUndecodable

__all__ = ["HEALTH_SERVICE", "Health"]

HEALTH_SERVICE: Final = "grpc.health.v1.Health"

_SERVING: Final = Int32Value(value=1).SerializeToString()
_NOT_SERVING: Final = Int32Value(value=2).SerializeToString()
_SERVICE_UNKNOWN: Final = Int32Value(value=3).SerializeToString()

_MAX_WATCHERS: Final = 100
"""No token is needed to watch, so their number is limited; a balancer has one connection or a few."""

_Send = Callable[[bytes | None], None]
"""Takes a message, or None at the end; must not wait for the other side."""


class Health:
    """The state that clients ask for and watch; thread-safe.

    Args:
        services: names that can be asked for, beside "" for the whole server.
    """

    def __init__(self, services: frozenset[str]) -> None:
        self._services = services | {""}
        self._is_serving = True
        self._is_over = False
        self._watchers: dict[object, _Send] = {}
        self._lock = threading.Lock()

    def check(self, request: bytes) -> bytes:
        """The answer to Check.

        Raises:
            NotFound: there is no such service.
            PayloadUndecodable: no such message.
        """
        service = _service(request)
        if service not in self._services:
            raise NotFound(f"there is no service {service[:80]!r} here")
        return self._status()

    def watch(self, request: bytes, send: _Send) -> Callable[[], None]:
        """Send the state now and whenever it changes, until the function returned is called.

        Raises:
            Overloaded: too many watch already.
            PayloadUndecodable: no such message.
        """
        service = _service(request)
        mark = object()
        with self._lock:
            if len(self._watchers) >= _MAX_WATCHERS:
                raise Overloaded(f"{_MAX_WATCHERS} clients watch already; ask with Check")
            if service not in self._services:
                send(_SERVICE_UNKNOWN)
                self._watchers[mark] = lambda message: None if message else send(None)
            else:
                send(self._status())
                self._watchers[mark] = send
            if self._is_over:
                self._watchers.pop(mark)(None)
        return lambda: self._forget(mark)

    def drain(self) -> None:
        """From now on the answer is NOT_SERVING."""
        with self._lock:
            if not self._is_serving:
                return
            self._is_serving = False
            for send in self._watchers.values():
                send(_NOT_SERVING)

    def close(self) -> None:
        """End all watching."""
        with self._lock:
            self._is_over = True
            for send in self._watchers.values():
                send(None)
            self._watchers.clear()

    def _status(self) -> bytes:
        return _SERVING if self._is_serving else _NOT_SERVING

    def _forget(self, mark: object) -> None:
        with self._lock:
            self._watchers.pop(mark, None)


def _service(request: bytes) -> str:
    try:
        return StringValue.FromString(request).value
    except DecodeError as error:
        raise PayloadUndecodable("payload is not a HealthCheckRequest") from error

"""What the native part says of a connection."""

from enum import IntEnum
from typing import Any, Final

from stepscope_collector.decode.native import native_module

__all__ = ["Event", "Kind", "connection"]

Event = tuple[Any, ...]
"""Kind, stream, and what belongs to it; see `stepscope_native.Http2`."""

_MAX_STREAMS: Final = 128
"""Calls of one connection at one time; clients wait with further ones. Exporters have a few."""
_WINDOW_BYTES: Final = 256 * 1024
"""Of a call that nobody reads yet; what is larger waits at the client for the call's turn."""
_FRAME_BYTES: Final = 64 * 1024
"""A client may hold so much of an unfinished frame."""
_HEAD_BYTES: Final = 16 * 1024
"""As gRPC's core has it by itself."""


class Kind(IntEnum):
    """Of events."""

    CALL = 0
    MESSAGE = 1
    END = 2
    """No more messages."""
    TOO_LARGE = 3
    """A message over the limit begins."""
    RESET = 4
    """The client has ended the call."""


def connection() -> Any:
    """A connection that begins."""
    native = native_module()
    return native.Http2(_MAX_STREAMS, _WINDOW_BYTES, _FRAME_BYTES, _HEAD_BYTES)

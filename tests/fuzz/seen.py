"""A branch for each thing that HTTP/2 in the native part may say.

The fuzzer is guided by the branches of Python that an input reaches, and does not see those of Rust. Without these
every input would be as good to it as the empty one.
"""

from collections.abc import Iterable
from typing import Any

from stepscope_collector.receive.http2.kernel import Kind
from tests.unit.collector.receive.frames import (
    DATA,
    END_STREAM,
    HEADERS,
    PING,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Frame,
)

__all__ = ["see"]


def see(events: Iterable[tuple[Any, ...]], frames: Iterable[Frame], *, is_closed: bool) -> int:
    """How much has been said."""
    count = 1 if is_closed else 0
    for event in events:
        count += _event(event)
    for frame in frames:
        count += _frame(frame)
    return count


def _event(event: tuple[Any, ...]) -> int:
    if event[0] == Kind.CALL:
        return 1 + len([1 for _, value in event[3] if isinstance(value, bytes)])
    if event[0] == Kind.MESSAGE:
        return 2 if event[2] else 3
    if event[0] == Kind.TOO_LARGE:
        return 4
    return 5 if event[0] == Kind.END else 6


def _frame(frame: Frame) -> int:
    if frame.kind == DATA:
        return 1 if frame.flags else 2
    if frame.kind == HEADERS:
        return 1 if frame.flags & END_STREAM else 2
    if frame.kind == SETTINGS:
        return 1 if frame.flags else 2
    if frame.kind == PING:
        return 1 if frame.flags else 2
    if frame.kind == WINDOW_UPDATE:
        return 1 if frame.stream else 2
    if frame.kind == RST_STREAM:
        return _error(frame.number)
    return 16 + _error(int.from_bytes(frame.payload[4:8], "big"))


def _error(code: int) -> int:
    match code:
        case 0:
            return 1
        case 1:
            return 2
        case 2:
            return 3
        case 3:
            return 4
        case 5:
            return 5
        case 6:
            return 6
        case 7:
            return 7
        case 9:
            return 8
        case 11:
            return 9
        case _:
            return 10

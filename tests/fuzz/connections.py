"""Where the fuzzer begins with HTTP/2: connections of clients of gRPC, in as many ways as there are frames."""

from tests.fuzz.targets import MAX_UNPACKED_BYTES
from tests.unit.collector.receive.frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    GOAWAY,
    HEAD,
    HEADERS,
    SETTINGS,
    cancel,
    data,
    frame,
    grow,
    head,
    initial_window,
    message,
    packed,
    ping,
)

__all__ = ["connections"]


def connections() -> dict[str, bytes]:
    """What clients of gRPC send after their greeting."""
    agreed = frame(SETTINGS) + frame(SETTINGS, flags=ACK)
    whole = head() + data(message(b"abc"), is_last=True)
    calls = {
        "call": whole,
        "calls": b"".join(head(stream) for stream in (1, 3, 5)) + data(message(b"abc"), 3),
        "messages": head() + data(message(b"") + message(b"abc", flag=1) + b"\0\0", size=3),
        "too-large": head() + data(message(bytes(MAX_UNPACKED_BYTES + 1))[:9]),
        "incomplete": head() + data(message(b"abc")[:6], is_last=True),
        "nothing": head(flags=5),
        "cancelled": head() + data(b"\0") + cancel(),
        "no-calls": head(method="GET") + head(3, content_type="text/plain") + head(5, path="*"),
        "metadata": head(authorization="Bearer é", grpc_encoding="gzip", user_agent="a" * 200),
        "continued": head(flags=0) + frame(CONTINUATION, 1, packed({"a": "b"}), END_HEADERS),
        "remembered": frame(HEADERS, 1, b"\x83\x86\x84\x41\1a\x5f\x10application/grpc", 4)
        + frame(HEADERS, 3, b"\x83\x86\x84\xbf\xbe", 4),
        "windows": initial_window(0) + head() + grow(9, 1) + grow(1 << 30),
        "pings": ping() + ping(ACK) + whole,
        "going": whole + frame(GOAWAY, 0, bytes(8)),
        "padded": frame(HEADERS, 1, b"\2" + packed(HEAD) + bytes(2), 0xC)
        + frame(DATA, 1, b"\1" + message(b"a") + b"\0", 9),
        "trailers": head() + data(message(b"a")) + frame(HEADERS, 1, packed({"a": "b"}), 5),
        "priority": frame(2, 1, bytes(5)) + whole + frame(0xEE, 1, b"unknown"),
    }
    return {name: agreed + sent for name, sent in calls.items()}

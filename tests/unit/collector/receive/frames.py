"""Frames of HTTP/2, written and read by hand: what a client of gRPC sends, and what it is sent."""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

__all__ = [
    "ACK",
    "CONTINUATION",
    "DATA",
    "END_HEADERS",
    "END_STREAM",
    "GOAWAY",
    "GREETING",
    "HEAD",
    "HEADERS",
    "PING",
    "PREFACE",
    "RST_STREAM",
    "SETTINGS",
    "WINDOW_UPDATE",
    "Frame",
    "cancel",
    "data",
    "frame",
    "frames",
    "grow",
    "head",
    "initial_window",
    "message",
    "packed",
    "ping",
]

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    0, 1, 3, 4, 6, 7, 8, 9,
)  # fmt: skip
END_STREAM: Final = 1
ACK: Final = 1
END_HEADERS: Final = 4
PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD: Final = {
    ":method": "POST",
    ":scheme": "http",
    ":path": "/service/Method",
    ":authority": "there",
    "content-type": "application/grpc",
    "te": "trailers",
}


class Frame(NamedTuple):
    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def number(self) -> int:
        """The last four bytes: an error, or how much a window grows."""
        return int.from_bytes(self.payload[-4:], "big")


def frame(kind: int, stream: int = 0, payload: bytes = b"", flags: int = 0) -> bytes:
    """One frame."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


GREETING: Final = PREFACE + frame(SETTINGS)


def packed(fields: dict[str, str]) -> bytes:
    """HPACK, each field as it is and none remembered."""
    return b"".join(
        b"\0" + _text(name.encode()) + _text(value.encode("latin-1"))
        for name, value in fields.items()
    )


def _text(text: bytes) -> bytes:
    if len(text) < 127:
        return bytes([len(text)]) + text
    rest, size = len(text) - 127, b"\x7f"
    while rest > 127:
        size += bytes([rest % 128 | 128])
        rest //= 128
    return size + bytes([rest]) + text


def head(stream: int = 1, /, flags: int = END_HEADERS, **fields: str) -> bytes:
    """The head of a call; `fields` over those of any call, `_` for `-`, and `method`, `path` for those with a colon."""
    given = {
        f":{n}" if n in {"method", "path"} else n.replace("_", "-"): v for n, v in fields.items()
    }
    return frame(HEADERS, stream, packed({**HEAD, **given}), flags)


def message(content: bytes, *, flag: int = 0) -> bytes:
    """A message of gRPC."""
    return struct.pack(">BI", flag, len(content)) + content


def data(content: bytes, stream: int = 1, *, is_last: bool = False, size: int = 1 << 14) -> bytes:
    """DATA frames of `size` bytes each."""
    parts = [content[at : at + size] for at in range(0, len(content), size)] or [b""]
    last = len(parts) - 1 if is_last else -1
    return b"".join(
        frame(DATA, stream, part, END_STREAM if number == last else 0)
        for number, part in enumerate(parts)
    )


def cancel(stream: int = 1) -> bytes:
    """The client ends a call."""
    return frame(RST_STREAM, stream, struct.pack(">I", 8))


def grow(size: int, stream: int = 0) -> bytes:
    """The client takes so much more."""
    return frame(WINDOW_UPDATE, stream, struct.pack(">I", size))


def ping(flags: int = 0, content: bytes = b"12345678") -> bytes:
    """Are you there?"""
    return frame(PING, 0, content, flags)


def initial_window(size: int) -> bytes:
    """The client takes so much of each call at first."""
    return frame(SETTINGS, 0, struct.pack(">HI", 4, size))


def frames(sent: bytes) -> Iterator[Frame]:
    """What was sent, frame by frame; the last is whole."""
    at = 0
    while at < len(sent):
        size = int.from_bytes(sent[at : at + 3], "big")
        kind, flags, stream = struct.unpack_from(">BBI", sent, at + 3)
        yield Frame(kind, flags, stream, sent[at + 9 : at + 9 + size])
        at += 9 + size
    assert at == len(sent)

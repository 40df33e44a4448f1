"""Decides by size what may come in, and decompresses within that size. Pure.

OTLP (requests over gRPC and HTTP): a server must limit the size of a request before *and* after
decompression. Here a bomb costs the limit and one chunk of memory, never what it would unpack to.
"""

import sys
import zlib
from collections.abc import Callable, Generator, Iterator
from typing import Final

from stepscope_collector.errors import PayloadTooLarge, PayloadUndecodable, UnsupportedMedia

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = [
    "KNOWN_ENCODINGS",
    "BodySize",
    "declared_bytes",
    "decompress",
    "known_encoding",
    "too_large",
]

KNOWN_ENCODINGS: Final = ("gzip", "deflate", "zstd", "identity")
"""What a request may be compressed with. Over gRPC it is what gRPC itself knows: gzip and deflate."""

# RFC 9110 8.4.1.3: x-gzip is gzip; the OpenTelemetry Collector calls the zlib format by its name.
_ALIASES: Final = {"": "identity", "x-gzip": "gzip", "zlib": "deflate"}

_IN_BYTES: Final = 1 << 16
"""Input per step: zlib copies what it did not consume, so a step must be small."""

_OUT_BYTES: Final = 1 << 18
"""Output per step, and by how much a bomb can overshoot the limit."""

_MAX_MEMBERS: Final = 1024
"""Of gzip, frames of zstd: each costs work even when it is empty; no exporter writes more than one."""

_ZSTD_WINDOW_LOG: Final = 23
"""RFC 9659: a sender over HTTP may not use windows of more than 8 MiB, which a receiver must hold."""

_GZIP_WINDOW: Final = 31
_ZLIB_WINDOW: Final = 15
_RAW_WINDOW: Final = -15


def declared_bytes(content_length: str | None, limit: int) -> int | None:
    """The Content-Length as a number, None if there is none; refused before any byte is read.

    Raises:
        PayloadUndecodable: it is not a number.
        PayloadTooLarge: it is over `limit` bytes.
    """
    if content_length is None:
        return None
    if not (content_length.isascii() and content_length.isdigit()):
        raise PayloadUndecodable(f"content-length {content_length[:40]!r} is not a number of bytes")
    # More digits than any limit has: int() of a very long text is slow.
    size = int(content_length) if len(content_length) < 20 else limit + 1
    if size > limit:
        raise too_large(f"request of {content_length[:40]} bytes", limit)
    return size


class BodySize:
    """Counts the bytes of a body as they come, and refuses the one over the limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._seen = 0

    def add(self, size: int) -> None:
        """Count `size` more bytes; PayloadTooLarge as soon as the limit is passed."""
        self._seen += size
        if self._seen > self._limit:
            raise too_large(f"request of more than {self._limit} bytes", self._limit)


def known_encoding(content_encoding: str | None) -> str:
    """The member of KNOWN_ENCODINGS a Content-Encoding header means; UnsupportedMedia if none."""
    name = (content_encoding or "").strip().lower()
    name = _ALIASES.get(name, name)
    if name not in KNOWN_ENCODINGS:
        raise UnsupportedMedia(
            f"content-encoding {name[:40]!r} is not supported; use {', '.join(KNOWN_ENCODINGS)}"
        )
    return name


def decompress(
    body: bytes, encoding: str, limit: int, hold: Callable[[int], None] | None = None
) -> bytes:
    """The body as it was before its sender compressed it, at most `limit` bytes.

    Args:
        body: what came over the wire, whole.
        encoding: member of KNOWN_ENCODINGS.
        limit: bytes the result may have.
        hold: called with the size of each part of the result before the next is unpacked.

    Raises:
        Overloaded: raised by `hold`.
        PayloadUndecodable: damaged, cut short, or followed by something else.
        PayloadTooLarge: the result would be over `limit` bytes.
    """
    if encoding == "identity":
        if len(body) > limit:
            raise too_large(f"request of {len(body)} bytes", limit)
        return body
    chunks: list[bytes] = []
    room = limit
    try:
        for chunk in _STEPS[encoding](body):
            room -= len(chunk)
            if hold is not None:
                hold(len(chunk))
            if room < 0:
                raise too_large(f"request of more than {limit} bytes after {encoding}", limit)
            chunks.append(chunk)
    except (zlib.error, zstd.ZstdError) as error:
        raise PayloadUndecodable(f"body is not {encoding}: {error}") from error
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _gunzip(body: bytes) -> Iterator[bytes]:
    """RFC 1952: one or more members, each complete; zero padding after the last is let pass."""
    view = memoryview(body)
    at = members = 0
    while at < len(view) or members == 0:
        if members and not view[at : at + _IN_BYTES].tobytes().strip(b"\0"):
            at += _IN_BYTES
            continue
        members += 1
        if members > _MAX_MEMBERS:
            raise PayloadUndecodable(f"gzip body of more than {_MAX_MEMBERS} members")
        at = yield from _stream(view, at, _GZIP_WINDOW, "gzip")


def _inflate(body: bytes) -> Iterator[bytes]:
    """RFC 9110 8.4.1.2: the zlib format; the bare deflate that some clients send is taken too."""
    view = memoryview(body)
    has_zlib_header = (
        len(body) >= 2 and body[0] & 0x0F == 8 and ((body[0] << 8) | body[1]) % 31 == 0
    )
    end = yield from _stream(view, 0, _ZLIB_WINDOW if has_zlib_header else _RAW_WINDOW, "deflate")
    if end < len(view):
        raise PayloadUndecodable(f"{len(view) - end} bytes after the end of the deflate body")


def _stream(view: memoryview, at: int, window: int, encoding: str) -> Generator[bytes, None, int]:
    """The chunks of the one stream that begins at `at`; its value is where the stream ends."""
    engine = zlib.decompressobj(window)
    while not engine.eof:
        piece: bytes | memoryview = engine.unconsumed_tail
        if not piece:
            piece = view[at : at + _IN_BYTES]
            at += len(piece)
        chunk = engine.decompress(piece, _OUT_BYTES)
        if chunk:
            yield chunk
        elif not piece and not engine.eof:
            raise PayloadUndecodable(f"{encoding} body is cut short after {len(view)} bytes")
    return at - len(engine.unused_data)


def _unzstd(body: bytes) -> Iterator[bytes]:
    """RFC 8878: one or more frames, each complete; skippable ones give nothing."""
    options = {int(zstd.DecompressionParameter.window_log_max): _ZSTD_WINDOW_LOG}
    view = memoryview(body)
    at = frames = 0
    while at < len(view) or frames == 0:
        frames += 1
        if frames > _MAX_MEMBERS:
            raise PayloadUndecodable(f"zstd body of more than {_MAX_MEMBERS} frames")
        engine = zstd.ZstdDecompressor(options=options)
        while not engine.eof:
            piece = view[at : at + _IN_BYTES] if engine.needs_input else b""
            at += len(piece)
            chunk = engine.decompress(piece, _OUT_BYTES)
            if chunk:
                yield chunk
            elif not piece and engine.needs_input and not engine.eof:
                raise PayloadUndecodable(f"zstd body is cut short after {len(view)} bytes")
        at -= len(engine.unused_data)


_STEPS: Final[dict[str, Callable[[bytes], Iterator[bytes]]]] = {
    "gzip": _gunzip,
    "deflate": _inflate,
    "zstd": _unzstd,
}


def too_large(what: str, limit: int) -> PayloadTooLarge:
    """The error of what is over `limit` bytes."""
    return PayloadTooLarge(
        f"{what} exceeds limits.max_payload_bytes={limit}; raise it or send smaller batches"
    )

"""Reads OTLP files: JSON, one request or one per line, and protobuf, one request or many with their lengths.

What the file exporter of the OpenTelemetry Collector writes in either format, gzip or not, is among them.
"""

import gzip
import json
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from google.protobuf.message import DecodeError, Message

from stepscope_collector.decode.batch import Signal
from stepscope_collector.decode.otlp_json import REQUESTS, to_message
from stepscope_collector.errors import BadRequest, NotFound, StepscopeError
from stepscope_collector.importing.cut import cut
from stepscope_collector.importing.piece import Piece, Refused

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = [
    "GZIP",
    "SIGNAL_KEYS",
    "ZSTD",
    "opened",
    "pieces_of_json",
    "read_json",
    "read_protobuf",
]

GZIP: Final = b"\x1f\x8b"
ZSTD: Final = b"\x28\xb5\x2f\xfd"
MAX_LINE_BYTES: Final = 256 * 1024 * 1024
"""Of one request in a file."""

SIGNAL_KEYS: Final[dict[str, Signal]] = {
    "resourceSpans": "traces", "resource_spans": "traces",
    "resourceLogs": "logs", "resource_logs": "logs",
    "resourceMetrics": "metrics", "resource_metrics": "metrics",
}  # fmt: skip
"""Member of a request in JSON → its signal."""


@contextmanager
def opened(path: Path) -> Iterator[tuple[Any, Callable[[], int]]]:
    """The file, unpacked if it is gzip or zstd, and what tells how far it was read, about.

    Raises:
        NotFound, BadRequest: it cannot be read.
    """
    try:
        with path.open("rb") as raw:
            head = raw.read(4)
            raw.seek(0)
            if head.startswith(GZIP):
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    yield unpacked, raw.tell
            elif head == ZSTD:
                with zstd.ZstdFile(raw) as unpacked:
                    yield unpacked, raw.tell
            else:
                yield raw, raw.tell
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}", hint="name a file to import") from None
    except (EOFError, OSError, zlib.error, zstd.ZstdError) as error:
        raise BadRequest(f"{path} cannot be read to its end: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error)


def read_json(path: Path) -> Iterator[tuple[bytes | None, str, int]]:
    """The JSON texts of a file: one per line, or one over many lines.

    Yields:
        the text (None: longer than MAX_LINE_BYTES), where it stands, and how far the file is read.
    """
    with opened(path) as (file, done):
        first = 1
        begin = file.readline(MAX_LINE_BYTES)
        if begin and not _is_whole(begin):
            second = file.readline(MAX_LINE_BYTES)
            if not _is_one_per_line(begin, second):
                rest = file.read(MAX_LINE_BYTES)
                whole = begin + second + rest if len(rest) < MAX_LINE_BYTES else None
                yield whole, "the file", done()
                return
            if begin.strip():
                yield begin, "line 1", done()
            first, begin = 2, second
        for number, line in enumerate(_lines(file, begin), first):
            if line is None or line.strip():
                yield line, f"line {number}", done()


def _is_one_per_line(first: bytes, second: bytes) -> bool:
    """Whether a first line that is no JSON is a damaged one of many, and not the begin of one text."""
    is_object = second.lstrip().startswith(b"{") and _is_whole(second)
    return is_object and first.strip() not in (b"[", b"{")


def _is_whole(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def pieces_of_json(body: bytes, place: str, done_bytes: int) -> Iterator[Piece | Refused]:
    """A request written in JSON; one object may hold several signals."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        yield Refused(place, f"no JSON: {error}", done_bytes)
        return
    keys = document.keys() & SIGNAL_KEYS.keys() if isinstance(document, dict) else set()
    if not keys:
        yield Refused(place, "no resourceSpans, resourceLogs or resourceMetrics", done_bytes)
        return
    for key in sorted(keys):
        signal = SIGNAL_KEYS[key]
        try:
            message, _ = to_message(signal, body)
        except StepscopeError as error:
            yield Refused(place, error.message, done_bytes)
            continue
        yield from _pieces(signal, message, place, done_bytes)


def _pieces(signal: Signal, message: Message, place: str, done_bytes: int) -> Iterator[Piece]:
    for part in cut(signal, message):
        yield Piece(signal, part.SerializeToString(), place, done_bytes, is_parsed=True)


def _lines(file: Any, line: bytes) -> Iterator[bytes | None]:
    """A line that was read and those after it; None for one that is too long."""
    while line:
        if len(line) < MAX_LINE_BYTES or line.endswith(b"\n"):
            yield line
        else:
            while not line.endswith(b"\n") and (line := file.readline(MAX_LINE_BYTES)):
                pass
            yield None
        line = file.readline(MAX_LINE_BYTES)


def read_protobuf(path: Path, signal: Signal | None) -> Iterator[Piece | Refused]:
    """Requests in protobuf: each with its length in four bytes before it, or one alone.

    Args:
        path: the file.
        signal: what it holds; None: found out by the first request.

    Raises:
        BadRequest: it is nothing of that kind.
    """
    with opened(path) as (file, done):
        for number, body in enumerate(_messages(path, file), 1):
            place = f"request {number}"
            found = signal or _guess(body)
            if found is None:
                reason = "neither spans, log records nor metrics in protobuf"
                if number == 1:
                    raise BadRequest(
                        f"{path} holds {reason}", hint="see docs/portable.md, or name --signal"
                    )
                yield Refused(place, reason, done())
            elif (message := _parsed(found, body)) is None:
                # whether its strings can be mended is the decoder's to say
                yield Piece(found, body, place, done())
            else:
                yield from _pieces(found, message, place, done())


def _messages(path: Path, file: Any) -> Iterator[bytes]:
    head = file.read(4)
    length = int.from_bytes(head, "big")
    # a request begins with the tag of its first field, 0x0a: as a length that were 167 MB
    if head[:1] == b"\x0a":
        body = head + file.read(MAX_LINE_BYTES)
        if len(body) > MAX_LINE_BYTES:
            raise BadRequest(
                f"{path} is one request of more than {MAX_LINE_BYTES} bytes",
                hint="write it in several",
            )
        yield body
        return
    is_first = True
    while head:
        body = file.read(min(length, MAX_LINE_BYTES + 1))
        if len(head) < 4 or len(body) < length:
            if is_first:
                raise BadRequest(
                    f"{path} is nothing that can be imported", hint="see docs/portable.md"
                )
            raise EOFError(f"a request of {length} bytes has {len(body)}")
        yield body
        is_first = False
        head = file.read(4)
        length = int.from_bytes(head, "big")


def _parsed(signal: Signal, body: bytes) -> Any:
    try:
        return REQUESTS[signal].FromString(body)
    except DecodeError:
        return None


def _guess(body: bytes) -> Signal | None:
    """What a request holds: all three begin alike, their rows do not."""
    traces = _parsed("traces", body)
    if traces is not None:
        spans = [s for r in traces.resource_spans for c in r.scope_spans for s in c.spans]
        if spans and all(len(s.trace_id) == 16 and len(s.span_id) == 8 for s in spans[:100]):
            return "traces"
    metrics = _parsed("metrics", body)
    if metrics is not None:
        found = [m for r in metrics.resource_metrics for c in r.scope_metrics for m in c.metrics]
        if found and all(m.name and m.WhichOneof("data") for m in found[:100]):
            return "metrics"
    logs = _parsed("logs", body)
    if logs is not None:
        records = [x for r in logs.resource_logs for c in r.scope_logs for x in c.log_records]
        times = (x.time_unix_nano or x.observed_time_unix_nano for x in records[:100])
        if records and any(times):
            return "logs"
    return None

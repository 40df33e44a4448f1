"""Reads OTLP files: JSON, one request or one per line, and protobuf, one request or many with their lengths.

What the file exporter of the OpenTelemetry Collector writes in either format, gzip or not, is among them.
"""

import gzip
import json
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

__all__ = [
    "GZIP",
    "SIGNAL_KEYS",
    "opened",
    "pieces_of_json",
    "read_json",
    "read_protobuf",
]

GZIP: Final = b"\x1f\x8b"
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
    """The file, unpacked if it is gzip, and what tells how far it was read; gzip reads ahead a little.

    Raises:
        NotFound, BadRequest: it cannot be read.
    """
    try:
        with path.open("rb") as raw:
            is_gzip = raw.read(2) == GZIP
            raw.seek(0)
            if not is_gzip:
                yield raw, raw.tell
                return
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield unpacked, raw.tell
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}", hint="name a file to import") from None
    except (EOFError, OSError, zlib.error) as error:
        raise BadRequest(f"{path} cannot be read to its end: {error}") from error


def read_json(path: Path) -> Iterator[tuple[bytes | None, str, int]]:
    """The JSON texts of a file: one per line, or one over many lines.

    Yields:
        the text (None: longer than MAX_LINE_BYTES), where it stands, and how far the file is read.
    """
    with opened(path) as (file, done):
        for number, line in enumerate(_lines(file), 1):
            if number == 1 and line is not None and not _is_whole(line):
                rest = file.read(MAX_LINE_BYTES)
                whole = line + rest if len(rest) < MAX_LINE_BYTES else None
                yield whole, "the file", done()
                return
            if line is None or line.strip():
                yield line, f"line {number}", done()


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
        yield Piece(signal, part.SerializeToString(), place, done_bytes)


def _lines(file: Any) -> Iterator[bytes | None]:
    """The lines; None for one that is too long."""
    while line := file.readline(MAX_LINE_BYTES):
        if len(line) < MAX_LINE_BYTES or line.endswith(b"\n"):
            yield line
            continue
        while not line.endswith(b"\n") and (line := file.readline(MAX_LINE_BYTES)):
            pass
        yield None


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

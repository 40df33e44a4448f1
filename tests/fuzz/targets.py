"""What the fuzzer feeds: functions of bytes that return when all is well and raise when it found a bug.

Any bytes end in an accepted request or in a documented refusal (issue #4), so a target lets pass
the errors that a sender may see, and nothing else. `__main__.py` drives them by coverage,
`test_corpus.py` with the inputs of corpus/.
"""

import atexit
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Final

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stepscope_collector.decode.batch import Batch, Encoding, Signal
from stepscope_collector.decode.count import count_rows
from stepscope_collector.decode.native import in_use
from stepscope_collector.decode.otlp_json import to_message
from stepscope_collector.decode.repair import repair_utf8
from stepscope_collector.decode.request import decode_request
from stepscope_collector.errors import PayloadTooLarge, PayloadUndecodable, UnsupportedMedia
from stepscope_collector.ingest import Receipt
from stepscope_collector.receive.http2.kernel import Kind, connection
from stepscope_collector.receive.limits import (
    KNOWN_ENCODINGS,
    declared_bytes,
    decompress,
    known_encoding,
)
from stepscope_collector.receive.responses import MAX_RESPONSE_BYTES, failure_body, success_body
from tests.fuzz.seen import see
from tests.unit.collector.decode.compare import differences
from tests.unit.collector.receive.frames import PREFACE, frames
from tests.unit.collector.taking import MAPPING, Taking, taking

__all__ = ["IS_NATIVE", "TARGETS"]

MESSAGES: Final[dict[Signal, type[Message]]] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}
IS_NATIVE: Final = in_use("auto").decoder == "native"
ENCODINGS: Final[tuple[Encoding, ...]] = ("protobuf", "json")
MAX_UNPACKED_BYTES: Final = 1 << 16
MAX_ROWS_PER_BYTE: Final = 1
"""No message is empty on the wire: a row costs two bytes at least, and only one of each is counted."""
MAX_ANSWER_BYTES: Final = 64 << 10
MAX_ANSWER_PER_BYTE: Final = 16
"""A head of a few bytes, of names that were said before, has an answer of some hundred at most."""
REOPEN_AFTER: Final = 2000
"""Requests after which the store begins anew: its work grows with what it holds."""


def _answers(signal: Signal, encoding: Encoding, data: bytes) -> Batch | None:
    """The batch of a request, None where it is refused; both have an answer of bounded size."""
    try:
        batch = decode_request(signal, data, encoding, MAPPING.plan)
    except PayloadUndecodable as error:
        refused = failure_body(error, encoding)
    else:
        _check(batch, signal, encoding, len(data))
        return batch
    assert 0 < len(refused) <= MAX_RESPONSE_BYTES
    return None


def _check(batch: Batch, signal: Signal, encoding: Encoding, size: int) -> None:
    """The batch of `size` bytes is in itself consistent, and bounded."""
    assert batch.row_count + len(batch.rejections) <= size * MAX_ROWS_PER_BYTE
    assert (batch.rows.num_rows if batch.rows else 0) == batch.row_count
    receipt = Receipt(batch.row_count, len(batch.rejections), batch.message())
    assert len(success_body(signal, encoding, receipt)) <= MAX_RESPONSE_BYTES


def decode(signal: Signal, encoding: Encoding, data: bytes) -> None:
    """Decode a request; JSON and the protobuf of the same message say the same, and so do both decoders and the cheap count of rows."""
    counted = count_rows(signal, data, encoding)
    batch = _answers(signal, encoding, data)
    if encoding == "protobuf" and IS_NATIVE:
        assert differences(signal, data, MAPPING.plan) == []
    if batch is None:
        return
    if encoding == "protobuf":
        # Of a metric whose data comes twice, in two kinds, protobuf keeps the last.
        rows = batch.row_count + len(batch.rejections)
        assert counted is None or counted == rows or signal == "metrics"
        return
    message, _ = to_message(signal, data)
    again = _answers(signal, "protobuf", message.SerializeToString())
    assert again is not None
    assert again.row_count == batch.row_count
    assert [r.reason for r in again.rejections] == [r.reason for r in batch.rejections]


def repair(data: bytes) -> None:
    """Mend the strings of a request: bounded, idempotent, and nothing where nothing is broken."""
    for message_type in MESSAGES.values():
        try:
            mended, count = repair_utf8(data, message_type)
        except PayloadUndecodable:
            continue
        assert len(mended) <= 4 * len(data)
        assert (count == 0) <= (mended == data)
        assert repair_utf8(mended, message_type) == (mended, 0)
        try:
            message_type.FromString(data)
        except DecodeError:
            continue
        assert count == 0


def decompression(data: bytes) -> None:
    """Unpack: never more than the limit, and what zlib packed comes back."""
    for encoding in KNOWN_ENCODINGS:
        try:
            unpacked = decompress(data, encoding, MAX_UNPACKED_BYTES)
        except (PayloadTooLarge, PayloadUndecodable):
            continue
        assert len(unpacked) <= MAX_UNPACKED_BYTES
    if len(data) <= MAX_UNPACKED_BYTES:
        assert decompress(zlib.compress(data), "deflate", MAX_UNPACKED_BYTES) == data


def headers(data: bytes) -> None:
    """Read the headers that decide about a body."""
    text = data.decode("latin-1")
    try:
        assert known_encoding(text) in KNOWN_ENCODINGS
    except UnsupportedMedia:
        pass
    try:
        declared = declared_bytes(text, MAX_UNPACKED_BYTES)
        assert declared is not None
        assert 0 <= declared <= MAX_UNPACKED_BYTES
    except (PayloadTooLarge, PayloadUndecodable):
        pass


def http2(data: bytes) -> None:
    """Bytes of a client of gRPC after its greeting, in two pieces; each call is wanted, written to and ended."""
    if not IS_NATIVE:
        return
    http = connection()
    half = len(data) // 2
    sent, events = 0, []
    for piece in (PREFACE, data[:half], data[half:]):
        todo = http.receive(piece)
        while todo:
            event = todo.pop()
            events.append(event)
            kind, stream, *_ = event
            if kind in {Kind.CALL, Kind.MESSAGE}:
                todo += http.want(stream, MAX_UNPACKED_BYTES)
            else:
                http.write(stream, b"answer")
                http.end(stream, None, [("grpc-status", "0")])
        answer, more = http.output()
        assert more == []
        sent += len(answer)
        see(events, frames(answer), is_closed=http.is_closed)
    http.ping()
    http.go_away()
    sent += len(http.output()[0])
    assert sent <= MAX_ANSWER_BYTES + MAX_ANSWER_PER_BYTE * len(data)


class _Store:
    """An ingest on a database in memory, anew from time to time."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._taking: Taking | None = None
        self._count = 0

    def take(self, signal: Signal, encoding: Encoding, data: bytes) -> None:
        """Submit; what is refused is refused before the store, which takes every batch."""
        if self._taking is None or self._count % REOPEN_AFTER == 0:
            self.close()
            self._taking = self._stack.enter_context(taking())
        self._count += 1
        try:
            receipt = self._taking.take(data, signal, encoding)
        except PayloadUndecodable:
            return
        assert receipt.accepted + receipt.rejected <= len(data) * MAX_ROWS_PER_BYTE

    def close(self) -> None:
        """Close the database, if there is one, and let go of it: DuckDB counts what is left at exit."""
        self._stack.close()
        self._taking = None


_store: Final = _Store()
atexit.register(_store.close)


def store(data: bytes) -> None:
    """The whole way of a request, to the commit. The first byte says which signal and encoding."""
    if data:
        which = data[0] % (len(MESSAGES) * len(ENCODINGS))
        signal = tuple(MESSAGES)[which % len(MESSAGES)]
        _store.take(signal, ENCODINGS[which // len(MESSAGES)], data[1:])


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    **{
        f"{signal}-{encoding}": partial(decode, signal, encoding)
        for signal in MESSAGES
        for encoding in ENCODINGS
    },
    "repair": repair,
    "decompression": decompression,
    "headers": headers,
    "http2": http2,
    "store": store,
}

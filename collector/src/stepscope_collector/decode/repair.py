"""Makes a protobuf request with invalid UTF-8 readable: each bad byte sequence becomes U+FFFD. Pure.

SDKs that truncate strings by bytes send halves of characters, and protobuf's runtime then refuses
the whole request, good spans included (measured with upb, 2026-11). The runtime is asked which
parts it can read; only the others are walked in Python (`benchmarks/bench_decode.py`, 2026-11-21: one bad
string in 512 spans costs 1.5 ms beside 4.6 ms of decoding, one in each 10 ms).
"""

from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stepscope_collector.decode.batch import Signal
from stepscope_collector.errors import PayloadUndecodable

__all__ = ["MESSAGES", "repair_utf8", "repaired"]

MESSAGES: Final[dict[Signal, type[Message]]] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}
"""The message of a request of each signal."""

_MAX_DEPTH: Final = 100  # of messages and groups; protobuf's own limit

_MAX_TRIED_DEPTH: Final = 8
"""Messages down to here are tried as a whole first: the values of attributes of events and links lie
at 7. Each level costs reading its bytes again, so hostile nesting is walked and not tried."""

_MAX_FIELDS: Final = 2_000_000
"""Walked in one request: three seconds, in which nothing else is decoded. 64 MiB of spans as SDKs send
them, with a bad string in each, have fewer."""

_VARINT, _FIXED64, _BYTES, _GROUP, _END_GROUP, _FIXED32 = range(6)
_FIXED_BYTES: Final = {_FIXED64: 8, _FIXED32: 4}
_MAX_FIELD_NUMBER: Final = (1 << 29) - 1


def repair_utf8(payload: bytes, message_type: type[Message]) -> tuple[bytes, int]:
    """The payload with valid UTF-8 in every string field, and how many fields had to be changed.

    Everything else is as it was, unknown fields included. At most three times as long as `payload`.

    Raises:
        PayloadUndecodable: not protobuf at all, and the message names the position; or more to
            repair than is worth the time.
    """
    return _Walk(payload).message(0, len(payload), message_type.DESCRIPTOR, 1)


def repaired(count: int) -> str:
    """What senders are told of it."""
    return f"{count} strings were not valid UTF-8; bad bytes replaced by U+FFFD"


class _Walk:
    """Reads one payload; positions count from its first byte."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._left = _MAX_FIELDS

    def message(self, at: int, end: int, kind: Any, depth: int) -> tuple[bytes, int]:
        """The message in bytes `at` to `end`, repaired, and the number of repairs."""
        if depth > _MAX_DEPTH:
            raise PayloadUndecodable(f"nested more than {_MAX_DEPTH} messages deep at byte {at}")
        if 1 < depth <= _MAX_TRIED_DEPTH and self._is_readable(at, end, kind):
            return b"", 0
        start = kept = at
        parts: list[bytes] = []
        repairs = 0
        fields = kind.fields_by_number
        while at < end:
            tag_at = at
            number, wire_type, at = self._tag(at, end)
            if wire_type != _BYTES:
                at = self._skip(at, end, number, wire_type, depth)
                continue
            length, at = self._varint(at, end)
            value_at, at = at, self._advance(at, length, end)
            field = fields.get(number)
            if field is None:
                continue
            value, count = self._value(value_at, at, field, depth)
            if count:
                repairs += count
                parts += (self._payload[kept:tag_at], _varint(number << 3 | _BYTES))
                parts += (_varint(len(value)), value)
                kept = at
        if not repairs:
            return (self._payload[start:end] if depth == 1 else b""), 0
        parts.append(self._payload[kept:end])
        return b"".join(parts), repairs

    def _is_readable(self, at: int, end: int, kind: Any) -> bool:
        try:
            GetMessageClass(kind).FromString(self._payload[at:end])
        except DecodeError:
            return False
        return True

    def _value(self, at: int, end: int, field: FieldDescriptor, depth: int) -> tuple[bytes, int]:
        """A length-delimited value and its number of repairs; b"" when there are none."""
        if field.message_type is not None:
            return self.message(at, end, field.message_type, depth + 1)
        if field.type == FieldDescriptor.TYPE_STRING:
            raw = self._payload[at:end]
            try:
                raw.decode()
            except UnicodeDecodeError:
                return raw.decode("utf-8", "replace").encode(), 1
        return b"", 0

    def _tag(self, at: int, end: int) -> tuple[int, int, int]:
        self._left -= 1
        if self._left < 0:
            raise PayloadUndecodable(
                f"strings that are not valid UTF-8 among more than {_MAX_FIELDS} fields; "
                "send smaller batches"
            )
        tag, after = self._varint(at, end)
        number = tag >> 3
        if not 1 <= number <= _MAX_FIELD_NUMBER:
            raise PayloadUndecodable(f"field number {number} at byte {at} is not protobuf")
        return number, tag & 7, after

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        number = 0
        for shift in range(0, 70, 7):
            if at >= end:
                raise PayloadUndecodable(f"cut short at byte {at}")
            byte = self._payload[at]
            at += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number, at
        raise PayloadUndecodable(f"number of more than 10 bytes before byte {at}")

    def _advance(self, at: int, length: int, end: int) -> int:
        if length > end - at:
            raise PayloadUndecodable(f"{length} bytes announced at byte {at}, {end - at} are there")
        return at + length

    def _skip(self, at: int, end: int, number: int, wire_type: int, depth: int) -> int:
        """The position after a value that holds no string of ours."""
        if wire_type == _VARINT:
            return self._varint(at, end)[1]
        if wire_type in _FIXED_BYTES:
            return self._advance(at, _FIXED_BYTES[wire_type], end)
        if wire_type == _BYTES:
            length, at = self._varint(at, end)
            return self._advance(at, length, end)
        if wire_type == _GROUP:
            return self._skip_group(at, end, number, depth + 1)
        raise PayloadUndecodable(f"wire type {wire_type} before byte {at} is not protobuf")

    def _skip_group(self, at: int, end: int, group: int, depth: int) -> int:
        if depth > _MAX_DEPTH:
            raise PayloadUndecodable(f"nested more than {_MAX_DEPTH} groups deep at byte {at}")
        while True:
            number, wire_type, at = self._tag(at, end)
            if wire_type == _END_GROUP and number == group:
                return at
            at = self._skip(at, end, number, wire_type, depth)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)

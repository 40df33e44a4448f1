"""Requests with invalid UTF-8 become readable, and nothing else in them changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from stepscope_collector.decode.repair import repair_utf8
from stepscope_collector.errors import PayloadUndecodable
from tests.strategies.messages import messages


def _request(name: str) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    spans.add(trace_id=b"\xff" * 16, span_id=b"\xfe" * 8, name="good", start_time_unix_nano=7)
    spans.add(trace_id=b"\xff" * 16, span_id=b"\xfd" * 8, name=name, end_time_unix_nano=9)
    return request


def test_half_a_character_becomes_the_replacement_character_and_the_rest_stays() -> None:
    """OTLP: C20, an SDK that truncates by bytes must not cost the good spans beside it."""
    payload = _request("abcXX").SerializeToString().replace(b"abcXX", b"abc\xe2\x82")
    repaired, count = repair_utf8(payload, ExportTraceServiceRequest)
    assert ExportTraceServiceRequest.FromString(repaired) == _request("abc\ufffd")
    assert count == 1


def test_lengths_are_written_anew_when_a_repair_makes_them_longer() -> None:
    """OTLP: C20, the length of a field may need one more byte after the repair, at every level."""
    payload = _request("X" * 126).SerializeToString().replace(b"X" * 126, b"\xff" * 126)
    repaired, count = repair_utf8(payload, ExportTraceServiceRequest)
    assert ExportTraceServiceRequest.FromString(repaired) == _request("\ufffd" * 126)
    assert count == 1


def test_bytes_fields_and_unknown_fields_are_not_text() -> None:
    """OTLP: C10, only string fields are repaired; ids and fields of a later version stay."""
    unknown = (
        b"\xca\x3e\x02\xff\xfe" + b"\xc3\x3e\x08\x05\xc4\x3e" + b"\xd5\x3eabcd\xd9\x3eabcdefgh"
    )
    payload = Span(trace_id=b"\xff" * 16, name="XX").SerializeToString() + unknown
    repaired, count = repair_utf8(payload.replace(b"XX", b"\xff\xff"), Span)
    span = Span.FromString(repaired)
    assert (span.trace_id, span.name, count) == (b"\xff" * 16, "\ufffd\ufffd", 1)
    assert repaired.endswith(unknown)


def test_a_string_field_of_another_wire_type_is_passed_over() -> None:
    """ours: protobuf reads a field of the wrong wire type as unknown, and so does the repair."""
    payload = b"\x28\x07"  # Span.name, field 5, as a number
    assert repair_utf8(payload, Span) == (payload, 0)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"\x0a", "cut short"),
        (b"\x0a\x05abc", "announced"),
        (b"\xff" * 11, "more than 10 bytes"),
        (b"\x00\x00", "field number 0"),
        (b"\x0c", "wire type 4"),
        (b"\x0e", "wire type 6"),
        (b"\x09abc", "announced"),
        (b"\xc3\x3e\x08\x05", "cut short"),
        (b"\xc3\x3e" * 150, "groups deep"),
    ],
)
def test_what_is_not_protobuf_is_refused_with_its_position(payload: bytes, reason: str) -> None:
    """OTLP: H12, undecodable bytes are a permanent refusal."""
    with pytest.raises(PayloadUndecodable, match=reason):
        repair_utf8(payload, ExportTraceServiceRequest)


def test_nesting_beyond_protobufs_own_limit_is_refused() -> None:
    """ours: a hostile request must not reach Python's recursion limit."""
    value = b"\x0a\x01\xff"
    for _ in range(90):
        inner = b"\x0a" + _length(value) + value  # ArrayValue.values
        value = b"\x2a" + _length(inner) + inner  # AnyValue.array_value
    attribute = b"\x12" + _length(value) + value
    with pytest.raises(PayloadUndecodable, match="messages deep"):
        repair_utf8(b"\x4a" + _length(attribute) + attribute, Span)


def test_a_request_that_is_broken_all_over_is_refused_after_a_while() -> None:
    """ours: walking millions of fields would hold up everybody else."""
    payload = b"\x28\x07" * 2_000_001 + b"\x2a\x01\xff"  # numbers where a name belongs, a bad name
    with pytest.raises(PayloadUndecodable, match="among more than 2000000 fields"):
        repair_utf8(payload, Span)


@pytest.mark.parametrize("depth", [3, 5, 6, 40])
def test_a_bad_string_is_found_at_any_depth(depth: int) -> None:
    """OTLP: C20; parts that the runtime can read are left alone, wherever they stand."""
    span = Span(name="good", attributes=[{"key": "deep"}, {"key": "other"}])
    value = span.attributes[0].value
    for number in range(depth):
        values = value.array_value.values
        values.add(string_value=f"good {number}")
        value = values.add()
    value.string_value = "XX"
    repaired, count = repair_utf8(span.SerializeToString().replace(b"XX", b"\xc3."), Span)
    value.string_value = "\ufffd."
    assert (Span.FromString(repaired), count) == (span, 1)


def _length(value: bytes) -> bytes:
    out, number = b"", len(value)
    while number > 0x7F:
        out, number = out + bytes([number & 0x7F | 0x80]), number >> 7
    return out + bytes([number])


@given(st.binary(max_size=200))
def test_any_bytes_are_repaired_or_refused(payload: bytes) -> None:
    """ours: hostile bytes end in a result or the documented error, never in another one."""
    try:
        repaired, count = repair_utf8(payload, ExportTraceServiceRequest)
    except PayloadUndecodable:
        return
    assert count or repaired == payload


@given(messages(ExportTraceServiceRequest))
def test_a_valid_request_comes_back_byte_for_byte(request: ExportTraceServiceRequest) -> None:
    """ours: the repair changes nothing that needs no repair."""
    payload = request.SerializeToString()
    assert repair_utf8(payload, ExportTraceServiceRequest) == (payload, 0)


@given(messages(ExportTraceServiceRequest), st.data())
def test_a_damaged_request_is_refused_or_becomes_readable(
    request: ExportTraceServiceRequest, data: st.DataObject
) -> None:
    """OTLP: C20, after a repair the stock runtime reads the request."""
    payload = bytearray(request.SerializeToString())
    if payload:
        at = data.draw(st.integers(0, len(payload) - 1))
        payload[at] = data.draw(st.integers(128, 255))
    try:
        repaired, count = repair_utf8(bytes(payload), ExportTraceServiceRequest)
    except PayloadUndecodable:
        return
    if count:
        assert b"\xef\xbf\xbd" in repaired
        ExportTraceServiceRequest.FromString(repaired)

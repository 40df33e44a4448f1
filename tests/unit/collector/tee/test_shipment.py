"""Requests that wait are joined without a change of content."""

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stepscope_collector.tee.record import Record
from stepscope_collector.tee.shipment import halves, shipments
from tests.strategies import otlp


def numbered(records):
    return [
        Record(one.signal, one.encoding, one.body, one.rows, one.via, 0, n)
        for n, one in enumerate(records)
    ]


@given(requests=st.lists(otlp.trace_requests, min_size=1, max_size=4))
def test_joined_requests_say_the_same(requests):
    """Protocol Buffers: the bytes of two messages, one after the other, are their merge."""
    records = numbered(Record("traces", "protobuf", r.SerializeToString(), 1) for r in requests)
    (shipment,) = shipments(records, keeps_json=False)
    merged = ExportTraceServiceRequest()
    for request in requests:
        merged.MergeFrom(request)
    assert ExportTraceServiceRequest.FromString(shipment.body()) == merged


def test_what_differs_in_signal_or_way_goes_apart_and_in_order():
    """ours: `via` holds for a whole request."""
    records = numbered([
        Record("traces", "protobuf", b"1", 1), Record("logs", "protobuf", b"2", 2),
        Record("traces", "protobuf", b"3", 3), Record("traces", "protobuf", b"4", 4, "aa"),
    ])  # fmt: skip
    found = shipments(records, keeps_json=True)
    assert [(s.signal, s.via, s.rows, s.body()) for s in found] == [
        ("traces", "", 4, b"13"), ("logs", "", 2, b"2"), ("traces", "aa", 4, b"4"),
    ]  # fmt: skip
    assert [part.body() for part in halves(found[0])] == [b"1", b"3"]
    assert [part.body() for part in halves(found[1])] == [b"2"]


def test_json_goes_as_it_is_or_as_protobuf():
    """issue #4: the very bytes, or equal in meaning."""
    text = b'{"resourceSpans":[{"resource":{},"scopeSpans":[{"spans":[{"name":"n"}]}]}]}'
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.add(name="n")
    request.resource_spans[0].resource.SetInParent()
    wire = request.SerializeToString()
    records = numbered([
        Record("traces", "json", text, 1), Record("traces", "protobuf", wire, 1),
        Record("traces", "json", text, 1),
    ])  # fmt: skip
    kept = shipments(records, keeps_json=True)
    assert [(s.encoding, s.body()) for s in kept] == [
        ("json", text), ("protobuf", wire), ("json", text),
    ]  # fmt: skip
    (joined,) = shipments(records, keeps_json=False)
    assert (joined.encoding, joined.body()) == ("protobuf", wire * 3)

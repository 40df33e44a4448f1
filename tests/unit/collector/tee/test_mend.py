"""What strict receivers refuse is taken out, and nothing else."""

from hypothesis import given
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stepscope_collector.decode.batch import Plan
from stepscope_collector.decode.request import decode_request
from stepscope_collector.tee.mend import mended
from stepscope_collector.tee.record import Record
from tests.strategies import otlp
from tests.strategies.canonical import canonical_spans

TRACE, SPAN = b"t" * 16, b"s" * 8


def traces(*spans):
    request = ExportTraceServiceRequest()
    held = request.resource_spans.add().scope_spans.add().spans
    for trace_id, span_id, parent in spans:
        held.add(trace_id=trace_id, span_id=span_id, parent_span_id=parent, name="n")
    return request


def record(body, signal="traces", rows=3, encoding="protobuf"):
    return Record(signal, encoding, body, rows, "aa", 7, 9)


def test_spans_without_valid_ids_are_left_out():
    """OTLP checklist C13; the OpenTelemetry Collector refuses the whole request for one."""
    bad = [
        (b"short", SPAN, b""), (TRACE, b"short", b""), (TRACE, SPAN, b"odd"),
        (bytes(16), SPAN, b""), (TRACE, bytes(8), b""),
    ]  # fmt: skip
    good = [(TRACE, SPAN, b""), (TRACE, b"2" * 8, SPAN)]
    found = mended(record(traces(bad[0], good[0], *bad[1:], good[1]).SerializeToString(), rows=7))
    assert found == record(traces(*good).SerializeToString(), rows=2)


@given(request=otlp.trace_requests)
def test_what_is_left_is_what_we_have_stored(request):
    """ours: the endpoint gets all that is good in a request."""
    payload = request.SerializeToString()
    batch = decode_request("traces", payload, "protobuf", Plan())
    found = mended(record(payload, rows=batch.row_count + len(batch.rejections)))
    if found is None:
        assert not batch.rejections
        return
    assert found.rows == batch.row_count
    left = ExportTraceServiceRequest.FromString(found.body)
    again = decode_request("traces", found.body, "protobuf", Plan())
    assert (again.row_count, again.rejections) == (batch.row_count, [])
    for one in (request, left):  # links without ids go, too
        for resource_spans in one.resource_spans:
            for scope_spans in resource_spans.scope_spans:
                for span in scope_spans.spans:
                    del span.links[:]
    assert canonical_spans(left) == canonical_spans(request)


def test_strings_and_ids_of_log_records_are_mended():
    """OTLP checklist C20: invalid UTF-8."""
    request = ExportLogsServiceRequest()
    held = request.resource_logs.add().scope_logs.add().log_records.add(trace_id=b"odd")
    held.severity_text = "ab"
    wire = request.SerializeToString().replace(b"ab", b"a\xff")
    found = mended(record(wire, "logs"))
    (left,) = (
        ExportLogsServiceRequest.FromString(found.body).resource_logs[0].scope_logs[0].log_records
    )
    assert (left.trace_id, left.severity_text, found.rows) == (b"", "a\ufffd", 3)


def test_a_good_request_a_broken_one_and_json_stay_as_they_are():
    """ours: then there is no use in sending it again."""
    assert mended(record(traces((TRACE, SPAN, b"")).SerializeToString())) is None
    assert mended(record(b"\xff\xff")) is None
    assert mended(record(b"", "metrics")) is None
    assert mended(record(b"{}", encoding="json")) is None

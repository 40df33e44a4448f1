"""Which decoder a collector uses, and that it says so."""

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stepscope_collector.decode.native import in_use
from tests.integration.collector.process import Collector, stored
from tests.integration.collector.test_service import post


def payload() -> bytes:
    request = ExportTraceServiceRequest()
    scope_spans = request.resource_spans.add().scope_spans.add()
    scope_spans.scope.name = "stepscope"
    span = scope_spans.spans.add(
        trace_id=b"t" * 16, span_id=b"s" * 8, name="whole", end_time_unix_nano=9
    )
    span.attributes.add(key="workflow.name").value.string_value = "w"
    span.attributes.add(key="stepscope.input").value.string_value = '{"a": 1}'
    span.attributes.add(key="region").value.string_value = "eu"
    return request.SerializeToString()


@pytest.mark.parametrize("wanted", ["auto", "python"])
def test_the_decoder_in_use_is_said_and_its_rows_are_stored(tmp_path, wanted):
    """issue #6: `stepscope doctor` shows which decoder is in use; the log says it at the start."""
    used = in_use(wanted)
    collector = Collector(tmp_path / "data", ingest_decoder=wanted, log_level="debug")
    collector.may_say = ""  # anything
    with collector:
        assert post(collector.endpoints.otlp_http, payload()) == 200
        report = collector.doctor()
        assert (report["decoder"], report["decoder_reason"]) == used
        assert f"decoder={used.decoder!r}" in collector.said()
    with stored(tmp_path / "data") as history:
        (row,) = history.execute("select name, attributes['region'] from spans").fetchall()
        assert row == ("whole", "eu")
        (body,) = history.execute("select body from payloads").fetchone()
        assert body == '{"a": 1}'

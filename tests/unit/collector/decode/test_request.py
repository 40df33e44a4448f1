"""Bytes of a request to a batch, by signal and encoding."""

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stepscope_collector.decode.batch import Plan, Signal
from stepscope_collector.decode.request import decode_request
from stepscope_collector.errors import PayloadUndecodable
from tests.unit.collector.decode.rows import rows_of

ROWS: dict[Signal, str] = {
    "traces": '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c"'
    ',"spanId":"b7ad6b7169203331"}]}]}]}',
    "logs": '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}}]}]}]}',
    "metrics": '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","gauge":'
    '{"dataPoints":[{"asInt":"1"}]}}]}]}]}',
}


@pytest.mark.parametrize("signal", list(ROWS))
def test_each_signal_has_its_decoder(signal: Signal) -> None:
    """OTLP: three signals, JSON."""
    batch = decode_request(signal, ROWS[signal].encode(), "json", Plan())
    assert (batch.signal, batch.row_count, batch.message()) == (signal, 1, "")


@pytest.mark.parametrize("signal", list(ROWS))
def test_an_empty_request_has_no_rows(signal: Signal) -> None:
    """OTLP: C3, 0 bytes of protobuf and an empty JSON object."""
    assert decode_request(signal, b"", "protobuf", Plan()).rows is None
    assert decode_request(signal, b"{}", "json", Plan()).rows is None


def _payload(name: bytes) -> bytes:
    """A request of two spans, the second of which is named by these bytes."""
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, name="good")
    spans.add(trace_id=b"t" * 16, span_id=b"r" * 8, name="?" * len(name))
    return request.SerializeToString().replace(b"?" * len(name), name)


def test_invalid_utf_8_is_replaced_and_said() -> None:
    """OTLP: C20; issue #2: invalid UTF-8; the spans beside it are kept, too."""
    batch = decode_request("traces", _payload(b"caf\xc3 \xf0\x9d"), "protobuf", Plan())
    assert [row["name"] for row in rows_of(batch)] == ["good", "caf\ufffd \ufffd"]
    assert batch.rejections == []
    assert "not valid UTF-8" in batch.message()


def test_characters_beyond_the_basic_plane_and_nul_are_kept() -> None:
    """issue #2: non-BMP text."""
    name = "𝄞\0👩‍💻"
    batch = decode_request("traces", _payload(name.encode()), "protobuf", Plan())
    assert [row["name"] for row in rows_of(batch)] == ["good", name]


@pytest.mark.parametrize("payload", [b"\xff", b"{}", b"\x0a\x05abc", b"\x00\x00"])
def test_bytes_that_are_no_request_are_refused(payload: bytes) -> None:
    """OTLP: bad data is a permanent error."""
    with pytest.raises(PayloadUndecodable):
        decode_request("traces", payload, "protobuf", Plan())

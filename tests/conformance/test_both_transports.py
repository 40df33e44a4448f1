"""Rows C: what holds over gRPC and HTTP, in both encodings."""

import json
import os
import signal
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from tests.conformance.client import (
    PROTOBUF,
    SIGNALS,
    TRANSPORTS,
    Endpoint,
    Signal,
    Transport,
    an_id,
    requests,
    spans,
    traces,
)
from tests.conformance.conftest import Service

pytestmark = pytest.mark.e2e

every_transport = pytest.mark.parametrize("transport", TRANSPORTS)
every_signal = pytest.mark.parametrize("kind", SIGNALS)

_START = 1_700_000_000_000_000_000


def _one(endpoint: Endpoint, transport: Transport, columns: str, **fields: Any) -> list[Any]:
    """`columns` of a span sent alone with `fields`; it must be accepted without a word."""
    trace_id = an_id()
    span = {
        "trace_id": trace_id,
        "span_id": b"spanspan",
        "name": "n",
        "start_time_unix_nano": _START,
    }
    answer = endpoint.send(transport, "traces", traces({**span, **fields}))
    assert answer.is_success, answer
    assert answer.rejected == 0
    (row,) = endpoint.stored(trace_id, columns)
    return row


@every_transport
@every_signal
def test_an_uncompressed_request_is_accepted(
    endpoint: Endpoint, transport: Transport, kind: Signal
) -> None:
    """OTLP: C1, C4, C23: and a full success says nothing at all."""
    answer = endpoint.send(transport, kind, requests(kind, "plain"))
    assert answer.is_success
    assert answer.body == (b"{}" if transport == "http-json" else b"")


@every_transport
@every_signal
def test_a_gzip_request_is_accepted(endpoint: Endpoint, transport: Transport, kind: Signal) -> None:
    """OTLP: C2, every signal."""
    assert endpoint.send(transport, kind, requests(kind, "packed"), is_compressed=True).is_success


@every_transport
def test_a_gzip_request_stores_the_same_rows(endpoint: Endpoint, transport: Transport) -> None:
    """OTLP: C2."""
    plain, packed = an_id(), an_id()
    for trace_id, is_compressed in ((plain, False), (packed, True)):
        request = spans(
            trace_id, "a", "b", kind=3, attributes=[{"key": "k", "value": {"int_value": 5}}]
        )
        assert endpoint.send(transport, "traces", request, is_compressed=is_compressed).is_success
    columns = "name, kind, started_at, ended_at, attributes, role, status"
    assert endpoint.stored(plain, columns) == endpoint.stored(packed, columns) != []


@every_transport
@every_signal
def test_an_empty_request_is_a_success(
    endpoint: Endpoint, transport: Transport, kind: Signal
) -> None:
    """OTLP: C3, no bytes, and envelopes without content."""
    before = endpoint.sql("select count(*) from spans")
    empty = {
        "traces": (ExportTraceServiceRequest, "resource_spans", "scope_spans"),
        "logs": (ExportLogsServiceRequest, "resource_logs", "scope_logs"),
        "metrics": (ExportMetricsServiceRequest, "resource_metrics", "scope_metrics"),
    }
    request, resources, scopes = empty[kind]
    for tree in ({}, {resources: [{}]}, {resources: [{scopes: [{}]}]}):
        answer = endpoint.send(transport, kind, request(**tree))
        assert (answer.is_success, answer.has_partial) == (True, False)
    assert endpoint.sql("select count(*) from spans") == before


def _spans_with_bad_ids(trace_id: bytes) -> ExportTraceServiceRequest:
    good = {"name": "good", "start_time_unix_nano": _START}
    return traces(
        {**good, "trace_id": trace_id, "span_id": b"12345678"},
        {**good, "trace_id": trace_id, "span_id": b"1234567"},
        {**good, "trace_id": trace_id[:15], "span_id": b"12345678"},
        {**good, "trace_id": trace_id + b"x", "span_id": b"12345678"},
        {**good, "trace_id": bytes(16), "span_id": b"12345678"},
        {**good, "trace_id": trace_id, "span_id": bytes(8)},
        {**good, "trace_id": b"", "span_id": b""},
        {**good, "trace_id": trace_id, "span_id": b"87654321"},
    )


@every_transport
def test_bad_spans_are_rejected_alone_and_counted(endpoint: Endpoint, transport: Transport) -> None:
    """OTLP: C5, C6, C13, H10: never stored under a padded id, and the good ones are there."""
    trace_id = an_id()
    answer = endpoint.send(transport, "traces", _spans_with_bad_ids(trace_id))
    assert answer.is_success
    assert answer.rejected == 6
    assert "invalid trace id" in answer.message
    assert "invalid span id" in answer.message
    rows = endpoint.stored(trace_id, "span_id")
    assert sorted(rows) == [[b"12345678".hex()], [b"87654321".hex()]]


@every_transport
def test_rejected_spans_are_recorded_with_the_reason(
    endpoint: Endpoint, transport: Transport
) -> None:
    """issue #2: data refused is counted and recorded."""
    trace_id = an_id()
    endpoint.send(transport, "traces", _spans_with_bad_ids(trace_id))
    rows = endpoint.sql(
        "select reason, rejected_count from stored.rejections where trace_id = $id",
        id=trace_id.hex(),
    )
    assert rows == [["invalid_span_id", 2]]


@every_transport
def test_a_repaired_string_is_accepted_with_a_warning(
    endpoint: Endpoint, transport: Transport
) -> None:
    """OTLP: C7, C20: invalid UTF-8 costs neither the request nor the span."""
    trace_id = an_id()
    request = spans(trace_id, "good", "badXX")
    body: bytes = request.SerializeToString()
    if transport == "http-json":
        span = {"traceId": trace_id.hex(), "spanId": "11" * 8, "startTimeUnixNano": str(_START)}
        tree = {
            "resourceSpans": [
                {
                    "scopeSpans": [
                        {
                            "spans": [
                                {**span, "name": "badXX"},
                                {**span, "spanId": "22" * 8, "name": "good"},
                            ]
                        }
                    ]
                }
            ]
        }
        body = json.dumps(tree).encode()
    answer = endpoint.send(transport, "traces", body.replace(b"XX", b"\xe2\x82"))
    assert (answer.is_success, answer.rejected) == (True, 0)
    assert "UTF-8" in answer.message
    assert sorted(endpoint.stored(trace_id)) == [["bad\ufffd"], ["good"]]


@every_transport
def test_the_same_spans_twice_are_stored_once(endpoint: Endpoint, transport: Transport) -> None:
    """OTLP: C9, H28: both are acknowledged."""
    trace_id = an_id()
    request = spans(trace_id, "a", "b")
    for _ in range(2):
        answer = endpoint.send(transport, "traces", request)
        assert (answer.is_success, answer.has_partial) == (True, False)
    assert endpoint.stored(trace_id) == [["a"], ["b"]]


@pytest.mark.parametrize("transport", ["grpc", "http-protobuf"])
def test_unknown_fields_are_ignored(endpoint: Endpoint, transport: Transport) -> None:
    """OTLP: C10; fields 1001 to 1003 of a later version, in the request and in a span."""
    unknown = b"\xc8\x3e\x07" + b"\xd2\x3e\x03abc" + b"\xdd\x3eabcd"
    trace_id = an_id()
    span = spans(trace_id, "n").resource_spans[0].scope_spans[0].spans[0]
    inner = span.SerializeToString() + unknown
    for field in (b"\x12", b"\x12", b"\x0a"):  # spans, scope_spans, resource_spans
        inner = field + bytes([len(inner)]) + inner
    assert endpoint.send(transport, "traces", inner + unknown).is_success
    assert endpoint.stored(trace_id) == [["n"]]


_VALUES: dict[str, AnyValue] = {
    "s": AnyValue(string_value="text \U0001f600"),
    "i": AnyValue(int_value=-(1 << 63)),
    "d": AnyValue(double_value=0.1),
    "b": AnyValue(bool_value=False),
    "y": AnyValue(bytes_value=b"\x00\xff"),
    "n": AnyValue(),
    "a": AnyValue(
        array_value={
            "values": [{"string_value": "x"}, {"int_value": 1}, {"array_value": {"values": [{}]}}]
        }
    ),  # type: ignore[arg-type,list-item,dict-item]
    "k": AnyValue(kvlist_value={"values": [{"key": "q", "value": {"kvlist_value": {}}}]}),  # type: ignore[arg-type,list-item,dict-item]
}


@every_transport
def test_every_kind_of_value_is_stored(endpoint: Endpoint, transport: Transport) -> None:
    """OTLP: C11. That it comes back exactly is tested where requests are re-encoded."""
    attributes = [{"key": key, "value": value} for key, value in _VALUES.items()]
    (found,) = _one(endpoint, transport, "attributes", attributes=attributes)
    if isinstance(found, list):
        found = {entry["key"]: entry["value"] for entry in found}
    assert found["s"] == "text \U0001f600"
    assert found["i"] == str(-(1 << 63))
    assert found["d"] == "0.1"
    assert found["b"] == "false"
    assert found["y"] == "AP8="
    assert found["n"] is None
    assert json.loads(found["a"])[:2] == ["x", 1] or "arrayValue" in found["a"]
    assert "q" in found["k"]


@every_transport
def test_an_index_into_a_dictionary_of_strings_reads_as_empty(
    endpoint: Endpoint, transport: Transport
) -> None:
    """OTLP: C12, accepted and treated as empty."""
    attributes = [
        {"key": "k", "value": {"string_value_strindex": 3}},
        {"key_strindex": 2, "value": {"int_value": 1}},
    ]
    (found,) = _one(endpoint, transport, "attributes['k']", attributes=attributes)
    assert found is None


@every_transport
@pytest.mark.parametrize("parent", [b"1", b"123456789"])
def test_a_parent_id_of_wrong_length_is_rejected_like_the_span_id(
    endpoint: Endpoint, transport: Transport, parent: bytes
) -> None:
    """OTLP: C14."""
    trace_id = an_id()
    answer = endpoint.send(transport, "traces", spans(trace_id, "n", parent_span_id=parent))
    assert (answer.is_success, answer.rejected) == (True, 1)
    assert "parent" in answer.message
    assert endpoint.stored(trace_id) == []


@every_transport
def test_a_parent_id_of_zeros_means_a_root(endpoint: Endpoint, transport: Transport) -> None:
    """OTLP: C14."""
    assert _one(endpoint, transport, "parent_span_id", parent_span_id=bytes(8)) == [None]


@every_transport
def test_links_with_empty_or_foreign_ids_do_not_cost_the_span(
    endpoint: Endpoint, transport: Transport
) -> None:
    """OTLP: C15."""
    links = [{"trace_id": b"1" * 16}, {"trace_id": b"x", "span_id": b"y"}, {}]
    assert _one(endpoint, transport, "len(links)", links=links) == [3]


@every_transport
@pytest.mark.parametrize(
    ("begin", "end"),
    [
        (_START, _START - 1),
        (_START, 0),
        (0, _START),
        (0, 0),
        (1, 2),
        (1 << 63, (1 << 64) - 1),
        ((1 << 64) - 1, 5),
    ],
)
def test_odd_times_are_accepted_and_no_duration_is_negative(
    endpoint: Endpoint, transport: Transport, begin: int, end: int
) -> None:
    """OTLP: C16."""
    (duration,) = _one(
        endpoint, transport, "duration_ns", start_time_unix_nano=begin, end_time_unix_nano=end
    )
    assert duration is None or int(duration) >= 0


@every_transport
def test_all_bits_of_flags_are_kept(endpoint: Endpoint, transport: Transport) -> None:
    """OTLP: C17."""
    trace_id = an_id()
    assert endpoint.send(transport, "traces", spans(trace_id, "n", flags=0xFFFF_FFFF)).is_success
    statement = "select flags from stored.spans where trace_id = cast($id as uuid)"
    assert endpoint.sql(statement, id=trace_id.hex()) == [[0xFFFF_FFFF]]


@every_transport
@pytest.mark.parametrize("kind", [0, 1, 5, 99])
def test_known_and_unknown_kinds_are_accepted(
    endpoint: Endpoint, transport: Transport, kind: int
) -> None:
    """OTLP: C18, the enum is open."""
    assert _one(endpoint, transport, "kind", kind=kind) == [kind]


@every_transport
def test_of_equal_attribute_keys_the_last_wins(endpoint: Endpoint, transport: Transport) -> None:
    """OTLP: C19."""
    attributes = [{"key": "k", "value": {"string_value": value}} for value in ("first", "last")]
    assert _one(endpoint, transport, "attributes['k']", attributes=attributes) == ["last"]


@every_transport
@pytest.mark.parametrize("name", ["", "x" * 1_000_000, "a\0b", "\U0001f600"])
def test_odd_names_are_accepted(endpoint: Endpoint, transport: Transport, name: str) -> None:
    """OTLP: C20."""
    assert _one(endpoint, transport, "name", name=name) == [name]


@every_transport
def test_what_is_acknowledged_survives_a_kill(
    start: Callable[..., Service], transport: Transport
) -> None:
    """OTLP: C22: kill -9 the moment the answer is there."""
    trace_id = an_id()
    first = start()
    answer = first.endpoint().send(
        transport, "traces", spans(trace_id, *(f"{n:03}" for n in range(500)))
    )
    os.kill(first.process.pid, signal.SIGKILL)
    assert answer.is_success
    first.stop()
    endpoint = start().endpoint()
    assert endpoint.stored(trace_id) == [[f"{n:03}"] for n in range(500)]


@every_transport
def test_logs_and_metrics_are_stored(endpoint: Endpoint, transport: Transport) -> None:
    """OTLP: C23, nothing is pretended."""
    name = an_id().hex()
    for kind in ("logs", "metrics"):
        assert endpoint.send(transport, kind, requests(kind, name)).is_success
    assert endpoint.sql(
        "select count(*) from stored.log_records where body = $name", name=name
    ) == [[1]]
    assert endpoint.sql(
        "select count(*) from stored.metric_points where name = $name", name=name
    ) == [[1]]


def test_profiles_have_no_path(endpoint: Endpoint) -> None:
    """OTLP: C23."""
    answer = endpoint.post("/v1development/profiles", b"", PROTOBUF)
    assert answer.code == "404"
    assert answer.message != ""


@pytest.mark.parametrize("transport", ["grpc", "http-protobuf"])
@every_signal
@pytest.mark.parametrize("path", SIGNALS)
def test_a_request_of_another_signal_is_bad_data_or_ignored(
    endpoint: Endpoint, transport: Transport, kind: Signal, path: Signal
) -> None:
    """OTLP: C24, never a server error."""
    answer = endpoint.send(transport, path, requests(kind, "elsewhere"))
    assert answer.is_success or answer.is_bad_data


def test_json_of_another_signal_is_ignored(endpoint: Endpoint) -> None:
    """OTLP: C24; its keys are unknown ones."""
    body = json.dumps(MessageToDict(requests("logs", "elsewhere"))).encode()
    assert (
        httpx.post(
            f"http://{endpoint.http}/v1/traces",
            content=body,
            headers={"Content-Type": "application/json"},
        ).status_code
        == 200
    )

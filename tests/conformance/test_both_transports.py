"""Rows C: what holds over gRPC and HTTP, in both encodings."""

import json
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from tests.conformance.client import (
    SIGNALS,
    TRANSPORTS,
    Endpoint,
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
    answer = endpoint.send(transport, "traces", body.replace(b"badXX", b"bad\xe2\x82"))
    assert (answer.is_success, answer.rejected) == (True, 0)
    assert "UTF-8" in answer.message
    assert sorted(endpoint.stored(trace_id)) == [["bad\ufffd"], ["good"]]


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
def test_links_with_empty_or_foreign_ids_do_not_cost_the_span(
    endpoint: Endpoint, transport: Transport
) -> None:
    """OTLP: C15."""
    links = [{"trace_id": b"1" * 16}, {"trace_id": b"x", "span_id": b"y"}, {}]
    assert _one(endpoint, transport, "len(links)", links=links) == [3]


@every_transport
def test_all_bits_of_flags_are_kept(endpoint: Endpoint, transport: Transport) -> None:
    """OTLP: C17."""
    trace_id = an_id()
    assert endpoint.send(transport, "traces", spans(trace_id, "n", flags=0xFFFF_FFFF)).is_success
    statement = "select flags from stored.spans where trace_id = cast($id as uuid)"
    assert endpoint.sql(statement, id=trace_id.hex()) == [[0xFFFF_FFFF]]


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

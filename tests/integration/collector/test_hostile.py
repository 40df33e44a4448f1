"""Requests as nobody should send them, over gRPC, HTTP and JSON, against the process."""

import base64
import http.client
import json
import socket

import grpc
import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

from stepscope_collector.query.otlp import read_traces
from tests.faults.load import METHODS
from tests.integration.collector.process import Collector, stored
from tests.strategies.canonical import canonical_spans
from tests.strategies.recount import NOT_DERIVED, NOT_OPEN, NOT_RECOUNTED
from tests.strategies.workflows import execution, request, span, step, trace_id

pytestmark = pytest.mark.e2e

DOORS = ("grpc", "http", "json")
MEDIA = {"http": "application/x-protobuf", "json": "application/json"}
MIB = 1 << 20


class Door:
    """One way in. Everything that was stored through it is remembered."""

    def __init__(self, name, endpoints, sent):
        self.name = name
        self.sent = sent
        self._endpoints = endpoints

    def post(self, payload, signal="traces"):
        """Status and body of the answer to bytes; for gRPC the name of the status."""
        if self.name == "grpc":
            with grpc.insecure_channel(self._endpoints.otlp_grpc) as channel:
                try:
                    return "OK", channel.unary_unary(METHODS[signal])(payload, timeout=50)
                except grpc.RpcError as error:
                    return error.code().name, error.details().encode()
        connection = http.client.HTTPConnection(self._endpoints.otlp_http, timeout=50)
        try:
            connection.request("POST", f"/v1/{signal}", payload, {"Content-Type": MEDIA[self.name]})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def send(self, message):
        """Rejected spans and why; the others have to come back equal at the end."""
        payload = as_json(message) if self.name == "json" else message.SerializeToString()
        status, body = self.post(payload)
        assert status in {"OK", 200}, body
        self.sent.append(message)
        if self.name == "json":
            partial = json.loads(body).get("partialSuccess", {})
            return int(partial.get("rejectedSpans", 0)), partial.get("errorMessage", "")
        partial = ExportTraceServiceResponse.FromString(body).partial_success
        return partial.rejected_spans, partial.error_message

    def trace(self, name):
        """The name of a trace of this way in alone."""
        return f"{self.name}/{name}"


def as_json(message):
    """OTLP/JSON: what protobuf makes of it, with ids in hex."""

    def hex_ids(node):
        if isinstance(node, list):
            for each in node:
                hex_ids(each)
        elif isinstance(node, dict):
            for key, value in node.items():
                if key in {"traceId", "spanId", "parentSpanId"}:
                    node[key] = base64.b64decode(value).hex()
                else:
                    hex_ids(value)

    document = MessageToDict(message, use_integers_for_enums=True)
    hex_ids(document)
    return json.dumps(document).encode()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A collector for all of these, and what was sent; at the end everything has to be there."""
    data = tmp_path_factory.mktemp("hostile") / "data"
    sent = []
    with Collector(data) as collector:
        collector.may_say = "Invalid HTTP request received."
        yield collector, sent
        doctor = collector.doctor()
    for rows in doctor["ingest"]["rows"].values():
        outcomes = ("stored", "duplicate", "deleted", "rejected", "refused", "failed")
        assert rows["received"] == sum(rows[outcome] for outcome in outcomes)
        assert rows["failed"] == 0
    whole = ExportTraceServiceRequest()
    for message in sent:
        whole.MergeFrom(message)
    with stored(data) as connection:
        assert canonical_spans(read_traces(connection)) == canonical_spans(whole)
        for table, signal in (("spans", "traces"), ("log_records", "logs")):
            # another process may have run the tests of the one signal
            counts = doctor["ingest"]["rows"].get(signal, {"stored": 0, "rejected": 0})
            assert connection.execute(f"select count(*) from stored.{table}").fetchone() == (
                counts["stored"],
            )
            assert connection.execute(
                "select coalesce(sum(rejected_count), 0) from stored.rejections where signal = ?",
                [signal],
            ).fetchone() == (counts["rejected"],)
        assert connection.execute(NOT_RECOUNTED).fetchall() == []
        assert connection.execute(NOT_OPEN).fetchall() == []
        assert connection.execute(NOT_DERIVED).fetchall() == []
        for view in ("executions", "steps", "attempts", "payloads", "workflow_stats"):
            connection.execute(f"from {view}").fetchall()


@pytest.fixture(params=DOORS)
def door(request, served):
    collector, sent = served
    return Door(request.param, collector.endpoints, sent)


@pytest.fixture
def protobuf_door(served):
    collector, sent = served
    return lambda name: Door(name, collector.endpoints, sent)


def rows(collector, sql):
    connection = http.client.HTTPConnection(collector.endpoints.web, timeout=50)
    try:
        connection.request(
            "POST", "/api/sql", json.dumps({"sql": sql}), {"Content-Type": "application/json"}
        )
        answer = connection.getresponse()
        body = json.loads(answer.read())
    finally:
        connection.close()
    assert answer.status == 200, body
    return body["rows"]


def test_a_large_attribute_is_kept_whole(served, door):
    """issue #2: 1 MB attribute."""
    trace = door.trace("large")
    sent = request([span("w", trace=trace, scope="x", attributes={"big": "ü" * (MIB // 2)})])
    assert door.send(sent) == (0, "")
    found = rows(
        served[0],
        f"select size_bytes, length(body) from payloads where trace_id = '{trace_id(trace).hex()}'",
    )
    assert found == [[MIB, MIB // 2]]


@pytest.mark.slow
def test_ten_thousand_spans_in_one_trace(served, door):
    """issue #2: 10,000 spans in a trace; here half of them below a step, level by level."""
    trace = door.trace("wide")
    sent = [execution("w", trace, trace=trace, end=99), step("s", trace, trace=trace, parent="w")]
    above = "s"
    for n in range(9_998):
        sent.append(span(f"n{n}", trace=trace, parent=above, scope="x"))
        above = f"n{n}" if n % 100 == 0 else above
    assert door.send(request(sent)) == (0, "")
    assert rows(served[0], f"select span_count from executions where execution_id = '{trace}'") == [
        [10_000]
    ]


@pytest.mark.slow
def test_five_thousand_traces_in_one_request(served, door):
    """issue #2: 5,000 traces in a request."""
    name = door.trace("many")
    sent = request([span(name, trace=f"{name}/{n}", scope="x") for n in range(5_000)])
    assert door.send(sent) == (0, "")
    assert rows(
        served[0],
        f"select count(*), count(distinct trace_id) from executions where workflow_name = '{name}'",
    ) == [[5_000, 5_000]]


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("trace_id", b"\1" * 15, "invalid_trace_id"),
        ("trace_id", b"", "invalid_trace_id"),
        ("trace_id", bytes(16), "invalid_trace_id"),
        ("span_id", b"\1" * 9, "invalid_span_id"),
        ("span_id", bytes(8), "invalid_span_id"),
        ("parent_span_id", b"\1" * 7, "invalid_parent_span_id"),
    ],
)
def test_ids_of_wrong_length_are_refused_alone(served, door, field, value, reason):
    """OTLP checklist C13; issue #2: ids of wrong length beside good spans."""
    name = door.trace(f"{field} {value.hex()}")
    bad = span(name, scope="x")
    setattr(bad.span, field, value)
    sent = [span("good", trace=f"{name} 1", scope="x"), bad, span("good", trace=name, scope="x")]
    rejected, message = door.send(request(sent))
    assert rejected == 1
    assert str(len(value)) in message or "zero" in message
    assert rows(
        served[0],
        f"select reason, rejected_count from stored.rejections where name = '{name}'",
    ) == [[reason, 1]]


@pytest.mark.parametrize("text", ["", "\0", "a\0b", "𝄞👩‍💻", "ü" * 5000, '"\\\n', "﷐\ufffe"])
def test_any_text_is_a_name_a_key_and_a_value(door, text):
    """issue #2: empty names, non-BMP, NUL."""
    one = span(text, trace=door.trace(f"text {text}"), scope=text, attributes={text: text})
    one.span.trace_state = one.span.status.message = text
    one.span.events.add(name=text).attributes.add(key=text).value.string_value = text
    below = execution(
        text,
        f"{door.name}{text}",
        trace=door.trace(f"own {text}"),
        attributes={"workflow.id": text},
    )
    assert door.send(request([one, below])) == (0, "")


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, 0), (0, 5), (5, 0), (7, 3), (2**63, 2**63 + 5), (1, 2**64 - 1), (2**64 - 1,) * 2],
)
def test_any_times_are_kept(served, door, start, end):
    """OTLP checklist C16: end before start, 0 and beyond int64; no duration below 0."""
    trace = door.trace(f"times {start} {end}")
    sent = [execution("w", trace, trace=trace), step("s", trace, trace=trace, parent="w")]
    for one in sent:
        one.span.start_time_unix_nano, one.span.end_time_unix_nano = start, end
        one.span.events.add(name="e", time_unix_nano=end)
    assert door.send(request(sent)) == (0, "")
    ((duration, has_ended),) = rows(
        served[0],
        "select duration_ns, status not in ('running', 'lost') from executions "
        f"where execution_id = '{trace}'",
    )
    assert has_ended == (end > 0)
    assert duration is None or int(duration) >= 0


def test_a_thousand_attributes_duplicate_keys_and_deep_nests(door):
    """issue #2: hostile attributes; a key that stands twice keeps both for the way back."""
    many = span("many", trace=door.trace("attributes"), scope="x")
    for n in range(1000):
        many.span.attributes.add(key=f"k{n}").value.int_value = n
    twice = span("twice", trace=door.trace("attributes"), scope="x")
    for value in ("first", "second"):
        twice.span.attributes.add(key="k").value.string_value = value
    deep = span("deep", trace=door.trace("attributes"), scope="x")
    value = AnyValue(string_value="bottom")
    for n in range(30):
        value = (
            AnyValue(array_value=ArrayValue(values=[value]))
            if n % 2
            else AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key="k", value=value)]))
        )
    deep.span.attributes.add(key="deep").value.CopyFrom(value)
    assert door.send(request([many, twice, deep])) == (0, "")


def test_spans_that_are_their_own_ancestors(served, door):
    """issue #2: hostile traces: cycles, also between executions."""
    trace = door.trace("cycle")
    sent = [
        span("a", trace=trace, parent="b", scope="x"),
        span("b", trace=trace, parent="a", scope="x"),
        span("self", trace=trace, parent="self", scope="x"),
        execution("p", f"{trace}/p", trace=trace, parent="q",
                  attributes={"stepscope.execution.parent_id": f"{trace}/q"}),
        execution("q", f"{trace}/q", trace=trace, parent="p",
                  attributes={"stepscope.execution.parent_id": f"{trace}/p"}),
        span("c", trace=trace, parent="p", scope="x"),
        step("s", f"{trace}/p", trace=trace, parent="c"),
    ]  # fmt: skip
    assert door.send(request(sent)) == (0, "")
    assert door.send(request(reversed(sent))) == (0, "")
    door.sent.pop()
    found = rows(
        served[0], f"select name, role from spans where trace_id = '{trace_id(trace).hex()}'"
    )
    assert sorted(map(tuple, found)) == [
        ("a", "step"), ("b", "step"), ("c", "operation"), ("p", "execution"), ("q", "execution"),
        ("s", "step"), ("self", "step"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["grpc", "http"])
def test_invalid_utf_8_is_mended_and_said(protobuf_door, name):
    """OTLP checklist C20: some SDKs cut strings inside a character."""
    door = protobuf_door(name)
    sent = request([span("cut here: @@", trace=door.trace("cut"), scope="x")])
    payload = sent.SerializeToString().replace(b"here: @@", b"here: \xc3\x28")
    status, body = door.post(payload)
    assert status in {"OK", 200}
    partial = ExportTraceServiceResponse.FromString(body).partial_success
    assert partial.rejected_spans == 0
    assert "UTF-8" in partial.error_message
    mended = ExportTraceServiceRequest.FromString(
        sent.SerializeToString().replace(b"here: @@", b"here: \x00\x28")
    )
    mended.resource_spans[0].scope_spans[0].spans[0].name = "cut here: \ufffd("
    door.sent.append(mended)


@pytest.mark.parametrize(
    "payload",
    [b"\xff" * 50, b"\x0a\xff\xff\xff\xff\x0f", bytes(100), b"{", b"[" * 100_000, b'{"a":' * 10_000,
     b'{"resourceSpans": 7}', b'\xef\xbb\xbf{"resourceSpans": [{"scopeSpans": [{"spans": [null]}]}]}',
     b"null", b"GET / HTTP/1.1\r\n\r\n"],
)  # fmt: skip
@pytest.mark.parametrize("signal", ["traces", "logs"])
def test_bytes_that_are_no_request_are_refused_for_good(served, door, payload, signal):
    """OTLP checklist G8, H12: INVALID_ARGUMENT, 400; noted for the user."""
    status, body = door.post(payload, signal)
    if status in {"OK", 200}:  # what a lenient reader takes for an empty request
        assert door.name == "json"
        return
    assert status in {"INVALID_ARGUMENT", 400}
    assert body
    assert b"Traceback" not in body


def test_a_nest_deeper_than_protobuf_allows_is_refused_for_good(door):
    """ours: protobuf reads 100 messages inside each other, not more."""
    if door.name == "json":
        text = '{"arrayValue": {"values": [' * 500 + "{}" + "]}}" * 500
        payload = (
            '{"resourceSpans": [{"scopeSpans": [{"spans": [{"attributes": [{"key": "k", "value": '
            + text + "}]}]}]}]}"
        ).encode()  # fmt: skip
    else:
        value = b""
        for _ in range(120):  # AnyValue.array_value of ArrayValue.values
            value = _field(1, value)
            value = _field(5, value)
        attribute = _field(1, b"k") + _field(2, value)
        payload = _field(1, _field(2, _field(2, _field(9, attribute))))
    assert door.post(payload)[0] in {"INVALID_ARGUMENT", 400}


def _field(number, value):
    length, out = len(value), bytearray([number << 3 | 2])
    while length > 0x7F:
        out.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([*out, length]) + value


@pytest.mark.parametrize("port", ["otlp_grpc", "otlp_http", "web"])
@pytest.mark.parametrize(
    "data",
    [b"\0" * 1000, b"\xff" * 10_000, b"\x16\x03\x01\x02\x00", b"GET / HTTP/1.1\r\n\r\n", b""],
)
def test_garbage_on_a_port_ends_that_connection_alone(served, port, data):
    """issue #2: garbage bytes on both ports; no traceback."""
    collector, _ = served
    host, _, number = getattr(collector.endpoints, port).rpartition(":")
    with socket.create_connection((host, int(number)), timeout=20) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        except OSError:  # reset, or closed before the second statement
            pass
    assert collector.process.poll() is None


@pytest.mark.parametrize("name", ["http", "json"])
def test_log_records_of_anything_are_taken(served, protobuf_door, name):
    """issue #2: all three signals; a body of any kind, ids of wrong length are no ids."""
    door = protobuf_door(name)
    message = ExportLogsServiceRequest()
    records = message.resource_logs.add().scope_logs.add().log_records
    for value in (AnyValue(), AnyValue(string_value=f"{name}\0𝄞"), AnyValue(bytes_value=b"\xff")):
        records.add(trace_id=b"\1" * 3, span_id=b"\2", time_unix_nano=2**64 - 1).body.CopyFrom(
            value
        )
    records.add()
    payload = as_json(message) if name == "json" else message.SerializeToString()
    before = int(rows(served[0], "select count(*) from stored.log_records")[0][0])
    for _ in range(2):
        assert door.post(payload, "logs")[0] == 200
    assert int(rows(served[0], "select count(*) from stored.log_records")[0][0]) == before + 4

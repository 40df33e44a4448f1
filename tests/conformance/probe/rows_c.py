"""Rows C: what holds over gRPC and HTTP, in both encodings."""

import json
from typing import Any, Final

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from tests.conformance.probe.check import Probe, check, said
from tests.conformance.probe.wire import (
    JSON,
    PROTOBUF,
    SIGNALS,
    TRANSPORTS,
    Answer,
    an_id,
    requests,
    spans,
    traces,
)

_START: Final = 1_700_000_000_000_000_000
_BINARY: Final = ("grpc", "http-protobuf")
_EMPTY: Final[dict[str, tuple[Any, str, str]]] = {
    "traces": (ExportTraceServiceRequest, "resource_spans", "scope_spans"),
    "logs": (ExportLogsServiceRequest, "resource_logs", "scope_logs"),
    "metrics": (ExportMetricsServiceRequest, "resource_metrics", "scope_metrics"),
}


def _one(probe: Probe, row: list[Any] | None, columns: str, **fields: Any) -> None:
    """A span sent alone with `fields` is accepted, and stored with `row` as its `columns`."""
    trace_id = an_id()
    span = {
        "trace_id": trace_id,
        "span_id": b"spanspan",
        "name": "n",
        "start_time_unix_nano": _START,
    }
    probe.accepts("traces", traces({**span, **fields}))
    if row is not None:
        probe.holds(trace_id, [row], columns)


@check("C1", "C23", over=TRANSPORTS)
def an_uncompressed_request_is_accepted(probe: Probe) -> None:
    """Success for traces, logs and metrics."""
    for signal in SIGNALS:
        probe.accepts(signal, requests(signal, "plain"))


@check("C4", over=TRANSPORTS)
def a_full_success_says_nothing(probe: Probe) -> None:
    """No bytes, or `{}`: partial_success is not there, not even empty."""
    for signal in SIGNALS:
        answer = probe.accepts(signal, requests(signal, "plain"))
        probe.expect(not answer.has_partial, f"the answer is {answer.body[:60]!r}")


@check("C2", over=TRANSPORTS)
def a_gzip_request_stores_the_same_rows(probe: Probe) -> None:
    """Success for the three signals; the same spans."""
    attributes = [{"key": "k", "value": {"int_value": 5}}]
    for is_compressed in (False, True):
        trace_id = an_id()
        request = spans(trace_id, "a", "b", kind=3, attributes=attributes)
        probe.accepts("traces", request, is_compressed=is_compressed)
        probe.holds(trace_id, [["a", 3, "5"], ["b", 3, "5"]], "name, kind, attributes['k']")
    for signal in SIGNALS:
        probe.accepts(signal, requests(signal, "packed"), is_compressed=True)


@check("C3", over=TRANSPORTS)
def an_empty_request_is_a_success(probe: Probe) -> None:
    """No bytes, and envelopes without content."""
    for signal, (request, resources, scopes) in _EMPTY.items():
        for tree in ({}, {resources: [{}]}, {resources: [{scopes: [{}]}]}):
            probe.accepts(signal, request(**tree))  # type: ignore[arg-type]  # a key of the table


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


_BAD_IDS: Final = 6


@check("C13", over=TRANSPORTS)
def spans_with_invalid_ids_are_refused(probe: Probe) -> None:
    """Ids of wrong length or all zero: those spans are rejected, or the request is bad data."""
    trace_id = an_id()
    answer = probe.send("traces", _spans_with_bad_ids(trace_id))
    if answer.is_bad_data:
        probe.note("the whole request is refused, good spans included")
        return
    probe.expect(answer.is_success, said(answer))
    probe.expect(answer.rejected > 0, "all accepted, none rejected")
    probe.expect(answer.rejected == _BAD_IDS, f"{answer.rejected} of {_BAD_IDS} rejected")
    good = [[b"12345678".hex()], [b"87654321".hex()]]
    probe.holds(trace_id, good, "span_id")


def _partial(probe: Probe) -> Answer:
    """The answer to good and bad spans, where it is a partial success."""
    answer = probe.send("traces", _spans_with_bad_ids(an_id()))
    if not answer.is_success or answer.rejected == 0:
        probe.not_visible("the server rejects no spans alone")
    return answer


@check("C5", "C8", "H10", over=TRANSPORTS)
def rejected_spans_are_counted_in_their_field(probe: Probe) -> None:
    """A partial success has the number of bad spans in rejected_spans."""
    answer = _partial(probe)
    probe.expect(answer.rejected == _BAD_IDS, f"rejected_spans is {answer.rejected} of {_BAD_IDS}")


@check("C6", over=TRANSPORTS)
def a_rejection_has_a_reason(probe: Probe) -> None:
    """A partial success has an error_message."""
    probe.expect(_partial(probe).message != "", "error_message is empty")


def _with_bad_utf8(probe: Probe, trace_id: bytes) -> Answer:
    """The answer to a good span and one with half a character in its name."""
    body: bytes = spans(trace_id, "good", "badXX").SerializeToString()
    if probe.way == "http-json":
        span = {"traceId": trace_id.hex(), "spanId": "11" * 8, "startTimeUnixNano": str(_START)}
        found = [{**span, "name": "badXX"}, {**span, "spanId": "22" * 8, "name": "good"}]
        body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": found}]}]}).encode()
    return probe.send("traces", body.replace(b"badXX", b"bad\xe2\x82"))


@check("C20", over=TRANSPORTS)
def invalid_utf8_is_no_poison(probe: Probe) -> None:
    """Accepted, or refused as bad data; never with a code that makes clients send it again."""
    trace_id = an_id()
    answer = _with_bad_utf8(probe, trace_id)
    if answer.is_bad_data:
        probe.note("the whole request is refused, good spans included")
        return
    probe.taken(answer)
    found = probe.server.stored(trace_id)
    probe.expect(found is None or sorted(found) == [["bad\ufffd"], ["good"]], f"stored {found}")


@check("C7", over=TRANSPORTS)
def a_warning_rejects_nothing(probe: Probe) -> None:
    """An accepted request with something odd in it: 0 rejected and a message."""
    answer = _with_bad_utf8(probe, an_id())
    if not answer.is_success or not answer.message:
        probe.not_visible("the server gives no warning")
    probe.expect(answer.rejected == 0, f"rejected is {answer.rejected}: {answer.message}")


@check("C20", over=TRANSPORTS)
def odd_names_are_accepted(probe: Probe) -> None:
    """Empty, of 1 MB, with NUL, beyond the basic plane."""
    for name in ("", "x" * 1_000_000, "a\0b", "\U0001f600"):
        _one(probe, [name], "name", name=name)


@check("C9", "H28", over=TRANSPORTS)
def the_same_spans_twice_are_acknowledged_twice(probe: Probe) -> None:
    """Both acknowledged; stored once where that can be seen."""
    trace_id = an_id()
    request = spans(trace_id, "a", "b")
    for _ in range(2):
        probe.accepts("traces", request)
    probe.holds(trace_id, [["a"], ["b"]])


@check("C10", over=_BINARY)
def unknown_fields_are_ignored(probe: Probe) -> None:
    """Fields 1001 to 1003 of a later version, in the request and in a span."""
    unknown = b"\xc8\x3e\x07" + b"\xd2\x3e\x03abc" + b"\xdd\x3eabcd"
    trace_id = an_id()
    span = spans(trace_id, "n").resource_spans[0].scope_spans[0].spans[0]
    inner = span.SerializeToString() + unknown
    for tag in (b"\x12", b"\x12", b"\x0a"):  # spans, scope_spans, resource_spans
        inner = tag + bytes([len(inner)]) + inner
    probe.accepts("traces", inner + unknown)
    probe.holds(trace_id, [["n"]])


_DEEP: Final = {"array_value": {"values": [{"array_value": {"values": [{}]}}]}}
_VALUES: Final[dict[str, dict[str, Any]]] = {
    "s": {"string_value": "text \U0001f600"},
    "i": {"int_value": -(1 << 63)},
    "d": {"double_value": 0.1},
    "b": {"bool_value": False},
    "y": {"bytes_value": b"\x00\xff"},
    "n": {},
    "a": {"array_value": {"values": [{"string_value": "x"}, {"int_value": 1}, _DEEP]}},
    "k": {"kvlist_value": {"values": [{"key": "q", "value": {"kvlist_value": {}}}]}},
}
_TEXTS: Final = ["text \U0001f600", str(-(1 << 63)), "0.1", "false", "AP8=", None]


@check("C11", over=TRANSPORTS)
def every_kind_of_value_is_accepted(probe: Probe) -> None:
    """Empty, bytes, mixed arrays, nested lists of keys and values, arrays of arrays."""
    attributes = [{"key": key, "value": AnyValue(**value)} for key, value in _VALUES.items()]
    columns = ", ".join(f"attributes['{key}']" for key in "sidbyn")
    _one(probe, _TEXTS, columns, attributes=attributes)


@check("C12", over=TRANSPORTS)
def an_index_into_a_dictionary_of_strings_is_accepted(probe: Probe) -> None:
    """string_value_strindex and key_strindex, which belong to profiles, are taken as empty."""
    attributes = [
        {"key": "k", "value": {"string_value_strindex": 3}},
        {"key_strindex": 2, "value": {"int_value": 1}},
    ]
    _one(probe, [None], "attributes['k']", attributes=attributes)


@check("C14", over=TRANSPORTS)
def a_parent_id_of_wrong_length_is_refused(probe: Probe) -> None:
    """Rejected like a wrong span id, or bad data."""
    for parent in (b"1", b"123456789"):
        trace_id = an_id()
        answer = probe.send("traces", spans(trace_id, "n", parent_span_id=parent))
        if answer.is_bad_data:
            probe.note("the whole request is refused")
            return
        probe.expect(answer.is_success, said(answer))
        probe.expect(answer.rejected == 1, "accepted, not rejected")
        probe.holds(trace_id, [])


@check("C14", over=TRANSPORTS)
def a_parent_id_of_zeros_means_a_root(probe: Probe) -> None:
    """Accepted; without a parent."""
    _one(probe, [None], "parent_span_id", parent_span_id=bytes(8))


@check("C15", over=TRANSPORTS)
def links_with_empty_ids_do_not_cost_the_span(probe: Probe) -> None:
    """Accepted, with every link."""
    links = [{"trace_id": b"1" * 16}, {"trace_id": b"x" * 16, "span_id": bytes(8)}, {}]
    _one(probe, [3], "len(links)", links=links)


@check("C16", over=TRANSPORTS)
def odd_times_are_accepted(probe: Probe) -> None:
    """The end before the start, zero, near zero, above the largest int64; no duration is negative."""
    last = (1 << 64) - 1
    odd = (
        (_START, _START - 1),
        (_START, 0),
        (0, _START),
        (0, 0),
        (1, 2),
        (1 << 63, last),
        (last, 5),
    )
    for begin, end in odd:
        _one(
            probe, [True], "coalesce(duration_ns >= 0, true)",
            start_time_unix_nano=begin, end_time_unix_nano=end,
        )  # fmt: skip


@check("C17", over=TRANSPORTS)
def all_bits_of_flags_are_accepted(probe: Probe) -> None:
    """Bits 10 to 31 are not assumed to be zero."""
    _one(probe, None, "", flags=0xFFFF_FFFF)


@check("C18", over=TRANSPORTS)
def known_and_unknown_kinds_are_accepted(probe: Probe) -> None:
    """0, 1, 5 and 99: the enum is open."""
    for kind in (0, 1, 5, 99):
        _one(probe, [kind], "kind", kind=kind)


@check("C19", over=TRANSPORTS)
def equal_attribute_keys_are_accepted(probe: Probe) -> None:
    """Two values for one key."""
    attributes = [{"key": "k", "value": {"string_value": value}} for value in ("first", "last")]
    _one(probe, ["last"], "attributes['k']", attributes=attributes)


@check("C23", over=("http",))
def profiles_over_http_have_an_answer(probe: Probe) -> None:
    """Success, or 404."""
    answer = probe.server.post("/v1development/profiles", b"", PROTOBUF)
    probe.expect(answer.is_success or answer.code == "404", said(answer))


@check("C23", "G12", over=("grpc",))
def profiles_over_grpc_have_an_answer(probe: Probe) -> None:
    """Success, or UNIMPLEMENTED."""
    service = "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export"
    answer = probe.server.call(service)
    probe.expect(answer.code in {"OK", "UNIMPLEMENTED"}, said(answer))


@check("C24", over=_BINARY)
def a_request_of_another_signal_is_bad_data_or_ignored(probe: Probe) -> None:
    """Never a server error."""
    for kind in SIGNALS:
        for path in SIGNALS:
            answer = probe.send(path, requests(kind, "elsewhere"))
            is_answered = answer.is_success or answer.is_bad_data
            probe.expect(is_answered, f"{kind} sent as {path}: {said(answer)}")


@check("C24", over=("http-json",))
def json_of_another_signal_is_bad_data_or_ignored(probe: Probe) -> None:
    """Never a server error."""
    body = json.dumps(MessageToDict(requests("logs", "elsewhere"))).encode()
    answer = probe.server.post("/v1/traces", body, JSON)
    probe.expect(answer.is_success or answer.is_bad_data, said(answer))

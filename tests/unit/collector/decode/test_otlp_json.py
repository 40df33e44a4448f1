"""OTLP/JSON: rows J1 to J14 of the checklist, on the function that reads it."""

import json
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from stepscope_collector.decode.otlp_json import to_json, to_message
from stepscope_collector.errors import PayloadUndecodable
from tests.strategies.messages import messages


def _read(tree: Any) -> ExportTraceServiceRequest:
    message, warnings = to_message("traces", json.dumps(tree).encode())
    assert isinstance(message, ExportTraceServiceRequest)
    assert warnings == []
    return message


def _span(fields: Any) -> Span:
    return (
        _read({"resourceSpans": [{"scopeSpans": [{"spans": [fields]}]}]})
        .resource_spans[0]
        .scope_spans[0]
        .spans[0]
    )


def _value(value: Any) -> AnyValue:
    return _span({"attributes": [{"key": "k", "value": value}]}).attributes[0].value


def _fault(body: bytes | dict[str, Any]) -> str:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(PayloadUndecodable) as caught:
        to_message("traces", raw)
    return caught.value.message


def _span_fault(fields: Any) -> str:
    fault = _fault({"resourceSpans": [{"scopeSpans": [{"spans": [{}, fields]}]}]})
    prefix = "$.resourceSpans[0].scopeSpans[0].spans[1]"
    assert fault.startswith(prefix)
    return fault.removeprefix(prefix)


def test_ids_are_hexadecimal_in_either_case() -> None:
    """OTLP: J1."""
    span = _span(
        {
            "traceId": "5B8EFFF798038103d269b633813fc60c",
            "spanId": "eee19b7ec3c1b174",
            "parentSpanId": "EEE19B7EC3C1B173",
        }
    )
    assert span.trace_id.hex() == "5b8efff798038103d269b633813fc60c"
    assert span.span_id.hex() == "eee19b7ec3c1b174"
    assert span.parent_span_id.hex() == "eee19b7ec3c1b173"


@pytest.mark.parametrize(
    "text", ["W47/95gDgQPSabYzgT/GDA==", "W47_95gDgQPSabYzgT_GDA", "xyz", "abc", "ab cd", "٣٣", 5]
)
def test_an_id_that_is_not_hexadecimal_is_refused_with_its_place(text: object) -> None:
    """OTLP: J2, base64 ids are never guessed at."""
    assert _span_fault({"traceId": text}).startswith(".traceId: ")


def test_an_id_of_the_wrong_length_is_left_to_the_decoder_of_spans() -> None:
    """OTLP: C13, one bad span must not cost the others."""
    assert _span({"traceId": "abcd", "spanId": ""}).trace_id == b"\xab\xcd"


@pytest.mark.parametrize(("kind", "number"), [(2, 2), (99, 99), ("SPAN_KIND_CLIENT", 3), (0, 0)])
def test_enums_are_numbers_or_names(kind: object, number: int) -> None:
    """OTLP: J3, C18; names are forbidden and understood."""
    assert _span({"kind": kind}).kind == number


@pytest.mark.parametrize("kind", ["CLIENT", "2", 1 << 31, 1.5, True, {}])
def test_an_unknown_enum_is_refused_with_its_place(kind: object) -> None:
    """OTLP: J3."""
    assert _span_fault({"kind": kind}).startswith(".kind: ")


def test_unknown_keys_are_ignored_at_every_level() -> None:
    """OTLP: J4, C10."""
    odd = {"x": [{"y": [[1, None, {"z": 2}]]}]}
    value = {"stringValue": "v", **odd}
    message = _read(
        {
            "resourceSpans": [
                {
                    "scopeSpans": [
                        {
                            "spans": [
                                {
                                    "name": "n",
                                    "attributes": [{"key": "k", "value": value, **odd}],
                                    **odd,
                                }
                            ]
                        }
                    ],
                    **odd,
                }
            ],
            **odd,
        }
    )
    expected = ExportTraceServiceRequest()
    expected.resource_spans.add().scope_spans.add().spans.add(name="n").attributes.add(
        key="k"
    ).value.string_value = "v"
    assert message == expected


def test_snake_case_keys_are_accepted_with_a_warning() -> None:
    """OTLP: J5, reading them as unknown would lose the data in silence."""
    body = b'{"resource_spans":[{"scope_spans":[{"spans":[{"start_time_unix_nano":"5","name":"n"}]}]}]}'
    message, warnings = to_message("traces", body)
    assert isinstance(message, ExportTraceServiceRequest)
    assert message.resource_spans[0].scope_spans[0].spans[0].start_time_unix_nano == 5
    assert len(warnings) == 1
    assert "lowerCamelCase" in warnings[0]


@pytest.mark.parametrize("text", [12, "12", 12.0, "1.2e1", "12.0", "120E-1", "0012"])
def test_whole_numbers_come_in_every_form_of_protobuf_json(text: object) -> None:
    """OTLP: J6."""
    assert _value({"intValue": text}).int_value == 12
    assert _span({"startTimeUnixNano": text}).start_time_unix_nano == 12


def test_whole_numbers_reach_to_the_ends_of_their_ranges() -> None:
    """OTLP: J6, C16."""
    assert _value({"intValue": str(-(1 << 63))}).int_value == -(1 << 63)
    assert _value({"intValue": (1 << 63) - 1}).int_value == (1 << 63) - 1
    assert _span({"endTimeUnixNano": str((1 << 64) - 1)}).end_time_unix_nano == (1 << 64) - 1
    assert _span({"flags": (1 << 32) - 1}).flags == (1 << 32) - 1


@pytest.mark.parametrize(
    "text",
    [
        -1,
        1 << 64,
        "-1",
        "1.5",
        1.5,
        "",
        " 1",
        "1_0",
        "0x1",
        "\u0661",
        "1e99999",
        "1e-5",
        float("nan"),
        float("inf"),
        True,
        [],
        "9" * 41,
        10**400,
    ],
)
def test_what_is_no_time_is_refused_with_its_place(text: object) -> None:
    """OTLP: J6, a number out of range is bad data and not another number."""
    assert _span_fault({"startTimeUnixNano": text}).startswith(".startTimeUnixNano: ")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (1.5, 1.5),
        (2, 2.0),
        ("1.5", 1.5),
        ("-1e3", -1000.0),
        ("Infinity", float("inf")),
        ("-Infinity", float("-inf")),
        (float("inf"), float("inf")),
    ],
)
def test_doubles_are_numbers_or_words(text: object, number: float) -> None:
    """OTLP: J7; the bare words that Python's json writes are understood too."""
    assert _value({"doubleValue": text}).double_value == number


@pytest.mark.parametrize("text", ["NaN", float("nan")])
def test_not_a_number_is_a_double(text: object) -> None:
    """OTLP: J7."""
    number = _value({"doubleValue": text}).double_value
    assert number != number


@pytest.mark.parametrize("text", ["nan", "inf", "1,5", "", True, {}, 10**400])
def test_what_is_no_double_is_refused_with_its_place(text: object) -> None:
    """OTLP: J7."""
    assert _span_fault({"attributes": [{"key": "k", "value": {"doubleValue": text}}]}).startswith(
        ".attributes[0].value.doubleValue: "
    )


def test_null_is_absent_everywhere() -> None:
    """OTLP: J8, J9; the JavaScript exporter writes null for NaN."""
    assert _value({"doubleValue": None}).WhichOneof("value") is None
    assert _span({"name": None, "attributes": None, "status": None, "kind": None}) == Span()
    assert _read({"resourceSpans": None}) == ExportTraceServiceRequest()


def test_null_within_an_array_of_messages_keeps_its_place() -> None:
    """ours: what comes after it must not move."""
    values = _value({"arrayValue": {"values": [None, {"intValue": 1}]}}).array_value.values
    assert [value.WhichOneof("value") for value in values] == [None, "int_value"]


def test_explicit_defaults_are_as_absent() -> None:
    """OTLP: J9."""
    assert _span({"name": "", "traceId": "", "kind": 0, "attributes": [], "flags": 0}) == Span()


def test_zero_within_a_choice_is_a_value() -> None:
    """OTLP: C11, a zero, false or empty attribute has its type."""
    assert _value({"intValue": "0"}).WhichOneof("value") == "int_value"
    assert _value({"boolValue": False}).WhichOneof("value") == "bool_value"
    assert _value({"stringValue": ""}).WhichOneof("value") == "string_value"
    assert _value({"arrayValue": {}}).WhichOneof("value") == "array_value"
    assert _value({"kvlistValue": {"values": []}}).WhichOneof("value") == "kvlist_value"


@pytest.mark.parametrize("text", ["+/8B/w==", "-_8B_w==", "-_8B_w", "+/8B/w"])
def test_bytes_are_base64_of_either_alphabet_padded_or_not(text: str) -> None:
    """OTLP: J10."""
    assert _value({"bytesValue": text}).bytes_value == b"\xfb\xff\x01\xff"


@pytest.mark.parametrize("text", ["a", "a*==", "é", 5])
def test_what_is_not_base64_is_refused(text: object) -> None:
    """OTLP: J10."""
    assert "is not base64" in _span_fault({"attributes": [{"value": {"bytesValue": text}}]})


def test_an_empty_value_is_a_value() -> None:
    """OTLP: J11."""
    attribute = _span({"attributes": [{"key": "k", "value": {}}]}).attributes[0]
    assert attribute.HasField("value")
    assert attribute.value.WhichOneof("value") is None


def test_a_byte_order_mark_is_skipped() -> None:
    """OTLP: J12."""
    message, _ = to_message("traces", b"\xef\xbb\xbf" + b'{"resourceSpans":[{}]}')
    assert isinstance(message, ExportTraceServiceRequest)
    assert len(message.resource_spans) == 1


def test_of_duplicate_keys_the_last_counts() -> None:
    """OTLP: J12; the same for two members of one choice."""
    body = b'{"resourceSpans":[{"schemaUrl":"a","schemaUrl":"b"}]}'
    message, _ = to_message("traces", body)
    assert isinstance(message, ExportTraceServiceRequest)
    assert message.resource_spans[0].schema_url == "b"
    assert _value({"stringValue": "a", "intValue": 1}).int_value == 1


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"resourceSpans":[{"resource":{"attributes":[{"value":'
        + b'{"arrayValue":{"values":[' * 200
        + b"]}}" * 200
        + b"}]}}]}",
        b'{"resourceSpans":[{"resource":{"attributes":[{"value":'
        + b'{"kvlistValue":{"values":[{"value":' * 60
        + b"{}"
        + b"}]}}" * 60
        + b"}]}}]}",
    ],
)
def test_deep_nesting_is_refused(body: bytes) -> None:
    """OTLP: J12, never a RecursionError."""
    assert "deep" in _fault(body)


def test_deep_nesting_of_unknown_keys_is_ignored() -> None:
    """OTLP: J4, J12."""
    message, _ = to_message("traces", b'{"later":' + b"[" * 200 + b"]" * 200 + b"}")
    assert message == ExportTraceServiceRequest()


@pytest.mark.parametrize("levels", range(40, 50))
def test_what_is_read_can_be_written_and_read_as_protobuf(levels: int) -> None:
    """ours: the limit on nesting is not above the one of the protobuf runtime."""
    body = (
        b'{"resourceSpans":[{"resource":{"attributes":[{"value":'
        + b'{"arrayValue":{"values":[' * levels
        + b"]}}" * levels
        + b"}]}}]}"
    )
    try:
        message, _ = to_message("traces", body)
    except PayloadUndecodable:
        assert levels > 45
    else:
        assert ExportTraceServiceRequest.FromString(message.SerializeToString()) == message


@pytest.mark.parametrize(
    "body",
    [
        b"{}{}",
        b'{"resourceSpans":[]}\n{"resourceSpans":[]}',
        b"",
        b"  ",
        b"{",
        b"'",
        b"\x1f\x8b",
        b"[1" + b"0" * 5000 + b"]",
    ],
)
def test_what_is_not_one_json_document_is_refused(body: bytes) -> None:
    """OTLP: J13, H12."""
    assert _fault(body).startswith("not JSON")


@pytest.mark.parametrize("body", [b"null", b"[]", b"5", b'"x"', b"true"])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    """OTLP: H12."""
    assert _fault(body).startswith("$: ")


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"name": 5}, ".name: 5 is not a string"),
        ({"attributes": {}}, ".attributes: an object is not an array"),
        ({"attributes": [[]]}, ".attributes[0]: an array is not an object"),
        (
            {"attributes": [{}, {"value": {"boolValue": "yes"}}]},
            '.attributes[1].value.boolValue: "yes" is not true or false',
        ),
        ({"status": "x" * 100}, '.status: "' + "x" * 56 + "... is not an object"),
    ],
)
def test_a_value_of_the_wrong_type_is_named_with_its_place(fields: Any, place: str) -> None:
    """ours: the sender can find the fault."""
    assert _span_fault(fields) == place


def test_null_within_an_array_of_numbers_is_refused() -> None:
    """ours: it stands for NaN as well as for infinity, and a guess would change a histogram."""
    body = {
        "resourceMetrics": [
            {
                "scopeMetrics": [
                    {"metrics": [{"histogram": {"dataPoints": [{"explicitBounds": [1, None]}]}}]}
                ]
            }
        ]
    }
    with pytest.raises(PayloadUndecodable, match=r"explicitBounds\[1\]: null is not a number"):
        to_message("metrics", json.dumps(body).encode())


def test_lone_surrogates_become_the_replacement_character() -> None:
    """OTLP: C20, JavaScript cuts characters beyond the BMP in half."""
    assert _span({"name": "a\ud83d"}).name == "a\ufffd"
    assert _span({"name": "a\U0001f600"}).name == "a\U0001f600"


def test_invalid_utf8_is_replaced_with_a_warning() -> None:
    """OTLP: C20."""
    message, warnings = to_message("traces", b'{"resourceSpans":[{"schemaUrl":"a\xff"}]}')
    assert isinstance(message, ExportTraceServiceRequest)
    assert message.resource_spans[0].schema_url == "a\ufffd"
    assert warnings == ["invalid UTF-8 was replaced by U+FFFD"]


def _round_trip(signal: Any, message: Message) -> None:
    body = json.dumps(to_json(message)).encode()
    read, warnings = to_message(signal, body)
    assert read.SerializeToString(deterministic=True) == message.SerializeToString(
        deterministic=True
    )
    assert warnings == []


@given(messages(ExportTraceServiceRequest))
def test_traces_written_as_json_are_read_back_equal(message: ExportTraceServiceRequest) -> None:
    """OTLP: J1 to J11, C11; both encodings say the same."""
    _round_trip("traces", message)


@given(messages(ExportLogsServiceRequest))
def test_logs_written_as_json_are_read_back_equal(message: ExportLogsServiceRequest) -> None:
    """OTLP: J1 to J11, C11; both encodings say the same."""
    _round_trip("logs", message)


@given(messages(ExportMetricsServiceRequest))
def test_metrics_written_as_json_are_read_back_equal(message: ExportMetricsServiceRequest) -> None:
    """OTLP: J1 to J11, C11; both encodings say the same."""
    _round_trip("metrics", message)


_KEYS = [
    "resourceSpans",
    "scopeSpans",
    "spans",
    "traceId",
    "name",
    "kind",
    "attributes",
    "key",
    "value",
    "stringValue",
    "intValue",
    "arrayValue",
    "values",
    "startTimeUnixNano",
    "events",
    "links",
    "status",
    "code",
]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(_JSON)
def test_any_json_is_read_or_refused(tree: Any) -> None:
    """ours: hostile text ends in a message or the documented error, never in another one."""
    try:
        message, _ = to_message("traces", json.dumps(tree).encode())
    except PayloadUndecodable:
        return
    ExportTraceServiceRequest.FromString(message.SerializeToString())


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """ours: as above."""
    try:
        to_message("traces", body)
    except PayloadUndecodable:
        return

"""The bytes of answers, in both encodings."""

import json
from typing import Any, NamedTuple

import pytest
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from stepscope_collector import errors
from stepscope_collector.decode.batch import Encoding, Signal
from stepscope_collector.receive.responses import (
    MAX_RESPONSE_BYTES,
    failure_body,
    grpc_failure,
    http_headers,
    success_body,
)


class _Receipt(NamedTuple):
    accepted: int = 0
    rejected: int = 0
    message: str = ""


_REFUSALS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.StepscopeError)
]


@pytest.mark.parametrize("signal", ["traces", "logs", "metrics"])
def test_a_full_success_says_nothing(signal: Signal) -> None:
    """OTLP: C4, not even an empty partial_success."""
    assert success_body(signal, "protobuf", _Receipt(5)) == b""
    assert success_body(signal, "json", _Receipt(5)) == b"{}"


def test_rejections_are_counted_in_the_field_of_their_signal() -> None:
    """OTLP: C5, C6, C8."""
    receipt = _Receipt(5, 3, "span id of 7 bytes")
    traces = ExportTraceServiceResponse.FromString(success_body("traces", "protobuf", receipt))
    logs = ExportLogsServiceResponse.FromString(success_body("logs", "protobuf", receipt))
    metrics = ExportMetricsServiceResponse.FromString(success_body("metrics", "protobuf", receipt))
    assert traces.partial_success.rejected_spans == 3
    assert logs.partial_success.rejected_log_records == 3
    assert metrics.partial_success.rejected_data_points == 3
    for response in (traces, logs, metrics):
        assert response.partial_success.error_message == "span id of 7 bytes"


@pytest.mark.parametrize(
    ("signal", "name"),
    [
        ("traces", "rejectedSpans"),
        ("logs", "rejectedLogRecords"),
        ("metrics", "rejectedDataPoints"),
    ],
)
def test_json_counts_rejections_under_the_lower_camel_case_name(signal: Signal, name: str) -> None:
    """OTLP: C8, H10."""
    body = json.loads(success_body(signal, "json", _Receipt(0, 3, "why")))
    assert body == {"partialSuccess": {name: "3", "errorMessage": "why"}}


@pytest.mark.parametrize("encoding", ["protobuf", "json"])
def test_a_warning_comes_with_no_rejections(encoding: Encoding) -> None:
    """OTLP: C7."""
    body = success_body("traces", encoding, _Receipt(5, 0, "odd"))
    if encoding == "json":
        assert json.loads(body) == {"partialSuccess": {"errorMessage": "odd"}}
    else:
        partial = ExportTraceServiceResponse.FromString(body).partial_success
        assert (partial.rejected_spans, partial.error_message) == (0, "odd")


def test_a_rejection_without_a_reason_still_has_a_message() -> None:
    """OTLP: C6."""
    body = json.loads(success_body("logs", "json", _Receipt(0, 2)))
    assert body["partialSuccess"]["errorMessage"] == "2 log records were rejected"


@pytest.mark.parametrize("encoding", ["protobuf", "json"])
@pytest.mark.parametrize("message", ["x" * 9_000_000, "é\0\n" * 3_000_000, "\ud800" * 5_000_000])
def test_a_message_that_is_too_long_is_shortened_and_counts_stay(
    encoding: Encoding, message: str
) -> None:
    """OTLP: G5, H15."""
    body = success_body("traces", encoding, _Receipt(1, 7, message))
    assert 100_000 < len(body) <= MAX_RESPONSE_BYTES
    if encoding == "json":
        partial = json.loads(body)["partialSuccess"]
        assert partial["rejectedSpans"] == "7"
        assert partial["errorMessage"].endswith("(shortened)")
    else:
        response = ExportTraceServiceResponse.FromString(body)
        assert response.partial_success.rejected_spans == 7
        assert response.partial_success.error_message.endswith("(shortened)")


def test_the_response_limit_is_configurable_down_to_a_kilobyte() -> None:
    """OTLP: G5, H15."""
    assert len(success_body("traces", "json", _Receipt(1, 1, "x" * 9000), max_bytes=1024)) <= 1024
    with pytest.raises(ValueError, match="1024"):
        success_body("traces", "json", _Receipt(), max_bytes=1023)


def _details(status: Status) -> list[Any]:
    found = []
    for detail in status.details:
        kind = {"RetryInfo": RetryInfo, "BadRequest": BadRequest}[detail.TypeName().split(".")[-1]]
        message = kind()
        assert detail.Unpack(message)
        found.append(message)
    return found


@pytest.mark.parametrize("kind", _REFUSALS)
def test_every_refusal_is_a_status_with_code_and_message(kind: type[errors.StepscopeError]) -> None:
    """OTLP: H11, J14, in both encodings."""
    error = kind("what was wrong", hint="what to do")
    status = Status.FromString(failure_body(error, "protobuf"))
    body = json.loads(failure_body(error, "json"))
    assert status.message == body["message"] == "what was wrong; what to do"
    assert status.code == body["code"] > 0


@pytest.mark.parametrize("kind", _REFUSALS)
def test_only_what_can_be_retried_says_when(kind: type[errors.StepscopeError]) -> None:
    """OTLP: G2, G6, G7, G9, G10, H16, H17."""
    error = kind("x")
    code, _, raw = grpc_failure(error)
    retries = [d for d in _details(Status.FromString(raw)) if isinstance(d, RetryInfo)]
    headers = http_headers(error)
    if error.is_retryable:
        assert (code, error.http_status) in {("UNAVAILABLE", 503), ("RESOURCE_EXHAUSTED", 429)}
        assert 1 <= retries[0].retry_delay.seconds <= 2
        assert 1 <= int(headers["Retry-After"]) <= 2
    else:
        assert retries == []
        assert headers == {}


def test_bad_data_has_a_bad_request_detail() -> None:
    """OTLP: G8, H12."""
    error = errors.PayloadUndecodable("$.x: 5 is not a string")
    (detail,) = _details(Status.FromString(failure_body(error, "protobuf")))
    assert detail.field_violations[0].description == "$.x: 5 is not a string"
    (in_json,) = json.loads(failure_body(error, "json"))["details"]
    assert in_json["@type"] == "type.googleapis.com/google.rpc.BadRequest"


@pytest.mark.parametrize("message", ["x" * 100_000, "\U0001f600" * 100_000, "\ud800" * 100_000])
def test_a_grpc_refusal_fits_into_trailers(message: str) -> None:
    """ours: over 8 KiB of trailers the client reports another error than the one that was sent."""
    _, text, raw = grpc_failure(errors.PayloadUndecodable(message))
    assert len(text.encode()) * 3 + len(raw) * 4 / 3 < 7000
    assert text.endswith("(shortened)")

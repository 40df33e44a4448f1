"""The bytes of every answer: success, partial success and refusals, in the request's encoding. Pure.

OTLP: a full success carries no partial_success at all; every 4xx and 5xx has a google.rpc.Status
as its body; a response is limited in size, and a message that is too long is shortened.
"""

import json
from typing import Any, Final, NamedTuple

from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.rpc import code_pb2, status_pb2
from google.rpc.error_details_pb2 import (
    BadRequest,
    RetryInfo,
)
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from stepscope_collector.decode.batch import Encoding, Signal
from stepscope_collector.errors import StepscopeError
from stepscope_collector.receive.port import Receipt

__all__ = [
    "MAX_RESPONSE_BYTES",
    "MEDIA_TYPES",
    "GrpcFailure",
    "failure_body",
    "grpc_failure",
    "http_headers",
    "success_body",
]

MAX_RESPONSE_BYTES: Final = 4 * 1024 * 1024
"""OTLP recommends 4 MiB; gRPC clients refuse more by default."""

MEDIA_TYPES: Final[dict[Encoding, str]] = {
    "protobuf": "application/x-protobuf",
    "json": "application/json",
}

_MAX_GRPC_MESSAGE_BYTES: Final = 1000
"""A gRPC error travels in HTTP/2 trailers, percent-encoded and once more as base64, of which peers
take 8 KiB by default; over that the client sees another error than ours."""

_CUT: Final = " … (shortened)"


class _Answer(NamedTuple):
    response: type[Message]
    rejected_field: str
    rejected_name: str
    """The same in JSON."""
    noun: str


_ANSWERS: Final[dict[Signal, _Answer]] = {
    "traces": _Answer(ExportTraceServiceResponse, "rejected_spans", "rejectedSpans", "spans"),
    "logs": _Answer(
        ExportLogsServiceResponse, "rejected_log_records", "rejectedLogRecords", "log records"
    ),
    "metrics": _Answer(
        ExportMetricsServiceResponse, "rejected_data_points", "rejectedDataPoints", "data points"
    ),
}


def success_body(
    signal: Signal, encoding: Encoding, receipt: Receipt, *, max_bytes: int = MAX_RESPONSE_BYTES
) -> bytes:
    """The Export response of a committed request, at most `max_bytes` (at least 1024) long.

    All stored and nothing to say: no bytes, or `{}`. Otherwise partial_success with the number
    rejected in the signal's own field, and the reason, which alone is shortened.
    """
    if max_bytes < 1024:
        raise ValueError(f"max_bytes is {max_bytes}; the least is 1024")
    if not receipt.rejected and not receipt.message:
        return b"" if encoding == "protobuf" else b"{}"
    answer = _ANSWERS[signal]
    message = receipt.message or f"{receipt.rejected} {answer.noun} were rejected"
    body = _partial(answer, encoding, receipt.rejected, message)
    while len(body) > max_bytes:
        # JSON may need six bytes for one; what is over the limit is cut off at least once.
        keep = min(len(message) * max_bytes // len(body), len(message) - 1)
        message = message[: max(keep - len(_CUT), 0)]
        body = _partial(answer, encoding, receipt.rejected, message + _CUT)
    return body


def _partial(answer: _Answer, encoding: Encoding, rejected: int, message: str) -> bytes:
    if encoding == "protobuf":
        partial = {answer.rejected_field: rejected, "error_message": _encodable(message)}
        return answer.response(partial_success=partial).SerializeToString()
    # OTLP/JSON writes 64-bit numbers as strings.
    counts = {answer.rejected_name: str(rejected)} if rejected else {}
    return _json({"partialSuccess": {**counts, "errorMessage": message}})


def failure_body(error: StepscopeError, encoding: Encoding) -> bytes:
    """The google.rpc.Status of a refusal: code, message, and the details its class allows."""
    status = _status(error, MAX_RESPONSE_BYTES // 16)
    if encoding == "protobuf":
        return bytes(status.SerializeToString())
    return _json(MessageToDict(status))


def http_headers(error: StepscopeError) -> dict[str, str]:
    """Retry-After in whole seconds, at least 1, for what can be retried; otherwise none."""
    return {"Retry-After": str(max(1, error.retry_after_s))} if error.is_retryable else {}


class GrpcFailure(NamedTuple):
    """What a gRPC call ends with."""

    code: str
    """Name of the member of grpc.StatusCode."""
    message: str
    details: bytes
    """google.rpc.Status for the trailer grpc-status-details-bin."""


def grpc_failure(error: StepscopeError) -> GrpcFailure:
    """The end of a refused call; short enough for trailers.

    RetryInfo is there only for what can be retried: a client takes RESOURCE_EXHAUSTED with it for
    temporary and would send an oversized request for ever (OTLP: Failures).
    """
    status = _status(error, _MAX_GRPC_MESSAGE_BYTES)
    return GrpcFailure(error.grpc_status, status.message, bytes(status.SerializeToString()))


def _status(error: StepscopeError, max_message_bytes: int) -> Any:
    message = _message(error, max_message_bytes)
    status = status_pb2.Status(code=code_pb2.Code.Value(error.grpc_status), message=message)
    if error.is_retryable:
        delay = Duration(seconds=max(1, error.retry_after_s))
        status.details.add().Pack(RetryInfo(retry_delay=delay))
    elif error.grpc_status == "INVALID_ARGUMENT":
        violation = BadRequest.FieldViolation(description=message)
        status.details.add().Pack(BadRequest(field_violations=[violation]))
    return status


def _message(error: StepscopeError, max_bytes: int) -> str:
    hint = f"; {error.hint}" if error.hint else ""
    raw = _encodable(error.message + hint).encode()
    if len(raw) <= max_bytes:
        return raw.decode()
    return raw[: max_bytes - len(_CUT.encode())].decode(errors="ignore") + _CUT


def _encodable(text: str) -> str:
    """The text with lone surrogates replaced: UTF-8 has no bytes for them."""
    return text.encode("utf-8", "replace").decode()


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")

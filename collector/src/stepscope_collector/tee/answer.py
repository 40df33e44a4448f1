"""What an endpoint's answer means for the request: taken, again later, or never. Pure.

OTLP, sections Failures of gRPC and of HTTP: which codes may be retried, and how long to wait.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final, Literal

from google.protobuf.json_format import Parse, ParseError
from google.protobuf.message import DecodeError, Message
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from stepscope_collector.decode.batch import Encoding, Signal

__all__ = ["Answer", "of_grpc_error", "of_http", "of_nothing", "of_success"]

_RETRYABLE_GRPC: Final = frozenset(
    {"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"}
)
_RETRYABLE_HTTP: Final = frozenset({429, 502, 503, 504})
_ABOUT_THE_ENDPOINT: Final = frozenset(
    {"UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED", "NOT_FOUND"}
    | {f"http_{status}" for status in (301, 302, 307, 308, 401, 403, 404, 405, 415)}
)
"""Every request would be answered so: no use in sending the halves of this one."""

_MAX_TEXT: Final = 300
_RESPONSES: Final[dict[Signal, type[Message]]] = {
    "traces": ExportTraceServiceResponse,
    "logs": ExportLogsServiceResponse,
    "metrics": ExportMetricsServiceResponse,
}
_REJECTED: Final = {
    "traces": "rejected_spans",
    "logs": "rejected_log_records",
    "metrics": "rejected_data_points",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """The meaning of an answer."""

    kind: Literal["taken", "later", "never"]
    reason: str = ""
    """gRPC code, `http_STATUS`, or what went wrong with the connection; "" when taken."""
    message: str = ""
    """In the endpoint's words."""
    wait_s: float = 0.0
    """How long the endpoint asks to wait."""
    rejected: int = 0
    """Rows it rejected by partial_success."""

    @property
    def is_about_the_data(self) -> bool:
        """Whether a part of the request may fare better."""
        return self.kind == "never" and self.reason not in _ABOUT_THE_ENDPOINT


def of_success(signal: Signal, body: bytes, encoding: Encoding = "protobuf") -> Answer:
    """The meaning of a response; one that cannot be read is a success all the same."""
    response = _RESPONSES[signal]()
    try:
        if encoding == "json":
            Parse(body or b"{}", response, ignore_unknown_fields=True)
        else:
            response.ParseFromString(body)
    except (DecodeError, ParseError, ValueError):
        return Answer("taken")
    partial = response.partial_success  # type: ignore[attr-defined]  # all three have it
    rejected = getattr(partial, _REJECTED[signal])
    return Answer("taken", "", _cut(partial.error_message), 0.0, max(0, rejected))


def of_grpc_error(code: str, message: str, details: bytes | None) -> Answer:
    """The meaning of a gRPC status.

    Args:
        code: name of the member of grpc.StatusCode.
        message: of the status.
        details: trailer grpc-status-details-bin, a google.rpc.Status.
    """
    wait_s = _retry_info(details)
    if code in _RETRYABLE_GRPC or (code == "RESOURCE_EXHAUSTED" and wait_s is not None):
        return Answer("later", code, _cut(message), wait_s or 0.0)
    return Answer("never", code, _cut(message))


def of_http(
    signal: Signal,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now_s: float,
) -> Answer:
    """The meaning of an HTTP response.

    Args:
        signal: of the request.
        status: of the response.
        headers: of the response, names in lower case.
        body: of the response.
        now_s: seconds since the epoch, for a Retry-After that is a date.
    """
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if 200 <= status < 300:
        return of_success(signal, body, "json" if media_type == "application/json" else "protobuf")
    message = _status_message(body, media_type)
    if status in _RETRYABLE_HTTP:
        wait_s = _retry_after(headers.get("retry-after", ""), now_s)
        return Answer("later", f"http_{status}", message, wait_s)
    return Answer("never", f"http_{status}", message)


def of_nothing(error: BaseException) -> Answer:
    """No answer came: refused, timed out, broken off."""
    return Answer("later", type(error).__name__, _cut(str(error)))


def _retry_info(details: bytes | None) -> float | None:
    if not details:
        return None
    try:
        status = Status.FromString(details)
        for detail in status.details:
            info = RetryInfo()
            if detail.Is(RetryInfo.DESCRIPTOR) and detail.Unpack(info):
                return float(info.retry_delay.seconds + info.retry_delay.nanos / 1e9)
    except DecodeError:
        pass
    return None


def _retry_after(text: str, now_s: float) -> float:
    """Seconds, from RFC 9110 10.2.3: a number of seconds or a date; 0 when it is neither."""
    if text.strip().isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now_s)
    except (ValueError, TypeError):
        return 0.0


def _status_message(body: bytes, media_type: str) -> str:
    """The message of a google.rpc.Status, else the beginning of the text, say of a proxy."""
    status = Status()
    with suppress(DecodeError, ParseError, ValueError):
        if media_type == "application/json":
            Parse(body, status, ignore_unknown_fields=True)
            return _cut(status.message)
        if media_type in {"application/x-protobuf", "application/protobuf"}:
            status.ParseFromString(body)
            return _cut(status.message)
    return _cut(body[: 4 * _MAX_TEXT].decode("utf-8", "replace"))


def _cut(text: str) -> str:
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return plain[: _MAX_TEXT - 1] + "…" if len(plain) > _MAX_TEXT else plain

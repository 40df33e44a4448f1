"""Plain OTLP clients over the wire, and the store behind the receiver as SQL sees it."""

import gzip
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import grpc
import httpx
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from stepscope_collector.decode.otlp_json import to_json

__all__ = [
    "PROTOBUF",
    "SIGNALS",
    "TRANSPORTS",
    "Answer",
    "Endpoint",
    "an_id",
    "http_answer",
    "method",
    "requests",
    "spans",
    "traces",
]

Signal = Literal["traces", "logs", "metrics"]
Transport = Literal["grpc", "http-protobuf", "http-json"]
SIGNALS: Final[tuple[Signal, ...]] = ("traces", "logs", "metrics")
TRANSPORTS: Final[tuple[Transport, ...]] = ("grpc", "http-protobuf", "http-json")
PROTOBUF: Final = {"Content-Type": "application/x-protobuf"}

_RESPONSES: Final[dict[str, tuple[Any, str]]] = {
    "traces": (ExportTraceServiceResponse, "rejected_spans"),
    "logs": (ExportLogsServiceResponse, "rejected_log_records"),
    "metrics": (ExportMetricsServiceResponse, "rejected_data_points"),
}


class Answer(NamedTuple):
    """What a client learns."""

    code: str
    """"OK" or "200" for success; otherwise the gRPC code or HTTP status."""
    body: bytes
    rejected: int
    message: str
    """Of partial_success or of the Status."""
    has_partial: bool
    status: Status
    """The google.rpc.Status of a refusal."""

    @property
    def is_success(self) -> bool:
        return self.code in {"OK", "200"}

    @property
    def is_bad_data(self) -> bool:
        return self.code in {"INVALID_ARGUMENT", "400"}

    @property
    def is_too_large(self) -> bool:
        return self.code in {"RESOURCE_EXHAUSTED", "413"}


@dataclass(frozen=True)
class Endpoint:
    """A running collector."""

    grpc: str
    http: str
    web: str
    pid: int
    data: Path

    def send(
        self,
        transport: Transport,
        signal: Signal,
        request: Message | bytes,
        *,
        is_compressed: bool = False,
    ) -> Answer:
        """The answer to one export."""
        if transport == "grpc":
            payload = request if isinstance(request, bytes) else request.SerializeToString()
            compression = grpc.Compression.Gzip if is_compressed else None
            return self._call(signal, payload, compression)
        if isinstance(request, bytes):
            body = request
        elif transport == "http-protobuf":
            body = request.SerializeToString()
        else:
            body = json.dumps(to_json(request)).encode()
        media_type = (
            "application/x-protobuf" if transport == "http-protobuf" else "application/json"
        )
        headers = {"Content-Type": media_type}
        if is_compressed:
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body)
        return self.post(f"/v1/{signal}", body, headers)

    def _call(self, signal: Signal, payload: bytes, compression: Any) -> Answer:
        with grpc.insecure_channel(self.grpc) as channel:
            try:
                body = channel.unary_unary(method(signal))(
                    payload, timeout=50, compression=compression
                )
            except grpc.RpcError as error:
                return _grpc_refusal(error)
        response, field = _RESPONSES[signal]
        parsed = response.FromString(body)
        partial = parsed.partial_success
        has_partial = parsed.HasField("partial_success")
        return Answer(
            "OK", body, getattr(partial, field), partial.error_message, has_partial, Status()
        )

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        """The answer to one HTTP request."""
        answer = httpx.post(f"http://{self.http}{path}", content=body, headers=headers, timeout=50)
        return http_answer(answer, path)

    def sql(self, statement: str, **params: Any) -> list[list[Any]]:
        """The rows of a statement."""
        question = {"sql": statement, "params": params}
        answer = httpx.post(f"http://{self.web}/api/sql", json=question, timeout=50)
        assert answer.status_code == 200, answer.text
        rows: list[list[Any]] = answer.json()["rows"]
        return rows

    def stored(self, trace_id: bytes, columns: str = "name") -> list[list[Any]]:
        """`columns` of the spans of a trace, by start and name."""
        statement = f"select {columns} from spans where trace_id = $id order by started_at, name"
        return self.sql(statement, id=trace_id.hex())


def http_answer(answer: httpx.Response, path: str) -> Answer:
    """What an HTTP answer says."""
    code = str(answer.status_code)
    is_json = answer.headers["Content-Type"] == "application/json"
    if not answer.is_success:
        status = Status()
        if is_json:
            body = answer.json()
            status.code, status.message = body["code"], body["message"]
        else:
            status = Status.FromString(answer.content)
        return Answer(code, answer.content, 0, status.message, False, status)
    response, field = _RESPONSES[path.removeprefix("/v1/")]
    if is_json:
        body = answer.json()
        words = field.split("_")
        partial = body.get("partialSuccess", {})
        rejected = int(partial.get(words[0] + "".join(word.title() for word in words[1:]), 0))
        message = partial.get("errorMessage", "")
        return Answer(code, answer.content, rejected, message, "partialSuccess" in body, Status())
    parsed = response.FromString(answer.content)
    partial = parsed.partial_success
    has_partial = parsed.HasField("partial_success")
    return Answer(
        code, answer.content, getattr(partial, field), partial.error_message, has_partial, Status()
    )


def _grpc_refusal(error: Any) -> Answer:
    status = Status()
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status = Status.FromString(value)
    return Answer(error.code().name, b"", 0, error.details() or "", False, status)


def method(signal: Signal) -> str:
    """The gRPC method of a signal."""
    package, service = {
        "traces": ("trace", "TraceService"),
        "logs": ("logs", "LogsService"),
        "metrics": ("metrics", "MetricsService"),
    }[signal]
    return f"/opentelemetry.proto.collector.{package}.v1.{service}/Export"


def an_id() -> bytes:
    """A trace id nobody else has."""
    return os.urandom(16)


def traces(*found: dict[str, Any]) -> ExportTraceServiceRequest:
    """A request with these spans, each a dict of fields."""
    return ExportTraceServiceRequest(resource_spans=[{"scope_spans": [{"spans": list(found)}]}])  # type: ignore[list-item]


def spans(trace_id: bytes, *names: str, **fields: Any) -> ExportTraceServiceRequest:
    """A request with a good span per name."""
    return traces(
        *(
            {
                "trace_id": trace_id,
                "span_id": os.urandom(8),
                "name": name,
                "start_time_unix_nano": 1_700_000_000_000_000_000 + n,
                "end_time_unix_nano": 1_700_000_001_000_000_000 + n,
                **fields,
            }
            for n, name in enumerate(names)
        )
    )


def requests(signal: Signal, name: str) -> Message:
    """A small request of the signal that holds one thing called `name`."""
    now = 1_700_000_000_000_000_000
    if signal == "traces":
        return spans(an_id(), name)
    if signal == "logs":
        record = {"time_unix_nano": now, "body": {"string_value": name}}
        return ExportLogsServiceRequest(resource_logs=[{"scope_logs": [{"log_records": [record]}]}])  # type: ignore[list-item]
    metric = {"name": name, "gauge": {"data_points": [{"time_unix_nano": now, "as_int": 7}]}}
    return ExportMetricsServiceRequest(
        resource_metrics=[{"scope_metrics": [{"metrics": [metric]}]}]
    )  # type: ignore[list-item]

"""What goes over the wire to a server, and what comes back: gRPC, HTTP and plain sockets."""

import gzip
import json
import os
import socket
import struct
from collections.abc import Mapping
from http.client import HTTPResponse
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

import grpc
import httpx
from google.protobuf.message import DecodeError, Message
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
    "JSON",
    "MIB",
    "PROTOBUF",
    "SIGNALS",
    "TRANSPORTS",
    "WAIT_S",
    "Answer",
    "Server",
    "Signal",
    "Transport",
    "an_id",
    "frame",
    "head",
    "http_answer",
    "json_of",
    "literal",
    "method",
    "next_status",
    "padding",
    "requests",
    "spans",
    "traces",
]

Signal = Literal["traces", "logs", "metrics"]
Transport = Literal["grpc", "http-protobuf", "http-json"]
SIGNALS: Final[tuple[Signal, ...]] = ("traces", "logs", "metrics")
TRANSPORTS: Final[tuple[Transport, ...]] = ("grpc", "http-protobuf", "http-json")
PROTOBUF: Final = {"Content-Type": "application/x-protobuf"}
JSON: Final = {"Content-Type": "application/json"}
MIB: Final = 1 << 20

_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
WAIT_S: Final = 50
_SOCKET_S: Final = 20
_RESPONSES: Final[dict[str, tuple[Any, str, str]]] = {
    "traces": (ExportTraceServiceResponse, "rejected_spans", "rejectedSpans"),
    "logs": (ExportLogsServiceResponse, "rejected_log_records", "rejectedLogRecords"),
    "metrics": (ExportMetricsServiceResponse, "rejected_data_points", "rejectedDataPoints"),
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
    """The google.rpc.Status of a refusal; empty when there is none that can be read."""
    headers: Mapping[str, str] = _NO_HEADERS

    @property
    def is_success(self) -> bool:
        return self.code in {"OK", "200"}

    @property
    def is_bad_data(self) -> bool:
        return self.code in {"INVALID_ARGUMENT", "400"}

    @property
    def is_too_large(self) -> bool:
        return self.code in {"RESOURCE_EXHAUSTED", "413"}

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "")


class Server:
    """A server that listens somewhere. Whoever derives says where, and may know what it stores."""

    grpc: str
    """HOST:PORT."""
    http: str
    """HOST:PORT."""
    headers: Mapping[str, str] = _NO_HEADERS
    """Go with every request: credentials."""
    wait_s: float = WAIT_S
    """How long a call or a request may take."""

    def stored(self, trace_id: bytes, columns: str = "name") -> list[list[Any]] | None:
        """`columns` of the spans of a trace, by start and name; None: it cannot be seen."""
        return None

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
            return self.call(method(signal), payload, is_compressed=is_compressed)
        if isinstance(request, bytes):
            body = request
        elif transport == "http-protobuf":
            body = request.SerializeToString()
        else:
            body = json_of(request)
        headers = dict(PROTOBUF if transport == "http-protobuf" else JSON)
        if is_compressed:
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, 1)
        return self.post(f"/v1/{signal}", body, headers)

    def call(self, path: str, payload: bytes = b"", *, is_compressed: bool = False) -> Answer:
        """The answer to one gRPC call."""
        with self.channel() as channel:
            try:
                body = channel.unary_unary(path)(
                    payload,
                    timeout=self.wait_s,
                    metadata=self.metadata(),
                    compression=grpc.Compression.Gzip if is_compressed else None,
                )
            except grpc.RpcError as error:
                return _grpc_refusal(error)
        signal = next((name for name in SIGNALS if method(name) == path), None)
        if signal is None:
            return Answer("OK", body, 0, "", False, Status())
        return _accepted("OK", body, signal, {})

    def channel(self) -> grpc.Channel:
        """A connection of its own; the pool of gRPC would share one between checks."""
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1)]
        return grpc.insecure_channel(self.grpc, options=options)

    def metadata(self) -> list[tuple[str, str]]:
        return [(name.lower(), value) for name, value in self.headers.items()]

    def request(
        self,
        verb: str = "POST",
        path: str = "/v1/traces",
        body: Any = b"",
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> httpx.Response:
        """What HTTP says, as it is."""
        return httpx.request(
            verb,
            f"http://{self.http}{path}",
            content=body,
            headers={**self.headers, **headers},
            timeout=self.wait_s,
        )

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """The answer to one HTTP request."""
        return http_answer(self.request("POST", path, body, headers), path)

    def connect(self, *sent: bytes) -> socket.socket:
        """A connection to the HTTP port over which `sent` went."""
        host, _, port = self.http.rpartition(":")
        connection = socket.create_connection((host, int(port)), timeout=_SOCKET_S)
        for part in sent:
            connection.sendall(part)
        return connection

    def head(self, *lines: str) -> bytes:
        """The head of a POST of protobuf, with the headers of every request."""
        return head(*(f"{name}: {value}" for name, value in self.headers.items()), *lines)

    def connect_http2(self) -> socket.socket:
        """A connection to the gRPC port after the preface, settings exchanged."""
        host, _, port = self.grpc.rpartition(":")
        connection = socket.create_connection((host, int(port)), timeout=_SOCKET_S)
        settings = frame(4, 0, 0, b"") + frame(4, 1, 0, b"")
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings)
        return connection


def http_answer(answer: httpx.Response, path: str) -> Answer:
    """What an HTTP answer says; a body that cannot be read says nothing."""
    code = str(answer.status_code)
    headers = answer.headers
    is_json = headers.get("content-type", "").startswith("application/json")
    if not answer.is_success:
        status = _status(answer.content, is_json)
        return Answer(code, answer.content, 0, status.message, False, status, headers)
    signal = next((name for name in SIGNALS if path.strip("/") == f"v1/{name}"), "traces")
    return _accepted(code, answer.content, signal, headers, is_json=is_json)


def _accepted(
    code: str, body: bytes, signal: str, headers: Mapping[str, str], *, is_json: bool = False
) -> Answer:
    response, field, json_field = _RESPONSES[signal]
    try:
        if is_json:
            said = json.loads(body)
            partial = said.get("partialSuccess") or {}
            rejected, message = int(partial.get(json_field, 0)), partial.get("errorMessage", "")
            has_partial = "partialSuccess" in said
        else:
            parsed = response.FromString(body)
            partial = parsed.partial_success
            rejected, message = getattr(partial, field), partial.error_message
            has_partial = parsed.HasField("partial_success")
    except (ValueError, AttributeError, DecodeError):
        return Answer(f"{code} with a body that is no response", body, 0, "", False, Status())
    return Answer(code, body, rejected, message, has_partial, Status(), headers)


def _status(body: bytes, is_json: bool) -> Status:
    try:
        if not is_json:
            return Status.FromString(body)
        said = json.loads(body)
        return Status(code=said.get("code", 0), message=said.get("message", ""))
    except (ValueError, AttributeError, TypeError, DecodeError):
        return Status()


def _grpc_refusal(error: Any) -> Answer:
    status = Status()
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status = Status.FromString(value)
    return Answer(error.code().name, b"", 0, error.details() or "", False, status)


def json_of(request: Message) -> bytes:
    """The request as OTLP/JSON."""
    return json.dumps(to_json(request)).encode()


def method(signal: Signal) -> str:
    """The gRPC method of a signal."""
    package, service = {
        "traces": ("trace", "TraceService"),
        "logs": ("logs", "LogsService"),
        "metrics": ("metrics", "MetricsService"),
    }[signal]
    return f"/opentelemetry.proto.collector.{package}.v1.{service}/Export"


def head(*lines: str, path: str = "/v1/traces") -> bytes:
    """The head of a POST of protobuf."""
    fixed = (f"POST {path} HTTP/1.1", "Host: collector", "Content-Type: application/x-protobuf")
    return "\r\n".join([*fixed, *lines, "", ""]).encode()


def next_status(connection: socket.socket) -> int:
    """Status of the next answer of an HTTP connection, which is read to its end."""
    answer = HTTPResponse(connection)
    answer.begin()
    answer.read()
    answer.close()
    return answer.status


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A frame of HTTP/2."""
    length = struct.pack(">I", len(payload))[1:]
    return length + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name: bytes, value: bytes) -> bytes:
    """HPACK: literal header field without indexing."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def padding(size: int) -> bytes:
    """A request of `size` bytes, all of it one unknown field: cheap to decode, nothing to store."""
    length = size - 7  # field 1000, length-delimited, and its length in five bytes
    septets = [length >> shift & 0x7F for shift in (0, 7, 14, 21, 28)]
    return b"\xc2\x3e" + bytes([*(n | 0x80 for n in septets[:4]), septets[4]]) + bytes(length)


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

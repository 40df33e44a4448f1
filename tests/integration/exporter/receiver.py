"""The far end of the network for tests: stock OTLP servicers on a free port that keep requests."""

import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


class Receiver(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps spans; `answer` may be replaced to reject or refuse."""

    def __init__(self) -> None:
        self.requests: list[trace_service_pb2.ExportTraceServiceRequest] = []
        self.log_requests: list[logs_service_pb2.ExportLogsServiceRequest] = []
        self.metadata: list[dict[str, Any]] = []
        self.arrived = threading.Condition()
        self.port = 0
        self.answer = lambda context: trace_service_pb2.ExportTraceServiceResponse()

    def Export(self, request, context):  # noqa: N802 - gRPC calls it so
        with self.arrived:
            self.requests.append(request)
            self.metadata.append(dict(context.invocation_metadata()))
            self.arrived.notify_all()
        return self.answer(context)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def spans(self) -> list[Any]:
        with self.arrived:
            return [
                span
                for request in self.requests
                for resource in request.resource_spans
                for scope in resource.scope_spans
                for span in scope.spans
            ]

    def scopes(self) -> set[str]:
        return {
            scope.scope.name
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
        }

    def wait_for(self, is_there, timeout_s: float = 10.0) -> None:
        """Until `is_there(spans)`; fails after the timeout."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: is_there(self._flat()), timeout_s), self._flat()

    def _flat(self):
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


class LogsServicer(logs_service_pb2_grpc.LogsServiceServicer):
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def Export(self, request, context):  # noqa: N802 - gRPC calls it so
        with self._receiver.arrived:
            self._receiver.log_requests.append(request)
            self._receiver.arrived.notify_all()
        return logs_service_pb2.ExportLogsServiceResponse()


@contextmanager
def running_receiver(port: int = 0) -> Iterator[Receiver]:
    receiver = Receiver()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(receiver, server)
    logs_service_pb2_grpc.add_LogsServiceServicer_to_server(LogsServicer(receiver), server)
    receiver.port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    try:
        yield receiver
    finally:
        server.stop(0).wait(5)


def attributes(span: Any) -> dict[str, Any]:
    """Attributes of a decoded span as Python values."""
    return {pair.key: value(pair.value) for pair in span.attributes}


def value(any_value: Any) -> Any:
    kind = any_value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [value(item) for item in any_value.array_value.values]
    return getattr(any_value, kind)

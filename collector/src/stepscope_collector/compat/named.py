"""The executions that a request of OTLP names itself."""

from collections.abc import Iterator

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

__all__ = ["named_executions"]

_KEY = "workflow.execution.id"


def named_executions(signal: str, payload: bytes) -> tuple[list[str], int]:
    """Ids in order, each once, and how many spans or log records there are.

    Args:
        signal: traces or logs.
        payload: the request, protobuf; one that cannot be read names nothing.
    """
    try:
        rows = list(_rows(signal, payload))
    except DecodeError:
        return [], 0
    ids = {each.value.string_value for row in rows for each in row if each.key == _KEY}
    return sorted(ids - {""}), len(rows)


def _rows(signal: str, payload: bytes) -> Iterator[list[KeyValue]]:
    if signal == "traces":
        for resource in ExportTraceServiceRequest.FromString(payload).resource_spans:
            for spans in resource.scope_spans:
                yield from (list(span.attributes) for span in spans.spans)
    else:
        for logs in ExportLogsServiceRequest.FromString(payload).resource_logs:
            for records in logs.scope_logs:
                yield from (list(record.attributes) for record in records.log_records)

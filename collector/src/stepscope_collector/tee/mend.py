"""A request without what makes strict receivers refuse all of it. Pure.

We store what is good in a request and reject the rest alone; others, the OpenTelemetry Collector
0.161 among them, refuse the whole request for one id of the wrong length or one string that is not
UTF-8. For them the request is mended, after they have refused it as it was.
"""

from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stepscope_collector.decode.repair import repair_utf8
from stepscope_collector.errors import PayloadUndecodable
from stepscope_collector.tee.record import Record

__all__ = ["mended"]


def mended(record: Record) -> Record | None:
    """The request with valid UTF-8 and ids, in protobuf; None when nothing is wrong with it.

    Spans without valid ids are left out, as in our store. Links without are left out, too, and log
    records lose ids that have the wrong length: they cannot be sent on.
    """
    if record.encoding != "protobuf":
        return None  # JSON with such ids was never accepted, and text is UTF-8
    kind: Any = {
        "traces": ExportTraceServiceRequest,
        "logs": ExportLogsServiceRequest,
        "metrics": ExportMetricsServiceRequest,
    }[record.signal]
    try:
        body, repaired = repair_utf8(record.body, kind)
        message = kind.FromString(body)
    except (PayloadUndecodable, DecodeError):
        return None
    dropped = changed = 0
    if record.signal == "traces":
        dropped, changed = _mend_spans(message)
    elif record.signal == "logs":
        changed = _mend_logs(message)
    if not repaired and not dropped and not changed:
        return None
    return record._replace(body=message.SerializeToString(), rows=max(0, record.rows - dropped))


def _mend_spans(request: ExportTraceServiceRequest) -> tuple[int, int]:
    """Spans and links left out."""
    dropped = links = 0
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for at in reversed(range(len(scope_spans.spans))):
                span = scope_spans.spans[at]
                if not _are_ids(span) or len(span.parent_span_id) not in {0, 8}:
                    del scope_spans.spans[at]
                    dropped += 1
                    continue
                for place in reversed(range(len(span.links))):
                    if not _are_ids(span.links[place]):
                        del span.links[place]
                        links += 1
    return dropped, links


def _mend_logs(request: ExportLogsServiceRequest) -> int:
    """Ids taken from log records."""
    changed = 0
    for resource_logs in request.resource_logs:
        for scope_logs in resource_logs.scope_logs:
            for record in scope_logs.log_records:
                if len(record.trace_id) not in {0, 16}:
                    record.trace_id = b""
                    changed += 1
                if len(record.span_id) not in {0, 8}:
                    record.span_id = b""
                    changed += 1
    return changed


def _are_ids(holder: Any) -> bool:
    trace_id, span_id = holder.trace_id, holder.span_id
    return len(trace_id) == 16 and len(span_id) == 8 and any(trace_id) and any(span_id)

"""One request's bytes to a batch of columns; the one place that chooses the decoder.

The reference decoder walks the message that the stock protobuf runtime parsed. The native decoder
(`native.py`) takes its place here and nowhere else.
"""

from typing import Any

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stepscope_collector.decode.batch import Batch, Encoding, Plan, Signal
from stepscope_collector.decode.logs import decode_logs
from stepscope_collector.decode.metrics import decode_metrics
from stepscope_collector.decode.native import decode_natively
from stepscope_collector.decode.otlp_json import to_message
from stepscope_collector.decode.repair import MESSAGES, repair_utf8, repaired
from stepscope_collector.decode.spans import decode_spans
from stepscope_collector.errors import PayloadTooLarge, PayloadUndecodable

__all__ = ["decode_request"]


def decode_request(
    signal: Signal, payload: bytes, encoding: Encoding, plan: Plan, gathering: Any = None
) -> Batch:
    """The rows of an uncompressed request.

    Args:
        signal: what it carries.
        payload: its bytes.
        encoding: how it is written.
        plan: of the columns.
        gathering: where the native decoder may gather the spans of several requests (`native.gathering`).

    Raises:
        PayloadUndecodable: the bytes are not a request of that signal in that encoding.
        PayloadTooLarge: it has more items than the plan allows.
    """
    if encoding == "protobuf":
        decoded = decode_natively(signal, payload, plan, gathering)
        if decoded is not None:
            return decoded
    warnings: list[str] = []
    if encoding == "json":
        message, warnings = to_message(signal, payload)
    else:
        message = _parse(MESSAGES[signal], payload, warnings)
    _check_items(message, plan.max_items)
    match message:
        case ExportTraceServiceRequest():
            batch = decode_spans(message, plan)
        case ExportLogsServiceRequest():
            batch = decode_logs(message, plan)
        case ExportMetricsServiceRequest():
            batch = decode_metrics(message, plan)
        case _:
            raise TypeError(f"no decoder for {type(message).__name__}")
    batch.warnings += warnings
    return batch


def _check_items(message: Any, limit: int) -> None:
    match message:
        case ExportTraceServiceRequest():
            count = sum(len(s.spans) for r in message.resource_spans for s in r.scope_spans)
        case ExportLogsServiceRequest():
            count = sum(len(s.log_records) for r in message.resource_logs for s in r.scope_logs)
        case _:
            count = sum(
                max(_points_of(metric), 1)  # a metric without points costs as much
                for resource_metrics in message.resource_metrics
                for scope_metrics in resource_metrics.scope_metrics
                for metric in scope_metrics.metrics
            )
    if limit and count > limit:
        raise PayloadTooLarge(
            f"request of {count} items exceeds limits.max_items={limit}; "
            "raise it or send smaller batches"
        )


def _points_of(metric: Any) -> int:
    kind = metric.WhichOneof("data")
    return 0 if kind is None else len(getattr(metric, kind).data_points)


def _parse(message_type: type[Message], payload: bytes, warnings: list[str]) -> Message:
    try:
        return message_type.FromString(payload)
    except DecodeError:
        # The runtime refuses a whole request for one string that some SDK cut inside a code
        # point (OTLP checklist C20); mend the strings and keep the spans.
        mended, count = repair_utf8(payload, message_type)
        warnings.append(repaired(count))
    try:
        return message_type.FromString(mended)
    except DecodeError as error:
        raise PayloadUndecodable(
            f"payload of {len(payload)} bytes is not a {message_type.DESCRIPTOR.name}: {error}"
        ) from error

"""Spans that go on, told by log records: the heartbeats of partial span processors.

Such a processor (for Python, Java, .NET and others; there is no convention of OpenTelemetry's for
it yet) writes a log record now and then while a span is open: attribute `partial.event` =
`heartbeat`, and as body the span so far as OTLP, in JSON or (older ones) as protobuf in base64. The
record `stop` at the end tells nothing that the span itself, sent as always, does not.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from stepscope_collector.decode.batch import Batch, Plan
from stepscope_collector.decode.otlp_json import to_message
from stepscope_collector.decode.spans import decode_spans
from stepscope_collector.errors import PayloadUndecodable

__all__ = ["HEARTBEAT", "PARTIAL_EVENT", "signs_of"]

PARTIAL_EVENT: Final = "partial.event"
HEARTBEAT: Final = "heartbeat"


def signs_of(records: Sequence[LogRecord], plan: Plan, warnings: list[str]) -> Batch | None:
    """The spans that the records tell of, each without an end; None: there are none.

    Args:
        records: heartbeats.
        plan: that of the decoder.
        warnings: gets a sentence for each record whose body cannot be read.
    """
    whole = ExportTraceServiceRequest()
    for record in records:
        try:
            whole.MergeFrom(_told(record))
        except PayloadUndecodable:
            warnings.append("a heartbeat of a partial span has a body that is no OTLP")
    for resource_spans in whole.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                span.end_time_unix_nano = 0
    batch = decode_spans(whole, plan)
    return batch if batch.rows is not None else None


def _told(record: LogRecord) -> ExportTraceServiceRequest:
    text = record.body.string_value
    if text.lstrip().startswith("{"):
        message, _ = to_message("traces", text.encode())
        assert isinstance(message, ExportTraceServiceRequest)
        return message
    try:
        return ExportTraceServiceRequest.FromString(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, DecodeError) as error:
        raise PayloadUndecodable(f"body of a heartbeat is no OTLP: {error}") from error

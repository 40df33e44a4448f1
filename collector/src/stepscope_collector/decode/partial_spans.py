"""Spans that go on, told by log records.

Heartbeats of partial span processors: such a processor (for Python, Java, .NET and others; there is
no convention of OpenTelemetry's for it yet) writes a log record now and then while a span is open:
attribute `partial.event` = `heartbeat`, and as body the span so far as OTLP, in JSON or (older ones)
as protobuf in base64. The record `stop` at the end tells nothing that the span itself, sent as
always, does not.

Events: a record whose event name says that a workflow, job, task or the like has started, written in
the sampled span of it. The event that says it has finished is a sign of life, and the span the end.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs

from stepscope_collector.decode.batch import Batch, Plan
from stepscope_collector.decode.otlp_json import to_message
from stepscope_collector.decode.spans import decode_spans
from stepscope_collector.errors import PayloadUndecodable

__all__ = ["Sign", "is_start", "signs_of", "tells_of_span"]

_PARTIAL_EVENT: Final = "partial.event"
_HEARTBEAT: Final = "heartbeat"
_STARTED: Final = re.compile(
    r"(?:[\w.-]{0,60}[._])?(?:workflow|execution|run|job|task|step|span|flow|activity|pipeline)"
    r"[._](?:start|started)"
)
_NAMES: Final = (
    "span.name",
    "workflow.name",
    "workflow.task.name",
    "task.name",
    "job.name",
    "name",
)
"""Attributes of such an event that may hold the name of its span."""
_SAMPLED: Final = 1
"""W3C trace flag: the span will be sent."""


class Sign(NamedTuple):
    """A record that tells of a span, and where it stands."""

    record: LogRecord
    resource: ResourceLogs
    scope: ScopeLogs


def tells_of_span(record: LogRecord, texts: Mapping[str, str | None]) -> bool:
    """Whether a record with these attributes tells of a span that goes on."""
    if texts.get(_PARTIAL_EVENT) == _HEARTBEAT:
        return True
    return (
        bool(record.event_name)
        and bool(record.flags & _SAMPLED)
        and len(record.trace_id) == 16
        and len(record.span_id) == 8
        and is_start(record.event_name)
    )


def is_start(event_name: str) -> bool:
    """Whether an event of this name says that its span has started."""
    return _STARTED.fullmatch(event_name) is not None


def signs_of(signs: Sequence[Sign], plan: Plan, warnings: list[str]) -> Batch | None:
    """The spans that the records tell of, each without an end; None: there are none.

    Args:
        signs: records of which `tells_of_span` is true.
        plan: that of the decoder.
        warnings: gets a sentence for each record whose body cannot be read.
    """
    whole = ExportTraceServiceRequest()
    for sign in signs:
        if sign.record.event_name and is_start(sign.record.event_name):
            _begin(whole, sign)
            continue
        try:
            whole.MergeFrom(_told(sign.record))
        except PayloadUndecodable:
            warnings.append("a heartbeat of a partial span has a body that is no OTLP")
    for resource_spans in whole.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                span.end_time_unix_nano = 0
    count = sum(len(s.spans) for r in whole.resource_spans for s in r.scope_spans)
    if plan.max_items and count > plan.max_items:
        warnings.append(f"log records tell of {count} spans, limit {plan.max_items}; not shown")
        return None
    batch = decode_spans(whole, plan)
    warnings += [f"a span told by a log record is not shown: {r.message}" for r in batch.rejections]
    return batch if batch.rows is not None else None


def _begin(whole: ExportTraceServiceRequest, sign: Sign) -> None:
    """Add the span that an event says has started."""
    record = sign.record
    resource_spans = whole.resource_spans.add(schema_url=sign.resource.schema_url)
    resource_spans.resource.CopyFrom(sign.resource.resource)
    scope_spans = resource_spans.scope_spans.add(schema_url=sign.scope.schema_url)
    scope_spans.scope.CopyFrom(sign.scope.scope)
    said = {each.key: each.value.string_value for each in record.attributes}
    named = next((said[key] for key in _NAMES if said.get(key)), "")
    scope_spans.spans.add(
        trace_id=record.trace_id,
        span_id=record.span_id,
        name=named or record.event_name.rpartition(".")[0],
        start_time_unix_nano=record.time_unix_nano or record.observed_time_unix_nano,
        attributes=record.attributes,
    )


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

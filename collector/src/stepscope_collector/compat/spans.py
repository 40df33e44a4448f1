"""Records as one OTLP request: the same bytes for the same records, so that a repetition is one.

What has ended becomes a span, what goes on a live marker. Span ids are made of the ids of the records:
the span that ends something later has the identity that its marker spoke of.
"""

from collections.abc import Iterable
from typing import Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from stepscope_collector import __version__
from stepscope_collector.compat.record import (
    OUTCOMES,
    ErrorRecord,
    ExecutionRecord,
    StepRecord,
    span_id_of,
    trace_id_of,
)

__all__ = ["execution_span_id", "request_of", "step_span_id"]

_SCOPE: Final = "stepscope"
Attributes = dict[str, str | int | None]


def request_of(
    record: ExecutionRecord,
    *,
    steps: Iterable[StepRecord] | None = None,
    has_execution: bool = True,
    revision: int = 0,
    seen_ns: int | None = None,
) -> bytes:
    """The request, protobuf.

    Args:
        record: the execution.
        steps: what to send of its steps; None: all of them.
        has_execution: whether to send its own span.
        revision: of what the execution's span says once it has ended; a greater one wins.
        seen_ns: a sign of life of the execution, told beside its first marker; None: none.
    """
    message = ExportTraceServiceRequest()
    scope_spans = message.resource_spans.add().scope_spans.add()
    scope_spans.scope.name = _SCOPE
    scope_spans.scope.version = __version__
    if has_execution:
        scope_spans.spans.append(_execution_span(record, revision))
        if record.ended_ns is None and seen_ns is not None and seen_ns > record.started_ns:
            scope_spans.spans.append(_heartbeat(record, seen_ns))
    for step in record.steps if steps is None else steps:
        scope_spans.spans.append(_step_span(record, step))
    return message.SerializeToString(deterministic=True)


def execution_span_id(execution_id: str, revision: int = 0) -> bytes:
    """The span of an execution; that of a later revision is greater."""
    first = span_id_of("execution", execution_id)
    return first[:6] + revision.to_bytes(2, "big")


def step_span_id(execution_id: str, step_id: str) -> bytes:
    """The span of a step."""
    return span_id_of("step", execution_id, step_id)


def _execution_span(record: ExecutionRecord, revision: int) -> Span:
    attributes: Attributes = {
        **_names(record),
        "stepscope.trigger.native": record.trigger_native,
        "stepscope.trigger.data": record.trigger_data,
        "stepscope.metadata": record.metadata,
    }
    own = execution_span_id(record.execution_id)
    if record.ended_ns is None:
        return _marker(record, own, None, record.workflow_name, record.started_ns, attributes)
    attributes["workflow.execution.outcome"] = OUTCOMES[record.status]
    if record.error is not None:
        attributes["stepscope.error.node_id"] = record.error.node_id
    span = _span(record, execution_span_id(record.execution_id, revision), record.workflow_name)
    _times(span, record.started_ns, record.ended_ns)
    _add(span, attributes)
    _fail(span, record.status, record.error)
    return span


def _heartbeat(record: ExecutionRecord, seen_ns: int) -> Span:
    attributes: Attributes = {**_names(record), "stepscope.metadata": record.metadata}
    own = execution_span_id(record.execution_id)
    return _marker(
        record, own, None, record.workflow_name, record.started_ns, attributes, seen_ns=seen_ns
    )


def _names(record: ExecutionRecord) -> Attributes:
    return {
        "workflow.execution.id": record.execution_id,
        "stepscope.span.role": "execution",
        "workflow.id": record.workflow_id,
        "workflow.name": record.workflow_name,
        "workflow.trigger.type": record.trigger_type,
    }


def _step_span(record: ExecutionRecord, step: StepRecord) -> Span:
    attributes: Attributes = {
        "workflow.execution.id": record.execution_id,
        "stepscope.span.role": "step",
        "workflow.task.id": step.step_id,
        "workflow.task.name": step.name,
        "workflow.task.type": step.type,
        "stepscope.step.index": step.index,
        "stepscope.step.attempt": step.attempt if step.attempt > 1 else None,
        "stepscope.node.id": None if step.node_id == step.step_id else step.node_id,
        "stepscope.record.id": step.record_id,
        "stepscope.input": step.input,
        "stepscope.output": step.output,
        "stepscope.metadata": step.metadata,
    }
    own = step_span_id(record.execution_id, step.step_id)
    parent = execution_span_id(record.execution_id)
    if step.ended_ns is None:
        return _marker(record, own, parent, step.name, step.started_ns, attributes)
    attributes["workflow.task.outcome"] = OUTCOMES[step.status]
    span = _span(record, own, step.name)
    span.parent_span_id = parent
    _times(span, step.started_ns or step.ended_ns, step.ended_ns)
    _add(span, attributes)
    _fail(span, step.status, step.error)
    return span


def _marker(
    record: ExecutionRecord,
    own: bytes,
    parent: bytes | None,
    name: str,
    started_ns: int | None,
    attributes: Attributes,
    *,
    seen_ns: int | None = None,
) -> Span:
    # When it began is the moment of the first marker, so that a repetition is the same span.
    phase = "started" if seen_ns is None else "heartbeat"
    at = seen_ns or started_ns or record.started_ns
    told = "\0".join(f"{key}={value}" for key, value in sorted(attributes.items()))
    span = _span(record, span_id_of(phase, own.hex(), str(at), told), name)
    span.parent_span_id = own
    _times(span, at, at)
    extra: Attributes = {
        "stepscope.live.phase": phase,
        "stepscope.live.start_time_unix_nano": started_ns or 0,
        "stepscope.live.parent_span_id": None if parent is None else parent.hex(),
    }
    _add(span, attributes | extra)
    return span


def _span(record: ExecutionRecord, span_id: bytes, name: str) -> Span:
    return Span(
        trace_id=trace_id_of(record.execution_id),
        span_id=span_id,
        name=_text(name),
        kind=Span.SPAN_KIND_INTERNAL,
    )


def _times(span: Span, start_ns: int, end_ns: int) -> None:
    span.start_time_unix_nano = start_ns
    span.end_time_unix_nano = end_ns


def _fail(span: Span, status: str, error: ErrorRecord | None) -> None:
    if OUTCOMES[status] in {"success", "skip"}:
        return
    span.status.code = Status.STATUS_CODE_ERROR
    if error is None:
        return
    span.status.message = _text(error.message)
    if error.stack is not None:
        event = span.events.add(name="exception", time_unix_nano=span.end_time_unix_nano)
        for key, value in (("message", error.message), ("stacktrace", error.stack)):
            attribute = event.attributes.add(key=f"exception.{key}")
            attribute.value.string_value = _text(value)


def _add(span: Span, attributes: Attributes) -> None:
    for key, value in attributes.items():
        if value is None:
            continue
        attribute = span.attributes.add(key=key)
        if isinstance(value, int):
            attribute.value.int_value = value
        else:
            attribute.value.string_value = _text(value)


def _text(value: str) -> str:
    """The text without lone surrogates, which protobuf takes for no text."""
    return value.encode("utf-8", "replace").decode()

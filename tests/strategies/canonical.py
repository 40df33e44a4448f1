"""What two OTLP requests have to agree in to hold the same telemetry, as plain comparable values.

The canonical form:

* Envelopes without spans, log records or data points are gone; those with the same resource and
  scope are one, whatever the order of their attributes.
* Attributes are sorted by key, unless a key stands twice: then their order says which one wins.
* An absent submessage equals an empty one; an absent AnyValue equals an empty one.
* References into the dictionary of the profiling signal (`*_strindex`) are absent: common.proto.
* An all-zero parent span id is no parent. Spans that OTLP calls invalid are gone, as are metrics
  without data.
* Spans, log records and data points are a multiset; spans are sorted by their ids.
* Floating point numbers are compared as text, so that NaN equals NaN and -0.0 is not 0.0.
* Fields that this version of OTLP does not know are gone.
"""

from collections.abc import Callable, Iterable, MutableSequence
from typing import Any

from google.protobuf.message import Message

__all__ = ["canonical_logs", "canonical_metrics", "canonical_spans", "canonical_value"]

Canonical = dict[tuple[Any, Any], list[Any]]
"""By resource and scope: what stands below them."""


def canonical_spans(request: Any) -> Canonical:
    """The storable spans of an ExportTraceServiceRequest."""
    return _grouped(
        (resource_spans, scope_spans, _span(span))
        for resource_spans in request.resource_spans
        for scope_spans in resource_spans.scope_spans
        for span in scope_spans.spans
        if _is_valid(span)
    )


def canonical_logs(request: Any) -> Canonical:
    """The log records of an ExportLogsServiceRequest."""
    return _grouped(
        (resource_logs, scope_logs, _fields(record))
        for resource_logs in request.resource_logs
        for scope_logs in resource_logs.scope_logs
        for record in scope_logs.log_records
    )


def canonical_metrics(request: Any) -> Canonical:
    """The data points of an ExportMetricsServiceRequest, each with what describes its metric."""
    return _grouped(
        (resource_metrics, scope_metrics, point)
        for resource_metrics in request.resource_metrics
        for scope_metrics in resource_metrics.scope_metrics
        for metric in scope_metrics.metrics
        for point in _points(metric)
    )


def _grouped(found: Iterable[tuple[Any, Any, Any]]) -> Canonical:
    groups: Canonical = {}
    for parent, child, content in found:
        resource = (_fields(parent.resource), parent.schema_url)
        scope = (_fields(child.scope), child.schema_url)
        groups.setdefault((resource, scope), []).append(content)
    for contents in groups.values():
        contents.sort(key=repr)
    return groups


def _is_valid(span: Any) -> bool:
    return (
        len(span.trace_id) == 16
        and any(span.trace_id)
        and len(span.span_id) == 8
        and any(span.span_id)
        and len(span.parent_span_id) in {0, 8}
    )


def _span(span: Any) -> Any:
    fields = dict(_fields(span))
    if not any(span.parent_span_id):
        fields.pop("parent_span_id", None)
    return (span.trace_id.hex(), span.span_id.hex(), tuple(sorted(fields.items())))


def _points(metric: Any) -> Iterable[Any]:
    kind = metric.WhichOneof("data")
    if kind is None:
        return
    data = getattr(metric, kind)
    described = [pair for pair in _fields(metric) if pair[0] != kind]
    of_all = [pair for pair in _fields(data) if pair[0] != "data_points"]
    for point in data.data_points:
        yield (kind, tuple(described), tuple(of_all), _fields(point))


def _fields(message: Any) -> tuple[tuple[str, Any], ...]:
    """Name and canonical value of every field that is not empty, in order of name."""
    found = {}
    for descriptor, value in message.ListFields():
        if descriptor.name.endswith("_strindex"):
            continue
        if descriptor.message_type is not None and descriptor.message_type.name == "KeyValue":
            content: Any = _attributes(value)
        elif isinstance(value, MutableSequence):
            content = tuple(_value(element) for element in value)
        else:
            content = _value(value)
        # a scalar with presence (a sum of 0.0) is not the same as none
        is_empty_submessage = isinstance(value, Message) and content in {(), ("empty",)}
        if not is_empty_submessage:
            found[descriptor.name] = content
    return tuple(sorted(found.items()))


def _value(value: Any) -> Any:
    match value:
        case float():
            return repr(value)
        case Message():
            special = _MESSAGES.get(value.DESCRIPTOR.name, _fields)
            return special(value)
        case _:
            return value


def _attributes(attributes: Any) -> tuple[tuple[str, Any], ...]:
    pairs = [(attribute.key, canonical_value(attribute.value)) for attribute in attributes]
    keys = {key for key, _ in pairs}
    return tuple(pairs if len(keys) < len(pairs) else sorted(pairs, key=lambda pair: pair[0]))


def canonical_value(value: Any) -> Any:
    """An AnyValue as nested tuples of kind and content."""
    kind = value.WhichOneof("value")
    match kind:
        case None | "string_value_strindex":
            return ("empty",)
        case "array_value":
            return (kind, tuple(canonical_value(element) for element in value.array_value.values))
        case "kvlist_value":
            # its order may mean something to the sender: JSON objects keep theirs
            pairs = [(pair.key, canonical_value(pair.value)) for pair in value.kvlist_value.values]
            return (kind, tuple(pairs))
        case _:
            return (kind, _value(getattr(value, kind)))


_MESSAGES: dict[str, Callable[[Any], Any]] = {"AnyValue": canonical_value}

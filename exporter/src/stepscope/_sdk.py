"""The meeting point with the OpenTelemetry SDK; imported only by `configure`, when it is installed.

Spans of other instrumentations are recorded by a stock `TracerProvider` and leave through our
sender, in the same requests as our own spans.
"""

from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider

from stepscope import _encode

__all__ = ["QueueProcessor", "SdkEncoder", "make_provider", "make_resource"]


def make_resource(service_name: str | None, default_name: str) -> Resource:
    """The resource of this process: argument over OTEL_* over the program's own name."""
    resource = Resource.create({"service.name": service_name} if service_name else None)
    name = str(resource.attributes.get("service.name", ""))
    if name.startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": default_name}))
    return resource


class QueueProcessor(SpanProcessor):
    """Hands ended spans to `put`, and to `others`; a `configure` that comes later may change both."""

    def __init__(self, put: Callable[[ReadableSpan], None], flush: Callable[[float], bool]) -> None:
        self.put = put
        self.flush = flush
        self.others: Sequence[SpanProcessor] = ()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Tell the others; for ourselves there is nothing to do."""
        for other in self.others:
            other.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        """Queue the span if it was sampled."""
        context = span.context
        if context is not None and context.trace_flags.sampled:
            self.put(span)
        for other in self.others:
            other.on_end(span)

    def shutdown(self) -> None:
        """The sender is shut down by `configure` and at exit."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Wait until the queues are sent."""
        is_done = self.flush(timeout_millis / 1000)
        return all([is_done, *(other.force_flush(timeout_millis) for other in self.others)])


def make_provider(resource: Resource, processor: QueueProcessor) -> TracerProvider:
    """A provider for the other instrumentations of this process."""
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(processor)
    return provider


class SdkEncoder:
    """Encodes the SDK's spans; resources and scopes once each."""

    def __init__(self) -> None:
        self._resources: dict[int, tuple[Resource, bytes]] = {}
        self._scopes: dict[Any, bytes] = {}

    def __call__(self, span: ReadableSpan) -> tuple[bytes, bytes, bytes, bytes]:
        """(resource field, scope field, schema URL field of the scope, span body)."""
        resource = span.resource
        known = self._resources.get(id(resource))
        if known is None:
            url = (
                _encode.message(b"\x1a", resource.schema_url.encode())
                if resource.schema_url
                else b""
            )
            # The resource is kept beside its bytes, so its id cannot be reused.
            known = (resource, _encode.resource(resource.attributes) + url)
            self._resources[id(resource)] = known
        return known[1], *self._scope(span), readable_span(span)

    def _scope(self, span: ReadableSpan) -> tuple[bytes, bytes]:
        scope = span.instrumentation_scope
        if scope is None:
            return _encode.message(b"\x0a", b""), b""
        field = self._scopes.get(scope)
        if field is None:
            field = _encode.scope(scope.name, scope.version, scope.attributes)
            self._scopes[scope] = field
        url = _encode.message(b"\x1a", scope.schema_url.encode()) if scope.schema_url else b""
        return field, url


def readable_span(span: ReadableSpan) -> bytes:
    """The body of a Span message."""
    context = span.get_span_context()
    parent = span.parent
    assert context is not None
    state = context.trace_state.to_header() if context.trace_state else ""
    start, end = span.start_time or 0, span.end_time or 0
    parts = [
        b"\x0a\x10", context.trace_id.to_bytes(16, "big"),
        b"\x12\x08", context.span_id.to_bytes(8, "big"),
        _encode.message(b"\x1a", state.encode()) if state else b"",
        b"\x22\x08" + parent.span_id.to_bytes(8, "big") if parent is not None else b"",
        _encode.head(span.name, span.kind.value + 1, start, end),
        _encode.attributes_field(b"\x4a", span.attributes or {}),
        _encode.count_field(b"\x50", span.dropped_attributes),
    ]  # fmt: skip
    parts += [
        _encode.event(e.name, e.timestamp, e.attributes or {}, e.dropped_attributes)
        for e in span.events
    ]
    parts.append(_encode.count_field(b"\x60", span.dropped_events))
    for link in span.links:
        of = link.context
        header = of.trace_state.to_header() if of.trace_state else ""
        parts.append(
            _encode.link(
                of.trace_id,
                of.span_id,
                link.attributes or {},
                of.is_remote,
                header,
                link.dropped_attributes,
            )
        )
    parts.append(_encode.count_field(b"\x70", span.dropped_links))
    parts.append(_encode.status(span.status.status_code.value, span.status.description))
    parts.append(_encode.flags(parent is not None and parent.is_remote))
    return b"".join(parts)

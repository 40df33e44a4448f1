"""The light recorder: spans that other instrumentations see as OpenTelemetry spans.

A `LightSpan` is a full API span (so `trace.get_current_span().set_attribute(...)` works and
spans of HTTP or database instrumentations become its children), but it costs a fraction of the
SDK's span: ids stay integers, the attribute dict is the caller's, and the `SpanContext` is made
only when somebody asks for it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanContext, TraceFlags, TraceState
from opentelemetry.trace.status import Status, StatusCode
from opentelemetry.util.types import Attributes, AttributeValue

from stepscope._capture import Capture
from stepscope._exceptions import describe
from stepscope._ids import source

__all__ = ["SPAN_KEY", "LightRecorder", "LightSpan", "Recorder", "TracerRecorder", "span_in"]

SPAN_KEY = next(iter(trace.set_span_in_context(trace.INVALID_SPAN, Context())))
"""The key under which OpenTelemetry keeps the current span in a context."""

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_PLAIN = Capture()
_VALUE_TYPES = (str, bool, int, float)
_MAX_EVENTS = 128
"""Events kept per span, as in the SDK (OTEL_SPAN_EVENT_COUNT_LIMIT); more are counted as dropped."""


def span_in(context: Context) -> Span:
    """The current span of a context."""
    return trace.get_current_span(context)


class Recorder(Protocol):
    """Starts spans; what becomes of them at their end is the recorder's business."""

    def start(self, name: str, context: Context, attributes: dict[str, Any], start_ns: int) -> Span:
        """A started span, child of the context's current span."""
        ...


class TracerRecorder:
    """Records through an OpenTelemetry tracer: the user's own provider, or none."""

    __slots__ = ("_tracer",)

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    def start(self, name: str, context: Context, attributes: dict[str, Any], start_ns: int) -> Span:
        """A started span of the tracer, which samples and limits as it is configured to."""
        return self._tracer.start_span(
            name, context, attributes=attributes, start_time=start_ns,
            record_exception=False, set_status_on_exception=False,
        )  # fmt: skip


class LightRecorder:
    """Records `LightSpan`s and hands each ended one to `sink`."""

    __slots__ = ("sink",)

    def __init__(self, sink: Callable[["LightSpan"], None]) -> None:
        self.sink = sink

    def start(self, name: str, context: Context, attributes: dict[str, Any], start_ns: int) -> Span:
        """A started span; not recording when its parent was sampled out (parent-based)."""
        parent = context.get(SPAN_KEY)
        if type(parent) is LightSpan:
            return LightSpan(
                self.sink, name, parent.trace_id, parent.span_id, attributes, start_ns,
                parent.trace_state, False,
            )  # fmt: skip
        if isinstance(parent, Span):
            of_parent = parent.get_span_context()
            if of_parent.is_valid:
                if not of_parent.trace_flags & TraceFlags.SAMPLED:
                    return trace.NonRecordingSpan(of_parent)
                return LightSpan(
                    self.sink, name, of_parent.trace_id, of_parent.span_id, attributes, start_ns,
                    of_parent.trace_state or None, of_parent.is_remote,
                )  # fmt: skip
        return LightSpan(
            self.sink, name, source.current.trace_id(), None, attributes, start_ns, None, False
        )


class LightSpan(Span):
    """One span; see the module. `parent_id` is None for a root span."""

    def __init__(  # noqa: PLR0913 - the fields of a span
        self,
        sink: Callable[["LightSpan"], None],
        name: str,
        trace_id: int,
        parent_id: int | None,
        attributes: dict[str, Any],
        start_ns: int,
        trace_state: TraceState | None,
        is_parent_remote: bool,
    ) -> None:
        self._sink = sink
        self.name: str = name
        self.trace_id = trace_id
        self.span_id: int = source.current.span_id()
        self.parent_id = parent_id
        self.attributes = attributes
        self.start_ns = start_ns
        self.end_ns: int = 0
        self.trace_state: TraceState | None = trace_state
        self.is_parent_remote = is_parent_remote
        self.events: list[tuple[str, int, dict[str, Any]]] | None = None
        self.dropped_events: int = 0
        self.links: list[tuple[SpanContext, dict[str, Any]]] | None = None
        self.status_code: int = 0
        self.status_message: str | None = None

    def get_span_context(self) -> SpanContext:
        """The identity of the span."""
        return SpanContext(
            self.trace_id, self.span_id, False, _SAMPLED, self.trace_state or TraceState()
        )

    def is_recording(self) -> bool:
        """Whether the span is still open."""
        return self.end_ns == 0

    def end(self, end_time: int | None = None) -> None:
        """End the span and hand it on; a second end changes nothing."""
        if self.end_ns == 0:
            self.end_ns = end_time or source.current.now_ns()
            self._sink(self)

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        """Set one attribute; values that are no attribute values are left out."""
        if self.end_ns == 0 and (clean := _clean(value)) is not None:
            self.attributes[key] = clean

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Set several attributes."""
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def add_event(
        self, name: str, attributes: Attributes = None, timestamp: int | None = None
    ) -> None:
        """Add an event; from the 129th on they are only counted."""
        if self.end_ns:
            return
        if self.events is None:
            self.events = []
        if len(self.events) >= _MAX_EVENTS:
            self.dropped_events += 1
            return
        clean = _clean_all(attributes)
        self.events.append((name, timestamp or source.current.now_ns(), clean))

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        """Link the span to another one."""
        if self.end_ns == 0:
            if self.links is None:
                self.links = []
            self.links.append((context, _clean_all(attributes)))

    def update_name(self, name: str) -> None:
        """Rename the span."""
        if self.end_ns == 0:
            self.name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Set the status; OK is final and UNSET never replaces another (OTel API, Set Status)."""
        code = status.status_code if isinstance(status, Status) else status
        message = status.description if isinstance(status, Status) else description
        if self.end_ns or self.status_code == StatusCode.OK.value or code is StatusCode.UNSET:
            return
        self.status_code = code.value
        self.status_message = message if code is StatusCode.ERROR else None

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Add an `exception` event."""
        self.add_event(
            "exception", {**describe(exception, _PLAIN), **(attributes or {})}, timestamp
        )


def _clean(value: object) -> Any:
    if type(value) in _VALUE_TYPES:
        return value
    if isinstance(value, _VALUE_TYPES):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Sequence):
        return tuple(item for item in value if isinstance(item, _VALUE_TYPES))
    return None


def _clean_all(attributes: Attributes) -> dict[str, Any]:
    if not attributes:
        return {}
    cleaned = {key: _clean(value) for key, value in attributes.items()}
    return {key: value for key, value in cleaned.items() if value is not None}

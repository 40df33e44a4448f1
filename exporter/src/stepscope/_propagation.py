"""Carrying an execution to another process: HTTP headers, messages, environment variables.

W3C Trace Context carries trace and span, W3C Baggage the ids of execution and root. In the other
process steps belong to the same execution and workflows are its children.
"""

import contextlib
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Final, NamedTuple

from opentelemetry import baggage, propagate, trace
from opentelemetry import context as otel_context
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace import SpanContext
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from stepscope._frames import FRAME_KEY, Execution, current_frame, detach, guarded
from stepscope._ids import source
from stepscope._spans import SPAN_KEY
from stepscope._state import state

__all__ = [
    "ENVIRONMENT_KEYS",
    "RemoteExecution",
    "Resumable",
    "extract",
    "inject",
    "remote_context",
    "resumable",
]

ENVIRONMENT_KEYS: Final = ("TRACEPARENT", "TRACESTATE", "BAGGAGE")
"""Names of the variables that carry a context (OpenTelemetry, environment variable carriers)."""

_ID: Final = "workflow.execution.id"
_ROOT: Final = "stepscope.execution.root_id"
_W3C: Final = CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()])


class RemoteExecution(Execution):
    """An execution that runs in another process; here only its identity is known."""

    def __init__(self, base: Context, execution_id: str, root_id: str, name: str = "") -> None:
        # No span is started here, so nothing of Frame.__init__ applies.
        self.id = execution_id
        self.root_id = root_id
        self.parent_id = None
        self.name = name
        self.parent = None
        self.spec = None
        self.identity = {}
        self.start_ns = source.current.now_ns()
        self.is_open = True
        self.is_recording = False
        self.span = trace.get_current_span(base)
        self._forced = self._reason = None
        self._live = None
        self._recorder = state.recorder
        self._base = base
        self.token = None
        self.context = Context({**base, SPAN_KEY: self.span, FRAME_KEY: self})

    def next_index(self) -> int | None:
        """None: only the execution's own process counts its steps."""
        return None


def inject(carrier: MutableMapping[str, str] | None = None) -> MutableMapping[str, str]:
    """Put the current execution and step into headers, and return them.

    The receiver uses `extract`, or nothing: then the trace alone connects the two.
    """
    carrier = {} if carrier is None else carrier
    try:
        context = otel_context.get_current()
        frame = current_frame(context)
        if frame is not None:
            context = baggage.set_baggage(_ID, frame.execution.id, context)
            context = baggage.set_baggage(_ROOT, frame.execution.root_id, context)
        propagate.inject(carrier, context)
        _W3C.inject(carrier, context)
    except Exception as error:  # noqa: BLE001 - never into the watched program
        guarded(error)
    return carrier


@contextlib.contextmanager
def extract(carrier: Mapping[str, str]) -> Iterator[None]:
    """Continue the execution that `inject` put into these headers, inside the block.

    Headers without one change nothing. Names are compared without case.
    """
    token = None
    try:
        context = remote_context(carrier, otel_context.get_current())
        if context is not None:
            token = otel_context.attach(context)
    except Exception as error:  # noqa: BLE001 - never into the watched program
        guarded(error)
    try:
        yield
    finally:
        detach(token)


def remote_context(carrier: Mapping[str, str], base: Context) -> Context | None:
    """The context that the carrier describes; None when it carries none."""
    lower = {str(key).lower(): str(value) for key, value in carrier.items()}
    context = _W3C.extract(lower, base)
    if not trace.get_current_span(context).get_span_context().is_valid:
        return None
    execution_id = baggage.get_baggage(_ID, context)
    root_id = baggage.get_baggage(_ROOT, context)
    if not isinstance(execution_id, str):
        return context
    context = baggage.remove_baggage(_ROOT, baggage.remove_baggage(_ID, context))
    remote = RemoteExecution(context, execution_id, str(root_id or execution_id))
    return remote.context


class Resumable(NamedTuple):
    """Where an execution was left to wait."""

    execution_id: str | None
    span: SpanContext


def resumable(carrier: Mapping[str, str]) -> Resumable | None:
    """What the headers of `inject` say of it; None when they carry no context."""
    try:
        lower = {str(key).lower(): str(value) for key, value in carrier.items()}
        context = _W3C.extract(lower, Context())
        span = trace.get_current_span(context).get_span_context()
        execution_id = baggage.get_baggage(_ID, context)
        if span.is_valid:
            return Resumable(execution_id if isinstance(execution_id, str) else None, span)
    except Exception as error:  # noqa: BLE001 - never into the watched program
        guarded(error)
    return None

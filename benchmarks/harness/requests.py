"""Ready-made OTLP trace requests of four shapes, the same for the same seed."""

import math
import random
from collections.abc import Callable
from typing import Any, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

__all__ = [
    "RANDOM_BYTES", "SEED", "SHAPES", "START_NS", "foreign", "own", "payloads", "resources",
]  # fmt: skip

SEED: Final = 20261120
START_NS: Final = 1_795_000_000_000_000_000
SPANS_PER_EXECUTION: Final = 10


def own(rng: random.Random, spans: int, start_ns: int) -> bytes:
    """The SDK's spans, 8 attributes: executions of a root span and nine steps."""
    return _own(rng, spans, start_ns, body="")


def payloads(rng: random.Random, spans: int, start_ns: int) -> bytes:
    """The same, and each step carries an input of 4 KB."""
    return _own(rng, spans, start_ns, body="x" * 4000)


def foreign(rng: random.Random, spans: int, start_ns: int) -> bytes:
    """Spans of an instrumentation that no profile knows, 30 attributes of four types."""
    request = ExportTraceServiceRequest()
    scope_spans = _envelope(request, "shop", "acme.http")
    for number in range(spans):
        span = _span(scope_spans, rng, number, start_ns, number // SPANS_PER_EXECUTION)
        span.name = f"GET /orders/{number % 20}"
        for key in range(20):
            _attribute(span, f"http.header.h{key}", f"value {rng.randrange(50)}")
        for key in range(6):
            _attribute(span, f"net.count{key}", rng.randrange(1 << 20))
        for key in range(2):
            span.attributes.add(key=f"acme.flag{key}").value.bool_value = rng.random() < 0.5
            span.attributes.add(key=f"acme.share{key}").value.double_value = rng.random()
    return request.SerializeToString()


def resources(rng: random.Random, spans: int, start_ns: int) -> bytes:
    """The spans of `own`, each under a resource of its own, as some gateways send them."""
    together = ExportTraceServiceRequest.FromString(own(rng, spans, start_ns))
    request = ExportTraceServiceRequest()
    whole = together.resource_spans[0]
    for number, span in enumerate(whole.scope_spans[0].spans):
        resource_spans = request.resource_spans.add(resource=whole.resource)
        _attribute(resource_spans.resource, "host.name", f"host-{number % 50}")
        scope_spans = resource_spans.scope_spans.add(scope=whole.scope_spans[0].scope)
        scope_spans.spans.append(span)
    return request.SerializeToString()


SHAPES: Final[dict[str, Callable[[random.Random, int, int], bytes]]] = {
    each.__name__: each for each in (own, foreign, payloads, resources)
}


_DURATION: Final = math.log2(math.e * 1e8)
"""Bits of a duration: the entropy of an exponential distribution with a mean of 1e8 ns."""
_OWN: Final = (
    64 + math.log2(40_000) + _DURATION
    + (128 + 76 + math.log2(200 * 2 * 1000)) / SPANS_PER_EXECUTION
    + math.log2(100_000 * 3) * (SPANS_PER_EXECUTION - 1) / SPANS_PER_EXECUTION
) / 8  # fmt: skip
_FOREIGN: Final = (64 + _DURATION + 20 * math.log2(50) + 6 * 20 + 2 + 2 * 53) / 8
RANDOM_BYTES: Final = {"own": _OWN, "foreign": _FOREIGN, "payloads": _OWN, "resources": _OWN}
"""What is drawn at random of a span, by shape: bytes that nothing can store it in fewer of."""


def _own(rng: random.Random, spans: int, start_ns: int, body: str) -> bytes:
    request = ExportTraceServiceRequest()
    scope_spans = _envelope(request, "billing", "stepscope")
    for number in range(spans):
        place = number % SPANS_PER_EXECUTION
        if place == 0:
            trace_id, root_id = rng.randbytes(16), rng.randbytes(8)
            execution_id = str(_uuid7(rng, start_ns))
            workflow = f"workflow-{rng.randrange(200)}"
        span = scope_spans.spans.add()
        span.trace_id = trace_id
        span.kind = 1
        span.start_time_unix_nano = start_ns + number * 50_000 + rng.randrange(40_000)
        span.end_time_unix_nano = span.start_time_unix_nano + int(rng.expovariate(1e-8))
        _attribute(span, "workflow.execution.id", execution_id)
        if place == 0:
            span.span_id, span.name = root_id, workflow
            _attribute(span, "stepscope.span.role", "execution")
            _attribute(span, "workflow.name", workflow)
            _attribute(span, "workflow.version", "1.4.2")
            _attribute(span, "workflow.trigger.type", rng.choice(["schedule", "webhook"]))
            _attribute(span, "stepscope.project", "shop")
            _attribute(span, "enduser.id", f"user-{rng.randrange(1000)}")
            _attribute(span, "workflow.execution.outcome", "success")
        else:
            span.span_id, span.parent_span_id = rng.randbytes(8), root_id
            span.name = f"step {place}"
            _attribute(span, "stepscope.span.role", "step")
            _attribute(span, "workflow.task.name", span.name)
            _attribute(span, "workflow.task.type", "function")
            _attribute(span, "workflow.task.outcome", "success")
            _attribute(span, "stepscope.step.index", place - 1)
            _attribute(span, "order.id", str(rng.randrange(100_000)))
            _attribute(span, "region", rng.choice(["eu", "us", "ap"]))
            if body:
                _attribute(span, "stepscope.input", f'"{body}"')
    return request.SerializeToString()


def _envelope(request: ExportTraceServiceRequest, service: str, scope: str) -> Any:
    resource_spans = request.resource_spans.add()
    _attribute(resource_spans.resource, "service.name", service)
    _attribute(resource_spans.resource, "telemetry.sdk.language", "python")
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name = scope
    scope_spans.scope.version = "0.1.0"
    return scope_spans


def _span(scope_spans: Any, rng: random.Random, number: int, start_ns: int, trace: int) -> Any:
    start = start_ns + number * 50_000
    return scope_spans.spans.add(
        trace_id=(start_ns << 32 | trace).to_bytes(16),
        span_id=rng.randbytes(8),
        kind=2,
        start_time_unix_nano=start,
        end_time_unix_nano=start + int(rng.expovariate(1e-8)),
    )


def _attribute(holder: Any, key: str, value: str | int) -> None:
    attribute = holder.attributes.add()
    attribute.key = key
    if isinstance(value, int):
        attribute.value.int_value = value
    else:
        attribute.value.string_value = value


def _uuid7(rng: random.Random, at_ns: int) -> str:
    number = (at_ns // 1_000_000 << 80) | 0x7 << 76 | rng.getrandbits(76)
    text = f"{number:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

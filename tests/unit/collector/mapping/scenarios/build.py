"""Spans of scenarios as trees, and what is to be found in them.

A trace is written as it looks: a span, its attributes, the spans below it. Times follow from the
order: a span begins after the one before it and ends after those below it, unless told else.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

__all__ = ["Scenario", "execution", "requests", "s", "step", "trace", "trace_hex"]

T0 = 1_795_000_000_000_000_000
MS = 1_000_000
INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5
_STATUS = {"unset": 0, "ok": 1, "error": 2}


@dataclass
class Told:
    """One span; times in ms after T0."""

    name: str
    below: "tuple[Told, ...]"
    attributes: dict[str, Any]
    kind: int
    status: str
    message: str
    at: float | None
    lasts: float | None
    is_open: bool
    events: Sequence[tuple[Any, ...]]
    links: Sequence[tuple[Any, ...]]
    scope: str | None
    resource: dict[str, Any] | None
    key: str | None
    below_unknown: str | None
    start: float = 0
    end: float = 0


def s(
    name: str,
    attributes: dict[str, Any] | None = None,
    *below: Told,
    kind: int = INTERNAL,
    status: str = "unset",
    message: str = "",
    at: float | None = None,
    lasts: float | None = None,
    is_open: bool = False,
    events: Sequence[tuple[Any, ...]] = (),
    links: Sequence[tuple[Any, ...]] = (),
    scope: str | None = None,
    resource: dict[str, Any] | None = None,
    key: str | None = None,
    below_unknown: str | None = None,
) -> Told:
    """A span.

    Args:
        name: of the span.
        attributes: text, numbers, truth values, lists, dicts, None.
        below: its children, in the order they begin.
        kind: 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
        status: unset, ok or error.
        message: of the status.
        at: when it begins; default: after what came before.
        lasts: how long; default: until those below it have ended.
        is_open: it has no end.
        events: name, attributes and, if told, when.
        links: name of the trace, key of the span there (None: no span), attributes.
        scope: where it differs from the trace's.
        resource: attributes, where they differ from the trace's.
        key: says its span id; default: where it stands. Two spans of one key share the id.
        below_unknown: its parent is a span of this key that never comes (of another trace: trace/key).
    """
    return Told(
        name, below, attributes or {}, kind, status, message, at, lasts, is_open, events, links,
        scope, resource, key, below_unknown,
    )  # fmt: skip


@dataclass
class Trace:
    """Spans of one trace."""

    name: str
    scope: str
    roots: tuple[Told, ...]
    resource: dict[str, Any]
    at: float


def trace(
    name: str, scope: str, *roots: Told, resource: dict[str, Any] | None = None, at: float = 0
) -> Trace:
    """A trace whose id derives from its name, which no other scenario may have; `at` in ms after T0."""
    return Trace(name, scope, roots, resource or {"service.name": "shop"}, at)


@dataclass
class Scenario:
    """Traces, and the executions in them in the words of expected.json."""

    traces: tuple[Trace, ...]
    wanted: list[dict[str, Any]] = field(default_factory=list)


def execution(
    name: str, id_: str, status: str, *steps: dict[str, Any], **more: Any
) -> dict[str, Any]:
    """An execution as it is to be found."""
    return {"name": name, "id": id_, "status": status, "steps": list(steps), **more}


def step(name: str, status: str = "success", attempts: int = 1, **more: Any) -> dict[str, Any]:
    """A step as it is to be found."""
    return {"name": name, "status": status, "attempts": attempts, **more}


def trace_hex(name: str) -> str:
    """The id of the trace of that name."""
    return _id(name).hex()


def span_hex(trace_name: str, key: str) -> str:
    """The id of the span of that key."""
    return _id(f"{trace_name}/{key}")[:8].hex()


def requests(scenario: Scenario) -> list[ExportTraceServiceRequest]:
    """Each span of a scenario as a request of its own."""
    made = []
    for one in scenario.traces:
        after = one.at
        for number, root in enumerate(one.roots):
            after = _place(root, after)
            made += _sent(one, root, None, str(number))
    return made


def _place(told: Told, after: float) -> float:
    told.start = after if told.at is None else told.at
    ended = told.start + 1
    for below in told.below:
        ended = _place(below, ended)
    told.end = ended + 1 if told.lasts is None else told.start + told.lasts
    return max(ended, told.end) + 1


def _sent(one: Trace, told: Told, parent: bytes | None, place: str) -> Any:
    own = _id(f"{one.name}/{told.key or place}")[:8]
    if told.below_unknown:
        parent = _id(f"{one.name}/{told.below_unknown}")[:8]
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    resource_spans.resource.attributes.extend(_attributes(told.resource or one.resource))
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name = one.scope if told.scope is None else told.scope
    span = scope_spans.spans.add(
        trace_id=_id(one.name),
        span_id=own,
        parent_span_id=parent or b"",
        name=told.name,
        kind=told.kind,
        start_time_unix_nano=_nano(told.start),
        end_time_unix_nano=0 if told.is_open else _nano(told.end),
        attributes=_attributes(told.attributes),
    )
    span.status.code = _STATUS[told.status]
    span.status.message = told.message
    for name, attributes, *when in told.events:
        at = when[0] if when else told.end
        span.events.add(name=name, time_unix_nano=_nano(at), attributes=_attributes(attributes))
    for trace_name, key, attributes in told.links:
        span.links.append(
            Span.Link(
                trace_id=_id(trace_name),
                span_id=_id(f"{trace_name}/{key}")[:8] if key else b"",
                attributes=_attributes(attributes),
            )
        )
    yield request
    for number, below in enumerate(told.below):
        yield from _sent(one, below, own, f"{place}.{number}")


def _nano(ms: float) -> int:
    return T0 + round(ms * MS)


def _id(name: str) -> bytes:
    return hashlib.md5(name.encode(), usedforsecurity=False).digest()


def _attributes(values: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in values.items()]


def _value(value: Any) -> AnyValue:
    made = AnyValue()
    if isinstance(value, bool):
        made.bool_value = value
    elif isinstance(value, int):
        made.int_value = value
    elif isinstance(value, float):
        made.double_value = value
    elif isinstance(value, str):
        made.string_value = value
    elif isinstance(value, list):
        made.array_value.values.extend(_value(each) for each in value)
    elif isinstance(value, dict):
        made.kvlist_value.values.extend(_attributes(value))
    return made

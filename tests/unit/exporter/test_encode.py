"""OTLP bytes, compared with the stock encoder's."""

from inspect import signature

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common._internal import _encode_value
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags, TraceState
from opentelemetry.trace.status import Status, StatusCode

from stepscope._encode import any_value
from stepscope._pipeline import SpanEncoder
from stepscope._sdk import SdkEncoder
from stepscope._sender import Limits
from stepscope._spans import LightSpan

I64 = st.integers(-(2**63), 2**63 - 1)
U64 = st.integers(0, 2**64 - 1)
TEXT = st.text(max_size=30) | st.text(max_size=5).map(lambda t: t * 60)
SCALAR = TEXT | st.booleans() | I64 | st.floats(allow_nan=False)
VALUE = SCALAR | st.lists(TEXT, max_size=4).map(tuple) | st.lists(I64, max_size=4).map(tuple)
ATTRIBUTES = st.dictionaries(st.text(min_size=1, max_size=20), VALUE, max_size=6)
STATE = st.sampled_from([None, TraceState([("a", "1"), ("b", "2")])])
CONTEXT = st.builds(
    SpanContext, st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.booleans(),
    st.just(TraceFlags(1)), STATE,
)  # fmt: skip
# The stock encoder leaves out the trace state of links; ours sends it.
LINKED = st.builds(
    SpanContext,
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.booleans(),
    st.just(TraceFlags(1)),
)
RESOURCE = st.builds(Resource, ATTRIBUTES, st.sampled_from(["", "https://schema/1"]))
SCOPE = st.builds(
    InstrumentationScope,
    TEXT,
    st.sampled_from([None, "1.0"]),
    st.sampled_from(["", "https://s/2"]),
    ATTRIBUTES,
)
STATUS = st.builds(Status, st.just(StatusCode.ERROR), TEXT) | st.builds(
    Status, st.sampled_from([StatusCode.UNSET, StatusCode.OK])
)
SPAN = st.builds(
    ReadableSpan, name=TEXT, context=CONTEXT, parent=st.none() | CONTEXT, resource=RESOURCE,
    attributes=ATTRIBUTES, kind=st.sampled_from(SpanKind), instrumentation_scope=SCOPE,
    events=st.lists(st.builds(Event, TEXT, ATTRIBUTES, U64), max_size=3),
    links=st.lists(st.builds(Link, LINKED, ATTRIBUTES), max_size=3),
    status=STATUS, start_time=U64, end_time=U64,
)  # fmt: skip

# The stock encoder of the oldest version allowed takes null for an error; ours encodes it.
NULL = st.nothing() if "allow_null" in signature(_encode_value).parameters else st.none()


def canonical(request):
    """Every span with its resource and scope, order of groups left out."""
    found = []
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            where = (
                resource.resource.SerializeToString(deterministic=True), resource.schema_url,
                scope.scope.SerializeToString(deterministic=True), scope.schema_url,
            )  # fmt: skip
            found += [(*where, span.SerializeToString(deterministic=True)) for span in scope.spans]
    return sorted(found)


def decoded(body: bytes) -> ExportTraceServiceRequest:
    return ExportTraceServiceRequest.FromString(body)


@given(st.lists(SPAN, max_size=5))
def test_requests_decode_equal_to_the_stock_encoders(spans):
    """issue #3: byte-equal in meaning to the stock encoder."""
    queue = list(reversed(spans))
    encoder = SpanEncoder({}, ("stepscope", "1"), SdkEncoder())
    body, count = encoder(queue.pop, Limits())
    assert count == len(spans)
    assert canonical(decoded(body)) == canonical(encode_spans(spans))


@given(
    TEXT, st.integers(1, 2**128 - 1), st.none() | st.integers(1, 2**64 - 1), ATTRIBUTES, U64, U64, STATE,
    st.booleans(), st.lists(st.tuples(TEXT, U64, ATTRIBUTES), max_size=2), st.lists(st.tuples(LINKED, ATTRIBUTES), max_size=2),
    STATUS,
)  # fmt: skip
def test_light_spans_decode_like_the_same_span_of_the_sdk(
    name, trace_id, parent_id, attributes, start, end, trace_state, is_remote, events, links, status
):
    """issue #3: the light recorder's spans mean the same."""
    light = LightSpan(
        lambda _: None, name, trace_id, parent_id, dict(attributes), start, trace_state, is_remote
    )
    light.end_ns = end
    light.events = events or None
    light.links = links or None
    light.status_code = status.status_code.value
    light.status_message = status.description
    parent = None
    if parent_id is not None:
        parent = SpanContext(trace_id, parent_id, is_remote, TraceFlags(1), trace_state)
    stock = ReadableSpan(
        name=name, context=light.get_span_context(), parent=parent, resource=Resource({"r": 1}),
        attributes=attributes, instrumentation_scope=InstrumentationScope("stepscope", "1"),
        events=[Event(n, a, t) for n, t, a in events], links=[Link(c, a) for c, a in links],
        status=status, start_time=start, end_time=end,
    )  # fmt: skip
    body, _ = SpanEncoder({"r": 1}, ("stepscope", "1"))([light].pop, Limits())
    expected = encode_spans([stock])
    if parent is None and is_remote:
        expected.resource_spans[0].scope_spans[0].spans[0].flags |= 0x200
    assert canonical(decoded(body)) == canonical(expected)


@given(
    st.recursive(
        SCALAR | NULL | st.binary(),
        lambda v: st.lists(v) | st.dictionaries(st.text(), v),
        max_leaves=10,
    )
)
def test_any_values_of_every_kind_decode_equal(value):
    """OTLP: common.proto AnyValue."""
    assert AnyValue.FromString(any_value(value)) == _encode_value(value)


def test_requests_end_at_their_limits():
    """issue #3: requests sized by bytes."""

    def spans(n):
        return [
            LightSpan(lambda _: None, "s", 1, None, {"k": "x" * 1000}, 1, None, False)
            for _ in range(n)
        ]

    encoder = SpanEncoder({}, ("stepscope", "1"))
    assert encoder(spans(100).pop, Limits(batch_bytes=10_000))[1] == 10
    assert encoder(spans(100).pop, Limits(batch_items=7))[1] == 7
    assert encoder([].pop, Limits()) == (b"", 0)


def test_lone_surrogates_and_odd_values_never_stop_a_request():
    """issue #3: no exception."""
    light = LightSpan(
        lambda _: None, "a\ud800", 1, None, {"k\ud800": "v\ud800", "o": object()}, -1, None, False
    )
    body, _ = SpanEncoder({}, ("stepscope", "1"))([light].pop, Limits())
    span = decoded(body).resource_spans[0].scope_spans[0].spans[0]
    assert span.name == "a?"
    assert span.attributes[0].value.string_value == "v?"

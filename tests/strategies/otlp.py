"""OTLP requests as senders make them, and as they should not.

`messages` gives any message field by field; here the fields are likely ones, so that the rare
meets the common: ids that are nearly right, keys of our own registry with right and wrong types,
keys that stand twice, times at the ends of 64 bits, text beyond the BMP and with NUL, values that
are too large for a row.
"""

from typing import Any

from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1 import common_pb2 as common
from opentelemetry.proto.logs.v1 import logs_pb2 as logs
from opentelemetry.proto.metrics.v1 import metrics_pb2 as metrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2 as trace

from stepscope_schema.attributes import ATTRIBUTES, HOMES
from tests.strategies.messages import messages

__all__ = ["any_values", "attributes", "log_requests", "metric_requests", "trace_requests"]

texts = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=8),
    st.sampled_from(["", "\0", "a\0b", "𝄞", "👩‍💻 ünï", '"', "\\", "null", "{}", "NaN", "0"]),
)
_large_texts = st.sampled_from(["x" * 8192, "x" * 8193, "€" * 9000, "𝄞\0" * 6000, "y" * 70_000])
_int64s = st.one_of(
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.sampled_from([0, 1, -1, (1 << 31) - 1, 1 << 31, -(1 << 31), -(1 << 31) - 1, 1 << 53]),
)
_times = st.one_of(
    st.sampled_from([0, 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]),
    st.integers(1_700_000_000_000_000_000, 1_800_000_000_000_000_000),
)
_uint32s = st.one_of(st.just(0), st.integers(0, (1 << 32) - 1))
_uint64s = st.one_of(st.just(0), st.integers(0, (1 << 64) - 1))
_enums = st.one_of(st.integers(0, 5), st.sampled_from([99, -1, (1 << 31) - 1, -(1 << 31)]))


def _ids(length: int) -> st.SearchStrategy[bytes]:
    """Nearly always ids: a span needs three good ones to be stored."""
    good = st.binary(min_size=length, max_size=length)
    odd = st.one_of(
        st.sampled_from([b"", bytes(length), b"\xff" * length, b"\x80" + bytes(length - 1)]),
        st.binary(max_size=length + 1),
    )
    return st.one_of(*[good] * 9, odd)


_scalar_values = st.one_of(
    st.just(common.AnyValue()),
    texts.map(lambda text: common.AnyValue(string_value=text)),
    st.booleans().map(lambda flag: common.AnyValue(bool_value=flag)),
    _int64s.map(lambda number: common.AnyValue(int_value=number)),
    st.floats().map(lambda number: common.AnyValue(double_value=number)),
    st.binary(max_size=5).map(lambda data: common.AnyValue(bytes_value=data)),
    # string_value_strindex; written as bytes because older protobuf classes do not know the field
    st.integers(0, 127).map(lambda index: common.AnyValue.FromString(bytes([0x40, index]))),
)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    pairs = st.builds(common.KeyValue, key=texts, value=inner)
    return st.one_of(
        st.lists(inner, max_size=3).map(
            lambda values: common.AnyValue(array_value=common.ArrayValue(values=values))
        ),
        st.lists(pairs, max_size=3).map(
            lambda found: common.AnyValue(kvlist_value=common.KeyValueList(values=found))
        ),
    )


any_values = st.recursive(_scalar_values, _nested, max_leaves=6)
"""Every kind of AnyValue, also inside each other."""

_RIGHT_TYPES = {
    "string": texts,
    "json": st.one_of(texts, st.just('{"a": 1}'), _large_texts),
    "string[]": texts,
}


def _known(attribute: Any) -> st.SearchStrategy[Any]:
    """A key of the registry, with a value of its type or of any other."""
    match attribute.type:
        case "int":
            right = _int64s.map(lambda number: common.AnyValue(int_value=number))
        case "bool":
            right = st.booleans().map(lambda flag: common.AnyValue(bool_value=flag))
        case "double":
            right = st.floats().map(lambda number: common.AnyValue(double_value=number))
        case kind:
            right = _RIGHT_TYPES[kind].map(lambda text: common.AnyValue(string_value=text))
    value = st.one_of(right, right, right, any_values)
    return st.builds(common.KeyValue, key=st.just(attribute.key), value=value)


def _with_key_strindex(value: common.AnyValue) -> common.KeyValue:
    pair = common.KeyValue.FromString(b"\x18\x05")
    pair.value.CopyFrom(value)
    return pair


_key_values = st.one_of(
    st.builds(common.KeyValue, key=texts, value=any_values),
    st.builds(common.KeyValue, key=st.sampled_from(["a", "b", "http.route"]), value=any_values),
    st.builds(common.KeyValue, key=st.sampled_from(["a", "large"]), value=_large_texts.map(
        lambda text: common.AnyValue(string_value=text)
    )),
    any_values.map(_with_key_strindex),
)  # fmt: skip
_known_key_values = st.one_of([_known(attribute) for attribute in ATTRIBUTES])
_homed_key_values = st.one_of([_known(attribute) for attribute in HOMES.values()])

attributes = st.lists(_key_values, max_size=4)
"""Attributes as anyone sends them; keys may repeat."""

_own_attributes = st.lists(
    st.one_of(_key_values, _known_key_values, *[_homed_key_values] * 3), max_size=8
)

_resources = st.one_of(
    st.just(Resource()),
    st.sampled_from(["billing", "shop"]).map(
        lambda name: Resource(
            attributes=[
                common.KeyValue(key="service.name", value=common.AnyValue(string_value=name))
            ]
        )
    ),
    st.builds(
        Resource, attributes=_own_attributes, dropped_attributes_count=_uint32s,
        entity_refs=st.lists(messages(common.EntityRef), max_size=1),
    ),
)  # fmt: skip
_scopes = st.one_of(
    st.just(common.InstrumentationScope()),
    *[st.just(common.InstrumentationScope(name="stepscope", version="1"))] * 3,
    st.builds(
        common.InstrumentationScope, name=texts, version=texts, attributes=attributes,
        dropped_attributes_count=_uint32s,
    ),
)  # fmt: skip
_schema_urls = st.sampled_from(["", "", "https://opentelemetry.io/schemas/1.37.0", "ü"])

_events = st.builds(
    trace.Span.Event, time_unix_nano=_times, name=st.one_of(texts, st.just("exception")),
    attributes=attributes, dropped_attributes_count=_uint32s,
)  # fmt: skip
_links = st.builds(
    trace.Span.Link, trace_id=_ids(16), span_id=_ids(8), trace_state=texts, attributes=attributes,
    dropped_attributes_count=_uint32s, flags=_uint32s,
)  # fmt: skip
_spans = st.builds(
    trace.Span, trace_id=_ids(16), span_id=_ids(8), parent_span_id=_ids(8), trace_state=texts,
    flags=_uint32s, name=texts, kind=_enums, start_time_unix_nano=_times,
    end_time_unix_nano=_times, attributes=_own_attributes, dropped_attributes_count=_uint32s,
    events=st.lists(_events, max_size=2), dropped_events_count=_uint32s,
    links=st.lists(_links, max_size=2), dropped_links_count=_uint32s,
    status=st.one_of(st.none(), st.builds(trace.Status, code=_enums, message=texts)),
)  # fmt: skip

_log_records = st.builds(
    logs.LogRecord, time_unix_nano=_times, observed_time_unix_nano=_times, severity_number=_enums,
    severity_text=texts, event_name=texts, body=st.one_of(st.none(), any_values),
    attributes=_own_attributes, dropped_attributes_count=_uint32s, flags=_uint32s,
    trace_id=_ids(16), span_id=_ids(8),
)  # fmt: skip

_optional_doubles = st.one_of(st.none(), st.floats())
_exemplars = st.lists(messages(metrics.Exemplar), max_size=2)
_point = {
    "attributes": _own_attributes, "start_time_unix_nano": _times, "time_unix_nano": _times,
    "flags": _uint32s,
}  # fmt: skip
_values = st.one_of(
    st.just({}),
    st.floats().map(lambda value: {"as_double": value}),
    _int64s.map(lambda value: {"as_int": value}),
)
_number_points = st.builds(
    lambda value, fields: metrics.NumberDataPoint(**value, **fields),
    _values, st.fixed_dictionaries({**_point, "exemplars": _exemplars}),
)  # fmt: skip
_distribution = {
    **_point, "count": _uint64s, "sum": _optional_doubles, "min": _optional_doubles,
    "max": _optional_doubles, "exemplars": _exemplars,
}  # fmt: skip
_counts = st.lists(_uint64s, max_size=3)
_histogram_points = st.builds(
    metrics.HistogramDataPoint, **_distribution, bucket_counts=_counts,
    explicit_bounds=st.lists(st.floats(), max_size=3),
)  # fmt: skip
_buckets = st.one_of(st.none(), st.builds(
    metrics.ExponentialHistogramDataPoint.Buckets,
    offset=st.integers(-(1 << 31), (1 << 31) - 1), bucket_counts=_counts,
))  # fmt: skip
_exponential_points = st.builds(
    metrics.ExponentialHistogramDataPoint, **_distribution, scale=st.integers(-10, 20),
    zero_count=_uint64s, zero_threshold=st.floats(), positive=_buckets, negative=_buckets,
)  # fmt: skip
_summary_points = st.builds(
    metrics.SummaryDataPoint, **_point, count=_uint64s, sum=st.floats(),
    quantile_values=st.lists(
        messages(metrics.SummaryDataPoint.ValueAtQuantile), max_size=2
    ),
)  # fmt: skip


def _data(kind: str, message: Any, points: st.SearchStrategy[Any], **fields: Any) -> Any:
    built = st.builds(message, data_points=st.lists(points, max_size=3), **fields)
    return built.map(lambda data: {kind: data})


_metrics = st.builds(
    lambda data, fields: metrics.Metric(**data, **fields),
    st.one_of(
        st.just({}),
        _data("gauge", metrics.Gauge, _number_points),
        _data("sum", metrics.Sum, _number_points, aggregation_temporality=_enums,
              is_monotonic=st.booleans()),
        _data("histogram", metrics.Histogram, _histogram_points, aggregation_temporality=_enums),
        _data("exponential_histogram", metrics.ExponentialHistogram, _exponential_points,
              aggregation_temporality=_enums),
        _data("summary", metrics.Summary, _summary_points),
    ),
    st.fixed_dictionaries({
        "name": st.one_of(texts, st.just("m")), "description": texts, "unit": texts,
        "metadata": attributes,
    }),
)  # fmt: skip

log_requests = st.builds(
    ExportLogsServiceRequest,
    resource_logs=st.lists(st.builds(
        logs.ResourceLogs, resource=_resources, schema_url=_schema_urls,
        scope_logs=st.lists(st.builds(
            logs.ScopeLogs, scope=_scopes, schema_url=_schema_urls,
            log_records=st.lists(_log_records, max_size=3),
        ), max_size=2),
    ), max_size=3),
)  # fmt: skip

metric_requests = st.builds(
    ExportMetricsServiceRequest,
    resource_metrics=st.lists(st.builds(
        metrics.ResourceMetrics, resource=_resources, schema_url=_schema_urls,
        scope_metrics=st.lists(st.builds(
            metrics.ScopeMetrics, scope=_scopes, schema_url=_schema_urls,
            metrics=st.lists(_metrics, max_size=3),
        ), max_size=2),
    ), max_size=3),
)  # fmt: skip


def _without_repeated_ids(request: Any) -> Any:
    """Span ids are identities: what a repeated one means is the store's business."""
    seen = set()
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            kept = []
            for span in scope_spans.spans:
                if (span.trace_id, span.span_id) not in seen:
                    kept.append(span)
                seen.add((span.trace_id, span.span_id))
            del scope_spans.spans[:]
            scope_spans.spans.extend(kept)
    return request


trace_requests = st.builds(
    ExportTraceServiceRequest,
    resource_spans=st.lists(st.builds(
        trace.ResourceSpans, resource=_resources, schema_url=_schema_urls,
        scope_spans=st.lists(st.builds(
            trace.ScopeSpans, scope=_scopes, schema_url=_schema_urls,
            spans=st.lists(_spans, max_size=3),
        ), max_size=2),
    ), max_size=3),
).map(_without_repeated_ids)  # fmt: skip

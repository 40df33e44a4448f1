"""Every field of OTLP has a column, or a stated place (lossless storage, issue #2)."""

import pytest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from stepscope_schema.columns import relations

MESSAGES = (
    ResourceSpans, ScopeSpans, Span, Span.Event, Span.Link, Status, Resource, InstrumentationScope,
    ResourceLogs, ScopeLogs, LogRecord,
    metrics_pb2.ResourceMetrics, metrics_pb2.ScopeMetrics, metrics_pb2.Metric, metrics_pb2.Gauge,
    metrics_pb2.Sum, metrics_pb2.Histogram, metrics_pb2.ExponentialHistogram, metrics_pb2.Summary,
    metrics_pb2.NumberDataPoint, metrics_pb2.HistogramDataPoint,
    metrics_pb2.ExponentialHistogramDataPoint, metrics_pb2.ExponentialHistogramDataPoint.Buckets,
    metrics_pb2.SummaryDataPoint, metrics_pb2.SummaryDataPoint.ValueAtQuantile,
)  # fmt: skip

POINTS = ("Number", "Histogram", "ExponentialHistogram", "Summary")

# Fields without a column of their own name: the column that holds them, as schema.table.column.
ELSEWHERE = {
    # nesting is references: each row names its resource and scope
    **{f"Resource{signal}.resource": f"stored.{table}.resource_id" for signal, table in (
        ("Spans", "spans"), ("Logs", "log_records"), ("Metrics", "metric_points"))},
    **{f"Scope{signal}.scope": f"stored.{table}.scope_id" for signal, table in (
        ("Spans", "spans"), ("Logs", "log_records"), ("Metrics", "metric_points"))},
    **{f"Resource{signal}.scope_{signal.lower()}": f"stored.{table}.scope_id" for signal, table in (
        ("Spans", "spans"), ("Logs", "log_records"), ("Metrics", "metric_points"))},
    "ScopeSpans.spans": "stored.spans.span_id",
    "ScopeLogs.log_records": "stored.log_records.body",
    "ScopeMetrics.metrics": "stored.metric_points.name",
    # the schema_url of logs and metrics stands in the same dimension tables
    "ResourceLogs.schema_url": "stored.resources.schema_url",
    "ResourceMetrics.schema_url": "stored.resources.schema_url",
    "ScopeLogs.schema_url": "stored.scopes.schema_url",
    "ScopeMetrics.schema_url": "stored.scopes.schema_url",
    # a resource with entities is kept whole
    "Resource.entity_refs": "stored.resources.raw",
    "Span.status": "stored.spans.status_code",
    # the oneof of a metric is the type of the point, and each point is a row
    **{f"Metric.{field}": "stored.metric_points.type" for field in (
        "gauge", "sum", "histogram", "exponential_histogram", "summary")},
    **{f"{message}.data_points": "stored.metric_points.time_unix_nano" for message in (
        "Gauge", "Sum", "Histogram", "ExponentialHistogram", "Summary")},
    "Histogram.aggregation_temporality": "stored.metric_points.temporality",
    "ExponentialHistogram.aggregation_temporality": "stored.metric_points.temporality",
    # fields of a list of structs
    "ValueAtQuantile.quantile": "stored.metric_points.quantiles",
    "ValueAtQuantile.value": "stored.metric_points.quantiles",
    **{f"Event.{field}": "stored.spans.events" for field in (
        "time_unix_nano", "name", "attributes", "dropped_attributes_count")},
    **{f"Link.{field}": "stored.spans.links" for field in (
        "trace_id", "span_id", "trace_state", "attributes", "dropped_attributes_count", "flags")},
}  # fmt: skip

COLUMNS = {
    f"{r.schema}.{r.name}.{column.name}": column
    for r in relations()
    if r.schema == "stored"
    for column in r.columns
}
HELD = {field for column in COLUMNS.values() for field in column.otlp}
# DataPoint.x in a comment means the field x of every type of point that has one.
HELD |= {f"{point}{field}" for field in HELD if field.startswith("DataPoint.") for point in POINTS}

FIELDS = [
    f"{message.DESCRIPTOR.name}.{field.name}"
    for message in MESSAGES
    for field in message.DESCRIPTOR.fields
]


@pytest.mark.parametrize("field", FIELDS)
def test_every_otlp_field_has_a_column(field):
    """OTLP: whatever a message may carry is stored (issue #2, lossless)."""
    assert (field in HELD) != (field in ELSEWHERE)
    if field in ELSEWHERE:
        assert ELSEWHERE[field] in COLUMNS


@pytest.mark.parametrize(
    ("message", "column"),
    [
        (Span.Event, "stored.spans.events"),
        (Span.Link, "stored.spans.links"),
        (metrics_pb2.SummaryDataPoint.ValueAtQuantile, "stored.metric_points.quantiles"),
    ],
)
def test_struct_columns_have_every_field_of_their_message(message, column):
    """OTLP: events, links and quantiles lose nothing as structs."""
    fields = {field.name for field in message.DESCRIPTOR.fields}
    inside = COLUMNS[column].type.removeprefix("struct(").split(", ")
    assert fields <= {part.partition(" ")[0] for part in inside}


def test_stated_places_are_of_fields_that_exist():
    """ours: an exception for a field that is gone is removed."""
    assert set(ELSEWHERE) <= set(FIELDS)


def test_comments_name_no_field_that_otlp_does_not_have():
    """OTLP: a misspelt field in a comment would claim a coverage that is not there."""
    named = {field for field in HELD if not field.startswith("DataPoint.")}
    known = set(FIELDS)
    # not every type of point has every field that some of them share
    shared = {f for f in named if f.split(".")[0] in {f"{p}DataPoint" for p in POINTS}}
    assert named - shared <= known

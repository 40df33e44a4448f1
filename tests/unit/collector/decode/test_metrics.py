"""Data points as columns."""

import math
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb

from stepscope_collector.decode.batch import Batch, Plan
from stepscope_collector.decode.metrics import MAX_REPEATED_BYTES
from stepscope_schema.columns import relations
from stepscope_schema.rejections import REASONS
from tests.unit.collector.decode.rows import decode, rows_of

pytestmark = pytest.mark.usefixtures("decoder")


def _decode(*metrics: pb.Metric) -> Batch:
    request = ExportMetricsServiceRequest()
    request.resource_metrics.add().scope_metrics.add().metrics.extend(metrics)
    return decode(request, Plan())


def _filled(metric: pb.Metric) -> list[dict[str, Any]]:
    """The rows of a metric without what every row has, and without nulls."""
    common = {"resource_id", "scope_id", "attributes", "start_time_unix_nano", "time_unix_nano"}
    common |= {"flags", "name", "metadata"}
    return [
        {key: value for key, value in row.items() if value is not None and key not in common}
        for row in rows_of(_decode(metric))
    ]


def _pair(key: str, **value: object) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(**value))  # type: ignore[arg-type] # any field


def _gauge(*points: pb.NumberDataPoint, **fields: Any) -> pb.Metric:
    return pb.Metric(gauge=pb.Gauge(data_points=points), **fields)


EXEMPLAR = pb.Exemplar(
    as_double=1.5, time_unix_nano=3, span_id=b"odd", trace_id=b"t" * 16,
    filtered_attributes=[_pair("a", int_value=1)],
)  # fmt: skip
EXEMPLARS = pb.NumberDataPoint(exemplars=[EXEMPLAR, EXEMPLAR]).SerializeToString()


def test_what_every_point_has_stands_in_its_row() -> None:
    """OTLP: Metric and the fields all data points share."""
    point = pb.NumberDataPoint(
        start_time_unix_nano=1 << 63,
        time_unix_nano=(1 << 64) - 1,
        flags=1,
        as_int=-(1 << 63),
        attributes=[_pair("workflow.execution.id", string_value="e1"), _pair("n", int_value=2)],
    )
    batch = _decode(
        _gauge(point, name="m", description="d", unit="s", metadata=[_pair("k", bool_value=True)])
    )
    (row,) = rows_of(batch)
    assert {key: value for key, value in row.items() if value is not None} == {
        "name": "m",
        "description": "d",
        "unit": "s",
        "type": "gauge",
        "metadata": {"k": "true"},
        "metadata_types": "b",
        "start_time_unix_nano": 1 << 63,
        "time_unix_nano": (1 << 64) - 1,
        "flags": 1,
        "value_int": -(1 << 63),
        "attributes": {"workflow.execution.id": "e1", "n": "2"},
        "attribute_types": "si",
        "execution_id": "e1",
        "resource_id": next(iter(batch.resources)),
        "scope_id": next(iter(batch.scopes)),
    }


def test_the_columns_are_those_of_the_table() -> None:
    """ours: the store inserts a batch by name."""
    table = next(r for r in relations() if (r.schema, r.name) == ("stored", "metric_points"))
    (row,) = rows_of(_decode(_gauge(pb.NumberDataPoint())))
    assert set(row) == {column.name for column in table.columns} - {"ingested_at"}


def test_a_number_is_an_integer_a_double_or_missing() -> None:
    """OTLP: NumberDataPoint.value; none is set with the flag for no recorded value."""
    rows = _filled(
        _gauge(
            pb.NumberDataPoint(as_int=0),
            pb.NumberDataPoint(as_double=0.0),
            pb.NumberDataPoint(as_double=-math.inf),
            pb.NumberDataPoint(flags=1),
        )
    )
    values = [(row.get("value_int"), row.get("value_double")) for row in rows]
    assert values == [(0, None), (None, 0.0), (None, -math.inf), (None, None)]


def test_not_a_number_is_a_value() -> None:
    """OTLP: NumberDataPoint.as_double may be NaN."""
    (row,) = _filled(_gauge(pb.NumberDataPoint(as_double=math.nan)))
    assert math.isnan(row["value_double"])


def test_a_sum_has_temporality_and_monotonicity() -> None:
    """OTLP: Sum; its temporality is an open enum."""
    data = pb.Sum(
        data_points=[pb.NumberDataPoint(as_int=1, exemplars=[EXEMPLAR, EXEMPLAR])],
        aggregation_temporality=77,  # type: ignore[arg-type] # an open enum
        is_monotonic=True,
    )
    assert _filled(pb.Metric(sum=data)) == [
        {
            "type": "sum",
            "temporality": 77,
            "is_monotonic": True,
            "value_int": 1,
            "exemplars": EXEMPLARS,
        }
    ]


def test_a_histogram_has_bounds_and_counts() -> None:
    """OTLP: HistogramDataPoint; sum, min and max are optional and may be zero."""
    data = pb.Histogram(
        data_points=[
            pb.HistogramDataPoint(
                count=(1 << 64) - 1, sum=0.0, min=-1.0, max=2.5, explicit_bounds=[0.1, math.inf],
                bucket_counts=[1, 0, 3], exemplars=[EXEMPLAR, EXEMPLAR],
            ),
            pb.HistogramDataPoint(),
        ],
        aggregation_temporality=pb.AGGREGATION_TEMPORALITY_DELTA,
    )  # fmt: skip
    assert _filled(pb.Metric(histogram=data)) == [
        {
            "type": "histogram", "temporality": 1, "count": (1 << 64) - 1, "sum": 0.0, "min": -1.0,
            "max": 2.5, "explicit_bounds": [0.1, math.inf], "bucket_counts": [1, 0, 3],
            "exemplars": EXEMPLARS,
        },
        {
            "type": "histogram", "temporality": 1, "count": 0, "explicit_bounds": [],
            "bucket_counts": [],
        },
    ]  # fmt: skip


def test_an_exponential_histogram_has_two_sides() -> None:
    """OTLP: ExponentialHistogramDataPoint."""
    buckets = pb.ExponentialHistogramDataPoint.Buckets
    point = pb.ExponentialHistogramDataPoint(
        count=9, sum=1.0, scale=-4, zero_count=2, zero_threshold=0.25, min=0.0, max=4.0,
        positive=buckets(offset=-3, bucket_counts=[1, 2]),
        negative=buckets(offset=7, bucket_counts=[1 << 63]),
        exemplars=[EXEMPLAR, EXEMPLAR],
    )  # fmt: skip
    data = pb.ExponentialHistogram(data_points=[point], aggregation_temporality=2)  # type: ignore[arg-type] # its number
    assert _filled(pb.Metric(exponential_histogram=data)) == [
        {
            "type": "exponential_histogram", "temporality": 2, "count": 9, "sum": 1.0, "min": 0.0,
            "max": 4.0, "scale": -4, "zero_count": 2, "zero_threshold": 0.25,
            "positive_offset": -3, "positive_bucket_counts": [1, 2], "negative_offset": 7,
            "negative_bucket_counts": [1 << 63], "exemplars": EXEMPLARS,
        }
    ]  # fmt: skip


def test_a_summary_has_quantiles() -> None:
    """OTLP: SummaryDataPoint."""
    quantile = pb.SummaryDataPoint.ValueAtQuantile
    point = pb.SummaryDataPoint(
        count=3, sum=4.5, quantile_values=[quantile(), quantile(quantile=1.0, value=2.5)]
    )
    assert _filled(pb.Metric(summary=pb.Summary(data_points=[point]))) == [
        {
            "type": "summary",
            "count": 3,
            "sum": 4.5,
            "quantiles": [{"quantile": 0.0, "value": 0.0}, {"quantile": 1.0, "value": 2.5}],
        }
    ]


def test_columns_that_a_type_has_not_are_null_whatever_comes_before() -> None:
    """ours: rows of all types stand in one batch."""
    number = pb.NumberDataPoint(as_int=1)
    metrics = (
        pb.Metric(histogram=pb.Histogram(data_points=[pb.HistogramDataPoint(bucket_counts=[5])])),
        _gauge(number, number),
        pb.Metric(summary=pb.Summary(data_points=[pb.SummaryDataPoint(count=2)])),
        pb.Metric(histogram=pb.Histogram(data_points=[pb.HistogramDataPoint(count=8)])),
    )
    rows = rows_of(_decode(*metrics))
    seen = [(r["type"], r["count"], r["value_int"], r["bucket_counts"]) for r in rows]
    assert seen == [
        ("histogram", 0, None, [5]),
        ("gauge", None, 1, None),
        ("gauge", None, 1, None),
        ("summary", 2, None, None),
        ("histogram", 8, None, []),
    ]
    assert [row["quantiles"] for row in rows] == [None, None, None, [], None]


@pytest.mark.parametrize("kind", ["gauge", "sum", "histogram", "exponential_histogram", "summary"])
def test_a_repeated_attribute_key_keeps_the_point_whole(kind: str) -> None:
    """OTLP: C19, last wins; the metric with this one point stands in raw."""
    metric = pb.Metric(name="m", description="d", unit="u", metadata=[_pair("k", int_value=1)])
    data = getattr(metric, kind)
    repeated = [_pair("a", int_value=1), _pair("a", int_value=2)]
    data.data_points.add(time_unix_nano=1)
    data.data_points.add(time_unix_nano=2, attributes=repeated)
    if kind in {"sum", "histogram", "exponential_histogram"}:
        data.aggregation_temporality = 2
    if kind == "sum":
        data.is_monotonic = True
    first, second = rows_of(_decode(metric))
    assert (first["raw"], second["attributes"]) == (None, {"a": "2"})
    alone = pb.Metric()
    alone.CopyFrom(metric)
    del getattr(alone, kind).data_points[0]
    assert pb.Metric.FromString(second["raw"]) == alone


def test_repeated_metadata_keeps_every_point_whole() -> None:
    """OTLP: Metric.metadata is a list of attributes, too."""
    metric = _gauge(
        pb.NumberDataPoint(as_int=1),
        pb.NumberDataPoint(as_int=2),
        metadata=[_pair("k", int_value=1), _pair("k", int_value=2)],
    )
    raws = [pb.Metric.FromString(row["raw"]) for row in rows_of(_decode(metric))]
    assert [len(raw.metadata) for raw in raws] == [2, 2]
    assert [raw.gauge.data_points[0].as_int for raw in raws] == [1, 2]


def test_a_metric_without_data_is_a_warning() -> None:
    """OTLP: C7; a type of a later version of OTLP looks like this, and there is nothing to keep."""
    batch = _decode(pb.Metric(name="a"), pb.Metric(name="b"), _gauge(pb.NumberDataPoint()))
    assert (batch.row_count, batch.rejections, len(batch.warnings)) == (1, [], 2)
    assert batch.message() == (
        "2 × metric without data of a type OTLP knows: nothing of it is stored"
    )


def test_empty_envelopes_store_nothing() -> None:
    """OTLP: C3."""
    request = ExportMetricsServiceRequest()
    request.resource_metrics.add().resource.attributes.add(key="a")
    request.resource_metrics.add().scope_metrics.add().scope.name = "s"
    batch = decode(request, Plan())
    assert (batch.row_count, batch.rows, batch.resources, batch.scopes) == (0, None, {}, {})
    without_points = _decode(pb.Metric(gauge=pb.Gauge()))
    assert (without_points.row_count, without_points.rows) == (0, None)


def test_points_keep_their_resource_and_scope() -> None:
    """OTLP: the envelopes a point stands in."""
    request = ExportMetricsServiceRequest()
    for service in ("a", "b"):
        resource_metrics = request.resource_metrics.add()
        resource_metrics.resource.attributes.add(key="service.name").value.string_value = service
        for scope in ("x", "y"):
            scope_metrics = resource_metrics.scope_metrics.add()
            scope_metrics.scope.name = scope
            metric = scope_metrics.metrics.add(name=service + scope)
            metric.gauge.data_points.extend([pb.NumberDataPoint()] * 2)
    batch = decode(request, Plan())
    assert (batch.row_count, len(batch.resources), len(batch.scopes)) == (8, 2, 2)
    for row in rows_of(batch):
        service, scope = row["name"]
        assert batch.resources[row["resource_id"]].name == service
        assert batch.scopes[row["scope_id"]].name == scope


def test_a_long_description_of_many_points_is_refused_before_it_fills_the_memory() -> None:
    """ours: a request may not grow beyond a bound; what is refused is counted and explained."""
    point = pb.NumberDataPoint()
    description = "d" * (1 << 20)
    few, many = MAX_REPEATED_BYTES >> 20, (MAX_REPEATED_BYTES >> 20) + 1
    batch = _decode(
        _gauge(point, description=description),
        _gauge(*[point] * many, name="m", description=description),
        _gauge(*[point] * few, description=description),
    )
    assert batch.row_count == 1 + few
    assert len(batch.rejections) == many
    rejection = batch.rejections[0]
    assert rejection.name == "m"
    assert "must be at most 268435456" in rejection.message
    assert rejection.reason in {reason.name for reason in REASONS}


def test_the_bound_holds_for_all_metrics_of_a_request_together() -> None:
    """ours: many metrics just below the bound are as large as one above it."""
    point = pb.NumberDataPoint()
    half = _gauge(*[point] * (1 + (MAX_REPEATED_BYTES >> 21)), description="d" * ((1 << 20) - 9))
    batch = _decode(half, half, half)
    assert (batch.row_count, len(batch.rejections)) == (2 * 129, 129)

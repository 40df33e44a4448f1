"""The reference decoder of metrics: an OTLP metrics message to columns of stored.metric_points.

Pure, like `spans.py`. One row per data point of any of the five types; what describes the metric
stands in every row of its points, and so is bounded (`MAX_REPEATED_BYTES`). Exemplars are kept as
one serialized NumberDataPoint that carries nothing else, whatever the type of the point. What the
columns cannot hold, a repeated attribute key for one, is kept in `raw`: the serialized Metric with
this one point.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    SummaryDataPoint,
)

from stepscope_collector.decode.batch import Batch, Plan, Rejection
from stepscope_collector.decode.dimensions import add_resource, add_scope, encode_attributes
from stepscope_collector.decode.metric_columns import PointColumns

__all__ = ["MAX_REPEATED_BYTES", "NO_DATA", "decode_metrics"]

NO_DATA: Final = "metric without data of a type OTLP knows: nothing of it is stored"
"""Warning for a metric of a type that is not known."""

MAX_REPEATED_BYTES: Final = 1 << 28
"""Bytes by which a request may grow because name, description, unit and metadata of a metric stand
in the row of every point; points beyond are refused.

Without the bound one request of 64 MiB, half a description and half points, would become terabytes.
"""

_NOTED_CHARS: Final = 256
"""How much of its name is noted when a metric is refused."""

_EXECUTION_ID: Final = "workflow.execution.id"


def decode_metrics(request: ExportMetricsServiceRequest, plan: Plan) -> Batch:
    """The data points of a request as columns; `batch.rows` is None when there are none to store.

    Args:
        request: what was received.
        plan: not used: no profile maps data points yet.
    """
    batch = Batch("metrics")
    columns = PointColumns()
    for resource_metrics in request.resource_metrics:
        filled = [part for part in resource_metrics.scope_metrics if part.metrics]
        if not filled:
            continue
        before = columns.rows
        resource_id = add_resource(batch, resource_metrics.resource, resource_metrics.schema_url)
        for scope_metrics in filled:
            scope_id = add_scope(batch, scope_metrics.scope, scope_metrics.schema_url)
            first = columns.rows
            for metric in scope_metrics.metrics:
                _metric(metric, batch, columns)
            columns.scope_id += [scope_id] * (columns.rows - first)
        columns.resource_id += [resource_id] * (columns.rows - before)
    batch.row_count = columns.rows
    if columns.rows:
        batch.rows = columns.batch()
    return batch


def _metric(metric: Metric, batch: Batch, columns: PointColumns) -> None:
    kind = metric.WhichOneof("data")
    if kind is None:
        batch.warnings.append(NO_DATA)
        return
    data = getattr(metric, kind)
    points = data.data_points
    added = len(points)
    if added == 0:
        return
    repeated_bytes = (metric.ByteSize() - data.ByteSize()) * (added - 1)
    if columns.repeated_bytes + repeated_bytes > MAX_REPEATED_BYTES:
        batch.rejections += [_too_large(metric, repeated_bytes)] * added
        return
    columns.repeated_bytes += repeated_bytes
    metadata, metadata_types, is_exact = encode_attributes(metric.metadata)
    raws: list[bytes | None] = [None] * added
    for index, point in enumerate(points):
        texts, types, is_kept = encode_attributes(point.attributes)
        columns.attributes.add(texts, types)
        columns.execution_id.append(texts.get(_EXECUTION_ID) or None)
        columns.metadata.add(metadata, metadata_types)
        if not (is_kept and is_exact):
            raws[index] = _alone(metric, kind, point)
    if raws.count(None) < added:
        columns.put("raw", raws)
    columns.name += [metric.name] * added
    columns.description += [metric.description or None] * added
    columns.unit += [metric.unit or None] * added
    columns.type += [kind] * added
    columns.start_time += [point.start_time_unix_nano for point in points]
    columns.time += [point.time_unix_nano for point in points]
    columns.flags += [point.flags for point in points]
    _VALUES[kind](columns, data, points)
    columns.rows += added


def _too_large(metric: Metric, repeated_bytes: int) -> Rejection:
    message = (
        f"metric described in each of its points takes {repeated_bytes} more bytes, must be at "
        f"most {MAX_REPEATED_BYTES} in a request; send fewer points at once, or describe it shorter"
    )
    return Rejection("metric_too_large", message, name=metric.name[:_NOTED_CHARS])


def _alone(metric: Metric, kind: str, point: Any) -> bytes:
    """The metric with this one point only."""
    data = getattr(metric, kind)
    alone = Metric(
        name=metric.name,
        description=metric.description,
        unit=metric.unit,
        metadata=metric.metadata,
    )
    part = getattr(alone, kind)
    part.data_points.append(point)
    if kind in {"sum", "histogram", "exponential_histogram"}:
        part.aggregation_temporality = data.aggregation_temporality
    if kind == "sum":
        part.is_monotonic = data.is_monotonic
    return alone.SerializeToString()


def _numbers(columns: PointColumns, data: Any, points: Sequence[NumberDataPoint]) -> None:
    kinds = [point.WhichOneof("value") for point in points]
    pairs = list(zip(points, kinds, strict=True))
    columns.put("value_double", [p.as_double if k == "as_double" else None for p, k in pairs])
    columns.put("value_int", [p.as_int if k == "as_int" else None for p, k in pairs])
    _exemplars(columns, points)


def _sums(columns: PointColumns, data: Any, points: Sequence[NumberDataPoint]) -> None:
    columns.put("temporality", [data.aggregation_temporality] * len(points))
    columns.put("is_monotonic", [data.is_monotonic] * len(points))
    _numbers(columns, data, points)


def _distribution(columns: PointColumns, data: Any, points: Sequence[Any]) -> None:
    """What both kinds of histogram have."""
    columns.put("temporality", [data.aggregation_temporality] * len(points))
    columns.put("count", [point.count for point in points])
    for name in ("sum", "min", "max"):
        columns.put(name, [getattr(p, name) if p.HasField(name) else None for p in points])
    _exemplars(columns, points)


def _histograms(columns: PointColumns, data: Any, points: Sequence[HistogramDataPoint]) -> None:
    _distribution(columns, data, points)
    columns.put_lists("explicit_bounds", [point.explicit_bounds for point in points])
    columns.put_lists("bucket_counts", [point.bucket_counts for point in points])


def _exponential_histograms(
    columns: PointColumns, data: Any, points: Sequence[ExponentialHistogramDataPoint]
) -> None:
    _distribution(columns, data, points)
    columns.put("scale", [point.scale for point in points])
    columns.put("zero_count", [point.zero_count for point in points])
    columns.put("zero_threshold", [point.zero_threshold for point in points])
    columns.put("positive_offset", [point.positive.offset for point in points])
    columns.put_lists("positive_bucket_counts", [p.positive.bucket_counts for p in points])
    columns.put("negative_offset", [point.negative.offset for point in points])
    columns.put_lists("negative_bucket_counts", [p.negative.bucket_counts for p in points])


def _summaries(columns: PointColumns, data: Any, points: Sequence[SummaryDataPoint]) -> None:
    columns.put("count", [point.count for point in points])
    columns.put("sum", [point.sum for point in points])
    columns.put_lists(
        "quantiles", [[(q.quantile, q.value) for q in p.quantile_values] for p in points]
    )


def _exemplars(columns: PointColumns, points: Sequence[Any]) -> None:
    found = [
        NumberDataPoint(exemplars=point.exemplars).SerializeToString() if point.exemplars else None
        for point in points
    ]
    if found.count(None) < len(found):
        columns.put("exemplars", found)


_VALUES: Final[dict[str, Callable[[PointColumns, Any, Any], None]]] = {
    "gauge": _numbers,
    "sum": _sums,
    "histogram": _histograms,
    "exponential_histogram": _exponential_histograms,
    "summary": _summaries,
}

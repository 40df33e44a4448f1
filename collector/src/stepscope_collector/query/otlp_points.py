"""Rows of data points to OTLP metrics. Pure."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any, Final

from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    SummaryDataPoint,
)

from stepscope_collector.query.otlp_rows import Row, attributes_of

__all__ = ["PointGroup"]


class PointGroup:
    """Puts the points of one metric into one Metric message per scope envelope."""

    def __init__(self) -> None:
        self._scope_metrics: Any = None
        self._points: dict[bytes, tuple[Any, list[int]]] = {}
        self._times: list[list[int]] = []

    def add(self, scope_metrics: Any, row: Row, time_ns: int = 0) -> int:
        """Add the point of a row of stored.metric_points to the envelope of its scope.

        Args:
            scope_metrics: the envelope; rows come ordered by it.
            row: of stored.metric_points.
            time_ns: any, for `times`.

        Returns:
            bytes of the point.
        """
        if scope_metrics is not self._scope_metrics:
            self._scope_metrics, self._points = scope_metrics, {}
        if row["raw"] is not None:
            metric = Metric.FromString(row["raw"])
            data = getattr(metric, row["type"])
            point = data.data_points[0]
            del data.data_points[:]
        else:
            metric = _described(row)
            point = _POINTS[row["type"]](row)
        identity = metric.SerializeToString()
        if identity not in self._points:
            self._scope_metrics.metrics.append(metric)
            added = getattr(self._scope_metrics.metrics[-1], row["type"])
            self._points[identity] = added.data_points, []
            self._times.append(self._points[identity][1])
        points, times = self._points[identity]
        points.append(point)
        times.append(time_ns)
        size: int = point.ByteSize()
        return size

    def times(self) -> Iterator[int]:
        """What was given with each point, in the order of the points in the request."""
        return itertools.chain.from_iterable(self._times)


def _described(row: Row) -> Metric:
    """The metric of a row without points."""
    metric = Metric(
        name=row["name"],
        description=row["description"] or "",
        unit=row["unit"] or "",
        metadata=attributes_of(
            {"attributes": row["metadata"], "attribute_types": row["metadata_types"]}
        ),
    )
    data = getattr(metric, row["type"])
    data.SetInParent()
    if row["temporality"] is not None:
        data.aggregation_temporality = row["temporality"]
    if row["is_monotonic"] is not None:
        data.is_monotonic = row["is_monotonic"]
    return metric


def _common(row: Row) -> dict[str, Any]:
    """What points of every type have."""
    return {
        "attributes": attributes_of(row),
        "start_time_unix_nano": row["start_time_unix_nano"],
        "time_unix_nano": row["time_unix_nano"],
        "flags": row["flags"],
    }


def _exemplars(row: Row) -> Any:
    return NumberDataPoint.FromString(row["exemplars"] or b"").exemplars


def _number(row: Row) -> NumberDataPoint:
    # None leaves a field unset, so at most one of the two values is given
    return NumberDataPoint(
        **_common(row),
        as_double=row["value_double"],
        as_int=row["value_int"],
        exemplars=_exemplars(row),
    )


def _distribution(row: Row) -> dict[str, Any]:
    """What both kinds of histogram have."""
    return {
        **_common(row),
        "count": row["count"],
        "sum": row["sum"],
        "min": row["min"],
        "max": row["max"],
        "exemplars": _exemplars(row),
    }


def _histogram(row: Row) -> HistogramDataPoint:
    return HistogramDataPoint(
        **_distribution(row),
        explicit_bounds=row["explicit_bounds"],
        bucket_counts=row["bucket_counts"],
    )


def _exponential_histogram(row: Row) -> ExponentialHistogramDataPoint:
    buckets = ExponentialHistogramDataPoint.Buckets
    return ExponentialHistogramDataPoint(
        **_distribution(row),
        scale=row["scale"],
        zero_count=row["zero_count"],
        zero_threshold=row["zero_threshold"],
        positive=buckets(
            offset=row["positive_offset"], bucket_counts=row["positive_bucket_counts"]
        ),
        negative=buckets(
            offset=row["negative_offset"], bucket_counts=row["negative_bucket_counts"]
        ),
    )


def _summary(row: Row) -> SummaryDataPoint:
    return SummaryDataPoint(
        **_common(row),
        count=row["count"],
        sum=row["sum"],
        quantile_values=[
            SummaryDataPoint.ValueAtQuantile(quantile=entry["quantile"], value=entry["value"])
            for entry in row["quantiles"]
        ],
    )


_POINTS: Final[dict[str, Callable[[Row], Any]]] = {
    "gauge": _number,
    "sum": _number,
    "histogram": _histogram,
    "exponential_histogram": _exponential_histogram,
    "summary": _summary,
}

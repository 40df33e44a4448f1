"""The collector's own metrics as OTLP say what /metrics says."""

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from stepscope_collector.tee.own_metrics import encode_readings
from stepscope_collector.telemetry import Settled, Telemetry
from stepscope_collector.telemetry.values import Sample


def test_every_kind_of_metric_is_encoded():
    """OTLP: Sum, Gauge and Histogram with their attributes, units and times."""
    telemetry = Telemetry()
    telemetry.received("traces", "grpc")
    telemetry.queued("traces", 3)
    telemetry.committed([Settled("traces", "grpc", 3, 0, 0.02)], {"traces": 1},
                        payload_bytes=9, elapsed_s=0.3)  # fmt: skip
    readings = telemetry.read({"stepscope_wal_bytes": [Sample((), 77)]})
    payload = encode_readings(readings, instance="i", started_ns=5, now_ns=9)
    (resource,) = ExportMetricsServiceRequest.FromString(payload).resource_metrics
    assert {a.key: a.value.string_value for a in resource.resource.attributes}.items() >= {
        "service.name": "stepscope-collector", "service.instance.id": "i",
    }.items()  # fmt: skip
    found = {metric.name: metric for metric in resource.scope_metrics[0].metrics}
    rows = found["stepscope_rows_total"]
    assert (rows.unit, rows.sum.is_monotonic, rows.sum.aggregation_temporality) == (
        "{rows}",
        True,
        2,
    )
    points = {
        tuple(a.value.string_value for a in point.attributes): point
        for point in rows.sum.data_points
    }
    assert {labels: point.as_int for labels, point in points.items()} == {
        ("traces", "stored"): 2, ("traces", "duplicate"): 1,
    }  # fmt: skip
    point = points["traces", "stored"]
    assert (point.start_time_unix_nano, point.time_unix_nano) == (5, 9)
    (point,) = found["stepscope_wal_bytes"].gauge.data_points
    assert (point.as_int, point.start_time_unix_nano) == (77, 0)
    (point,) = found["stepscope_commit_duration_seconds"].histogram.data_points
    assert (point.count, point.sum) == (1, 0.3)
    assert list(point.bucket_counts).index(1) == list(point.explicit_bounds).index(0.5)
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
    assert "otelcol_exporter_sent_spans" not in found

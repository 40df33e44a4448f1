"""The collector's own metrics as OTLP, and the thread that sends them."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
)

from stepscope_collector import __version__
from stepscope_collector.config import Target
from stepscope_collector.decode.batch import Signal
from stepscope_collector.tee.answer import Answer
from stepscope_collector.tee.forwarder import client_for
from stepscope_collector.tee.own_logs import LogBuffer, attribute, encode_logs, resource_of
from stepscope_collector.telemetry import Telemetry
from stepscope_collector.telemetry.values import Distribution, Reading

__all__ = ["OwnMetrics", "encode_readings"]

logger = logging.getLogger(__name__)

_CUMULATIVE: Final = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE


def encode_readings(
    readings: Iterable[Reading], *, instance: str, started_ns: int, now_ns: int
) -> bytes:
    """An ExportMetricsServiceRequest with every metric that has values.

    Args:
        readings: of one moment.
        instance: value of service.instance.id.
        started_ns: when counting began, ns since the epoch.
        now_ns: the moment of the readings.
    """
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    resource.resource.CopyFrom(resource_of(instance))
    scope = resource.scope_metrics.add()
    scope.scope.name = "stepscope_collector"
    scope.scope.version = __version__
    for reading in readings:
        if reading.samples:
            _fill(scope.metrics.add(), reading, started_ns, now_ns)
    return request.SerializeToString()


def _fill(metric: Metric, reading: Reading, started_ns: int, now_ns: int) -> None:
    about = reading.metric
    metric.name, metric.unit, metric.description = about.name, about.unit, about.meaning
    if about.kind == "histogram":
        metric.histogram.aggregation_temporality = _CUMULATIVE
    elif about.kind == "counter":
        metric.sum.aggregation_temporality = _CUMULATIVE
        metric.sum.is_monotonic = True
    for sample in reading.samples:
        attributes = [
            attribute(label, text) for label, text in zip(about.labels, sample.labels, strict=True)
        ]
        point: NumberDataPoint | HistogramDataPoint
        if isinstance(sample.value, Distribution):
            point = metric.histogram.data_points.add()
            _fill_distribution(point, sample.value, about.bounds)
        else:
            points = metric.gauge if about.kind == "gauge" else metric.sum
            point = points.data_points.add()
            _fill_number(point, sample.value)
        if about.kind != "gauge":
            point.start_time_unix_nano = started_ns
        point.time_unix_nano = now_ns
        point.attributes.extend(attributes)


def _fill_number(point: NumberDataPoint, value: float) -> None:
    if isinstance(value, int):
        point.as_int = value
    else:
        point.as_double = value


def _fill_distribution(
    point: HistogramDataPoint, seen: Distribution, bounds: tuple[float, ...]
) -> None:
    point.count, point.sum = seen.count, seen.total
    point.bucket_counts.extend(seen.counts)
    point.explicit_bounds.extend(bounds)


class OwnMetrics:
    """Sends the metrics of this process every so often, and log lines where there is a buffer.

    Metrics that are not taken are not kept, the next ones say it all; log lines are.
    """

    def __init__(
        self,
        target: Target,
        interval_s: float,
        own_id: str,
        telemetry: Telemetry,
        read: Callable[[], Iterable[Reading]],
        logs: LogBuffer | None = None,
    ) -> None:
        self._logs = logs
        self._client = client_for(target)
        self._interval_s = interval_s
        self._own_id = own_id
        self._telemetry = telemetry
        self._read = read
        self._started_ns = time.time_ns()
        self._stop = threading.Event()
        self._is_failing = False
        self._thread = threading.Thread(target=self._run, name="stepscope-own-metrics", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Send once more, within the timeout, and end."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        self._client.close()

    def _run(self) -> None:
        while not self._stop.wait(self._interval_s):
            self._send_or_log()
        self._send_or_log()

    def _send_or_log(self) -> None:
        try:
            self._send()
        except Exception:  # the outermost boundary of this thread: a bug of ours
            logger.exception("own telemetry failed")

    def _send(self) -> None:
        body = encode_readings(
            self._read(),
            instance=self._own_id,
            started_ns=self._started_ns,
            now_ns=time.time_ns(),
        )
        self._export("metrics", body)
        lines = [] if self._logs is None else self._logs.take()
        if lines and self._logs is not None:
            answer = self._export("logs", encode_logs(lines, instance=self._own_id))
            if answer.kind == "later":
                self._logs.give_back(lines)

    def _export(self, signal: Signal, body: bytes) -> Answer:
        answer = self._client.send(signal, "protobuf", body, self._own_id)
        outcome = "sent" if answer.kind == "taken" else answer.reason
        self._telemetry.add("stepscope_telemetry_exports_total", 1, signal, outcome)
        is_failing = answer.kind != "taken"
        if is_failing and not self._is_failing:
            extra = {"error": f"{answer.reason}: {answer.message}"}
            logger.warning("own telemetry was not taken", extra=extra)
        self._is_failing = is_failing
        return answer

"""Requests that clients hold until they are accepted, each made from its number alone."""

import struct
import time
from dataclasses import dataclass
from typing import Any, Final, Literal

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

__all__ = ["EXECUTIONS", "LIMITS", "ROWS", "Requests", "Signal", "signal_of"]

Signal = Literal["traces", "logs", "metrics"]

ROWS: Final = 510
"""Of every request; the SDKs send up to 512."""

EXECUTIONS: Final = 51
"""In a request of spans: each a trace of ten spans."""

_HEAD: Final = b"\xa7\x5b\xc9\x3d\xe1\x7f\x93\xb5"
"""Stands for the number of the request in trace ids."""
_TEXT: Final = b"@request_number@"
"""Stands for it, in sixteen hexadecimal digits, in texts."""
_TIME: Final = 0xB7D35BA9
"""Stands for the upper half of times: each request is 4.3 s later than the one before."""
LIMITS: Final = 2**31
"""Numbers there are."""


def signal_of(number: int) -> Signal:
    """What request `number` carries: eight of ten carry spans."""
    return {8: "logs", 9: "metrics"}.get(number % 10, "traces")  # type: ignore[return-value]


@dataclass(frozen=True)
class Requests:
    """All requests there may be."""

    traces: bytes
    logs: bytes
    metrics: bytes
    first_time: int
    """Upper half of the times of request 0: all lie in the past, the later ones later."""

    @classmethod
    def made(cls, most: int) -> "Requests":
        """Requests of which `most` or fewer are sent."""
        first_time = (time.time_ns() >> 32) - most
        return cls(_traces(), _logs(), _metrics(), first_time)

    def payload(self, number: int) -> bytes:
        """One request, as it goes over the wire."""
        template: bytes = getattr(self, signal_of(number))
        return (
            template.replace(_HEAD, struct.pack(">Q", number))
            .replace(_TEXT, f"{number:016x}".encode())
            .replace(struct.pack("<I", _TIME), struct.pack("<I", self.first_time + number))
        )


def _traces() -> bytes:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    scope.scope.name = "stepscope"
    for which in range(EXECUTIONS):
        trace_id = _HEAD + struct.pack(">Q", which + 1)
        for place in range(ROWS // EXECUTIONS):
            number = which * 10 + place
            span = scope.spans.add(
                trace_id=trace_id,
                span_id=struct.pack(">Q", number + 1),
                parent_span_id=struct.pack(">Q", which * 10 + 1) if place else b"",
                name=f"step {place}" if place else "order",
                kind=1,
                start_time_unix_nano=(_TIME << 32) + number * 1_000_003,
                end_time_unix_nano=(_TIME << 32) + number * 1_000_003 + 900_001,
            )
            what = "workflow.task" if place else "workflow.execution"
            _set(span, "workflow.execution.id", f"{_TEXT.decode()}-{which}")
            _set(span, "stepscope.span.role", "step" if place else "execution")
            _set(span, f"{what}.outcome", "success")
            _set(span, "workflow.task.name" if place else "workflow.name", span.name)
            _set(span, "order.id", f"order {number}")
            _set(span, "region", ("eu", "us", "ap")[number % 3])
    return request.SerializeToString()


def _logs() -> bytes:
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for number in range(ROWS):
        record = scope.log_records.add(
            time_unix_nano=(_TIME << 32) + number, severity_number=9, severity_text="INFO"
        )
        record.body.string_value = f"{_TEXT.decode()} {number}"
        _set(record, "code.file.path", "shop/charge.py")
    return request.SerializeToString()


def _metrics() -> bytes:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name=_TEXT.decode())
    for number in range(ROWS):
        point = metric.gauge.data_points.add(time_unix_nano=(_TIME << 32) + number, as_int=number)
        _set(point, "region", "eu")
    return request.SerializeToString()


def _set(holder: Any, key: str, value: str) -> None:
    holder.attributes.add(key=key).value.string_value = value

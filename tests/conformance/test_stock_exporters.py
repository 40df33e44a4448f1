"""The exporters that everybody has: those of the OpenTelemetry Python SDK, as they are."""

import os
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import (
    OTLPMetricExporter as GrpcMetrics,
)
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import (
    OTLPMetricExporter as HttpMetrics,
)
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

from tests.conformance.client import Endpoint

pytestmark = pytest.mark.e2e


def _grpc(kind: Any, compression: str) -> Callable[[Endpoint], Any]:
    known = {"none": grpc.Compression.NoCompression, "gzip": grpc.Compression.Gzip}
    return lambda to: kind(
        endpoint=f"http://{to.grpc}", insecure=True, compression=known[compression]
    )


def _http(kind: Any, path: str, compression: str) -> Callable[[Endpoint], Any]:
    return lambda to: kind(
        endpoint=f"http://{to.http}/v1/{path}", compression=Compression(compression)
    )


@pytest.mark.parametrize(
    "exporter",
    [
        pytest.param(_grpc(GrpcSpans, "none"), id="grpc"),
        pytest.param(_grpc(GrpcSpans, "gzip"), id="grpc-gzip"),
        pytest.param(_http(HttpSpans, "traces", "none"), id="http"),
        pytest.param(_http(HttpSpans, "traces", "gzip"), id="http-gzip"),
        pytest.param(_http(HttpSpans, "traces", "deflate"), id="http-deflate"),
    ],
)
def test_spans_of_the_stock_exporters_arrive_once_with_their_fields(
    endpoint: Endpoint, exporter: Callable[[Endpoint], Any]
) -> None:
    """OTLP: C1, C2, H21; issue #2: the stock SDK, unmodified, delivers."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter(endpoint)))
    tracer = provider.get_tracer("stock", "1.2")
    with tracer.start_as_current_span("root", kind=SpanKind.SERVER, attributes={"n": 5}) as root:
        for n in range(700):  # more than one batch
            with tracer.start_as_current_span(f"child {n}") as child:
                child.add_event("seen")
                child.set_status(Status(StatusCode.ERROR, "broken"))
    provider.shutdown()
    trace_id = f"{root.get_span_context().trace_id:032x}"
    found = endpoint.sql(
        "select count(*), count(distinct span_id), count(*) filter (where status_message = 'broken'"
        " and status_code = 2 and len(events) = 1 and duration_ns >= 0), min(scope_name),"
        " min(scope_version) from spans where trace_id = $id",
        id=trace_id,
    )
    assert found == [[701, 701, 700, "stock", "1.2"]]
    statement = "select name, kind, attributes['n'] from spans where trace_id = $id and parent_span_id is null"
    assert endpoint.sql(statement, id=trace_id) == [["root", 2, "5"]]


@pytest.mark.parametrize(
    "exporter",
    [
        pytest.param(_grpc(GrpcLogs, "gzip"), id="grpc"),
        pytest.param(_http(HttpLogs, "logs", "gzip"), id="http"),
    ],
)
def test_log_records_of_the_stock_exporters_arrive(
    endpoint: Endpoint, exporter: Callable[[Endpoint], Any]
) -> None:
    """OTLP: C1, C2, C23."""
    body = os.urandom(8).hex()
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter(endpoint)))
    provider.get_logger("stock").emit(
        LogRecord(timestamp=5, body=body, severity_number=SeverityNumber.WARN)
    )
    provider.shutdown()
    statement = "select severity_number from stored.log_records where body = $body"
    assert endpoint.sql(statement, body=body) == [[13]]


@pytest.mark.parametrize(
    "exporter",
    [
        pytest.param(_grpc(GrpcMetrics, "gzip"), id="grpc"),
        pytest.param(_http(HttpMetrics, "metrics", "gzip"), id="http"),
    ],
)
def test_data_points_of_the_stock_exporters_arrive(
    endpoint: Endpoint, exporter: Callable[[Endpoint], Any]
) -> None:
    """OTLP: C1, C2, C23."""
    name = f"n{os.urandom(8).hex()}"
    reader = PeriodicExportingMetricReader(exporter(endpoint), export_interval_millis=1e9)
    provider = MeterProvider([reader], shutdown_on_exit=False)
    provider.get_meter("stock").create_counter(name).add(7)
    provider.shutdown()
    statement = "select sum(value_int) from stored.metric_points where name = $name"
    assert endpoint.sql(statement, name=name) == [[7]]

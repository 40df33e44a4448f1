"""Sends what sent.py says over one protocol with the SDK of Python; prints the trace id."""

import os
from importlib import import_module

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, set_span_in_context

NAME = os.environ["NAME"]
RESOURCE = Resource({"service.name": NAME})
MODULES = {
    "grpc": "opentelemetry.exporter.otlp.proto.grpc",
    "http/protobuf": "opentelemetry.exporter.otlp.proto.http",
}


def exporter(module: str, name: str):
    """An exporter, which takes endpoint and compression from the OTEL_EXPORTER_OTLP_ variables."""
    return getattr(import_module(f"{MODULES[os.environ['PROTOCOL']]}.{module}"), name)()


traces = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
traces.add_span_processor(BatchSpanProcessor(exporter("trace_exporter", "OTLPSpanExporter")))
tracer = traces.get_tracer("client", "1.2")
attributes = {
    "text": "grüße 😀",
    "integer": (1 << 63) - 1,
    "double": 0.5,
    "flag": True,
    "list": ["a", "b"],
}
root = tracer.start_span(NAME, kind=SpanKind.SERVER, attributes=attributes)
inside = set_span_in_context(root)
for n in range(700):
    child = tracer.start_span(f"child {n}", inside, links=[Link(root.get_span_context())])
    child.add_event("seen", {"n": n})
    child.set_status(Status(StatusCode.ERROR, "broken"))
    child.end()
root.end()
traces.shutdown()

logs = LoggerProvider(resource=RESOURCE, shutdown_on_exit=False)
logs.add_log_record_processor(BatchLogRecordProcessor(exporter("_log_exporter", "OTLPLogExporter")))
for n in range(10):
    logs.get_logger("client", "1.2").emit(
        LogRecord(
            context=inside,
            body=f"{NAME} log {n}",
            severity_number=SeverityNumber.WARN,
            attributes={"n": n},
        )
    )
logs.shutdown()

reader = PeriodicExportingMetricReader(
    exporter("metric_exporter", "OTLPMetricExporter"), export_interval_millis=1e8
)
metrics = MeterProvider([reader], resource=RESOURCE, shutdown_on_exit=False)
meter = metrics.get_meter("client", "1.2")
meter.create_counter(f"{NAME}.counter", unit="{thing}").add(7, {"k": "v"})
histogram = meter.create_histogram(f"{NAME}.histogram")
for value in (1, 2, 3):
    histogram.record(value)
meter.create_gauge(f"{NAME}.gauge").set(2.5)
metrics.shutdown()

print(f"{root.get_span_context().trace_id:032x}")

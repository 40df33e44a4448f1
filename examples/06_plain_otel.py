"""A program without our package: the stock OpenTelemetry SDK and exporter, unmodified."""

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def main() -> None:
    provider = TracerProvider(resource=Resource.create({"service.name": "thumbnailer"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(insecure=True)))
    trace.set_tracer_provider(provider)
    tracer = trace.get_tracer("thumbnailer", "0.3")
    with tracer.start_as_current_span("make thumbnails") as root:
        root.set_attribute("image.count", 3)
        for name in ("cat.png", "dog.png", "owl.png"):
            with tracer.start_as_current_span("resize") as span:
                span.set_attribute("image.name", name)
    provider.shutdown()
    print("3 thumbnails made, told by plain OpenTelemetry")


if __name__ == "__main__":
    main()

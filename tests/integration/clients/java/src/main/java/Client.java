import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.logs.Logger;
import io.opentelemetry.api.logs.Severity;
import io.opentelemetry.api.metrics.DoubleHistogram;
import io.opentelemetry.api.metrics.Meter;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import io.opentelemetry.exporter.otlp.http.logs.OtlpHttpLogRecordExporter;
import io.opentelemetry.exporter.otlp.http.metrics.OtlpHttpMetricExporter;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.exporter.otlp.logs.OtlpGrpcLogRecordExporter;
import io.opentelemetry.exporter.otlp.metrics.OtlpGrpcMetricExporter;
import io.opentelemetry.exporter.otlp.trace.OtlpGrpcSpanExporter;
import io.opentelemetry.sdk.logs.SdkLoggerProvider;
import io.opentelemetry.sdk.logs.export.BatchLogRecordProcessor;
import io.opentelemetry.sdk.logs.export.LogRecordExporter;
import io.opentelemetry.sdk.metrics.SdkMeterProvider;
import io.opentelemetry.sdk.metrics.export.MetricExporter;
import io.opentelemetry.sdk.metrics.export.PeriodicMetricReader;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Sends what sent.py says over one protocol with the SDK of Java; prints the trace id. */
public final class Client {
  private static final String NAME = System.getenv("NAME");
  private static final String ENDPOINT = System.getenv("ENDPOINT");
  private static final String COMPRESSION = System.getenv("COMPRESSION");
  private static final boolean IS_GRPC = System.getenv("PROTOCOL").equals("grpc");
  private static final Resource RESOURCE =
      Resource.create(Attributes.of(AttributeKey.stringKey("service.name"), NAME));

  public static void main(String[] arguments) {
    Span root = sendSpans();
    sendLogs(root);
    sendMetrics();
    System.out.println(root.getSpanContext().getTraceId());
  }

  private static Span sendSpans() {
    SpanExporter exporter =
        IS_GRPC
            ? OtlpGrpcSpanExporter.builder()
                .setEndpoint(ENDPOINT)
                .setCompression(COMPRESSION)
                .build()
            : OtlpHttpSpanExporter.builder()
                .setEndpoint(ENDPOINT + "/v1/traces")
                .setCompression(COMPRESSION)
                .build();
    SdkTracerProvider provider =
        SdkTracerProvider.builder()
            .setResource(RESOURCE)
            .addSpanProcessor(BatchSpanProcessor.builder(exporter).build())
            .build();
    Tracer tracer = provider.get("client", "1.2");
    Span root =
        tracer
            .spanBuilder(NAME)
            .setSpanKind(SpanKind.SERVER)
            .setAttribute("text", "grüße 😀")
            .setAttribute("integer", Long.MAX_VALUE)
            .setAttribute("double", 0.5)
            .setAttribute("flag", true)
            .setAttribute(AttributeKey.stringArrayKey("list"), List.of("a", "b"))
            .startSpan();
    for (int n = 0; n < 700; n++) {
      Span child =
          tracer
              .spanBuilder("child " + n)
              .setParent(Context.root().with(root))
              .addLink(root.getSpanContext())
              .startSpan();
      child.addEvent("seen", Attributes.of(AttributeKey.longKey("n"), (long) n));
      child.setStatus(StatusCode.ERROR, "broken");
      child.end();
    }
    root.end();
    provider.shutdown().join(30, TimeUnit.SECONDS);
    return root;
  }

  private static void sendLogs(Span root) {
    LogRecordExporter exporter =
        IS_GRPC
            ? OtlpGrpcLogRecordExporter.builder()
                .setEndpoint(ENDPOINT)
                .setCompression(COMPRESSION)
                .build()
            : OtlpHttpLogRecordExporter.builder()
                .setEndpoint(ENDPOINT + "/v1/logs")
                .setCompression(COMPRESSION)
                .build();
    SdkLoggerProvider provider =
        SdkLoggerProvider.builder()
            .setResource(RESOURCE)
            .addLogRecordProcessor(BatchLogRecordProcessor.builder(exporter).build())
            .build();
    Logger logger = provider.loggerBuilder("client").setInstrumentationVersion("1.2").build();
    for (int n = 0; n < 10; n++) {
      logger
          .logRecordBuilder()
          .setBody(NAME + " log " + n)
          .setSeverity(Severity.WARN)
          .setAttribute(AttributeKey.longKey("n"), (long) n)
          .setContext(Context.root().with(root))
          .emit();
    }
    provider.shutdown().join(30, TimeUnit.SECONDS);
  }

  private static void sendMetrics() {
    MetricExporter exporter =
        IS_GRPC
            ? OtlpGrpcMetricExporter.builder()
                .setEndpoint(ENDPOINT)
                .setCompression(COMPRESSION)
                .build()
            : OtlpHttpMetricExporter.builder()
                .setEndpoint(ENDPOINT + "/v1/metrics")
                .setCompression(COMPRESSION)
                .build();
    SdkMeterProvider provider =
        SdkMeterProvider.builder()
            .setResource(RESOURCE)
            .registerMetricReader(PeriodicMetricReader.create(exporter))
            .build();
    Meter meter = provider.meterBuilder("client").setInstrumentationVersion("1.2").build();
    meter
        .counterBuilder(NAME + ".counter")
        .setUnit("{thing}")
        .build()
        .add(7, Attributes.of(AttributeKey.stringKey("k"), "v"));
    DoubleHistogram histogram = meter.histogramBuilder(NAME + ".histogram").build();
    for (double value : new double[] {1, 2, 3}) {
      histogram.record(value);
    }
    meter.gaugeBuilder(NAME + ".gauge").build().set(2.5);
    provider.shutdown().join(30, TimeUnit.SECONDS);
  }
}

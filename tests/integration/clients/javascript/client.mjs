// Sends what sent.py says over one protocol with the SDK of JavaScript; prints the trace id.
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { SeverityNumber } from "@opentelemetry/api-logs";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";

const { NAME, PROTOCOL, ENDPOINT, COMPRESSION } = process.env;
const kind = { grpc: "grpc", "http/protobuf": "proto", "http/json": "http" }[PROTOCOL];
const exporter = async (signal, name) => {
  const found = await import(`@opentelemetry/exporter-${signal}-otlp-${kind}`);
  const path = { trace: "traces", logs: "logs", metrics: "metrics" }[signal];
  return new found[name]({
    url: kind === "grpc" ? ENDPOINT : `${ENDPOINT}/v1/${path}`,
    compression: COMPRESSION,
  });
};
const resource = resourceFromAttributes({ "service.name": NAME });

const traces = new BasicTracerProvider({
  resource,
  spanProcessors: [new BatchSpanProcessor(await exporter("trace", "OTLPTraceExporter"))],
});
const tracer = traces.getTracer("client", "1.2");
const root = tracer.startSpan(NAME, {
  kind: SpanKind.SERVER,
  attributes: {
    text: "grüße 😀",
    integer: 9007199254740991,
    double: 0.5,
    flag: true,
    list: ["a", "b"],
    "not a number": NaN,
  },
});
const inside = trace.setSpan(ROOT_CONTEXT, root);
for (let n = 0; n < 700; n++) {
  const child = tracer.startSpan(`child ${n}`, { links: [{ context: root.spanContext() }] }, inside);
  child.addEvent("seen", { n });
  child.setStatus({ code: SpanStatusCode.ERROR, message: "broken" });
  child.end();
}
root.end();
await traces.shutdown();

const logs = new LoggerProvider({
  resource,
  processors: [new BatchLogRecordProcessor({ exporter: await exporter("logs", "OTLPLogExporter") })],
});
for (let n = 0; n < 10; n++) {
  logs.getLogger("client", "1.2").emit({
    body: `${NAME} log ${n}`,
    severityNumber: SeverityNumber.WARN,
    attributes: { n },
    context: inside,
  });
}
await logs.shutdown();

const metrics = new MeterProvider({
  resource,
  readers: [
    new PeriodicExportingMetricReader({
      exporter: await exporter("metrics", "OTLPMetricExporter"),
      exportIntervalMillis: 1e8,
    }),
  ],
});
const meter = metrics.getMeter("client", "1.2");
meter.createCounter(`${NAME}.counter`, { unit: "{thing}" }).add(7, { k: "v" });
for (const value of [1, 2, 3]) {
  meter.createHistogram(`${NAME}.histogram`).record(value);
}
meter.createGauge(`${NAME}.gauge`).record(2.5);
await metrics.shutdown();

console.log(root.spanContext().traceId);

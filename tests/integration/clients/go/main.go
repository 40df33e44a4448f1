// Sends what sent.py says over one protocol with the SDK of Go; prints the trace id.
package main

import (
	"context"
	"fmt"
	"os"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// The exporters take endpoint and compression from the OTEL_EXPORTER_OTLP_ variables.
func main() {
	ctx := context.Background()
	name := os.Getenv("NAME")
	described := resource.NewSchemaless(attribute.String("service.name", name))
	isGRPC := os.Getenv("PROTOCOL") == "grpc"

	var spans sdktrace.SpanExporter
	var logs sdklog.Exporter
	var metrics sdkmetric.Exporter
	if isGRPC {
		spans = must(otlptracegrpc.New(ctx))
		logs = must(otlploggrpc.New(ctx))
		metrics = must(otlpmetricgrpc.New(ctx))
	} else {
		spans = must(otlptracehttp.New(ctx))
		logs = must(otlploghttp.New(ctx))
		metrics = must(otlpmetrichttp.New(ctx))
	}

	traces := sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans), sdktrace.WithResource(described))
	tracer := traces.Tracer("client", trace.WithInstrumentationVersion("1.2"))
	inside, root := tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("text", "grüße 😀"),
		attribute.Int64("integer", 9223372036854775807),
		attribute.Float64("double", 0.5),
		attribute.Bool("flag", true),
		attribute.StringSlice("list", []string{"a", "b"}),
	))
	for n := range 700 {
		_, child := tracer.Start(inside, fmt.Sprintf("child %d", n), trace.WithLinks(trace.LinkFromContext(inside)))
		child.AddEvent("seen", trace.WithAttributes(attribute.Int("n", n)))
		child.SetStatus(codes.Error, "broken")
		child.End()
	}
	root.End()
	check(traces.Shutdown(ctx))

	logging := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(logs)), sdklog.WithResource(described))
	logger := logging.Logger("client", log.WithInstrumentationVersion("1.2"))
	for n := range 10 {
		var record log.Record
		record.SetBody(attribute.StringValue(fmt.Sprintf("%s log %d", name, n)))
		record.SetSeverity(log.SeverityWarn)
		record.AddAttributes(attribute.Int("n", n))
		logger.Emit(inside, record)
	}
	check(logging.Shutdown(ctx))

	metering := sdkmetric.NewMeterProvider(
		sdkmetric.WithReader(sdkmetric.NewPeriodicReader(metrics)), sdkmetric.WithResource(described))
	meter := metering.Meter("client", metric.WithInstrumentationVersion("1.2"))
	counter := must(meter.Int64Counter(name+".counter", metric.WithUnit("{thing}")))
	counter.Add(ctx, 7, metric.WithAttributes(attribute.String("k", "v")))
	histogram := must(meter.Float64Histogram(name + ".histogram"))
	for _, value := range []float64{1, 2, 3} {
		histogram.Record(ctx, value)
	}
	gauge := must(meter.Float64Gauge(name + ".gauge"))
	gauge.Record(ctx, 2.5)
	check(metering.Shutdown(ctx))

	fmt.Println(root.SpanContext().TraceID())
}

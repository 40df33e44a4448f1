"""How fast requests become columns: protobuf bytes in, Arrow batch out, one thread.

Prints one JSON document. For each kind of request and each decoder that is there, the reference in
Python and the native one: bytes per row, and from CPU time of the best and the median of n runs the
rows per second and µs per row; `ratio` says how many times as fast the native one is.

    python benchmarks/bench_decode.py [--runs N] [--rows N]

Fixed seed; the first run of each kind is a warm-up and not counted.
"""

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from google.protobuf.internal import api_implementation
from harness.machine import machine
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stepscope_collector.decode.batch import Decoder, Plan, Signal
from stepscope_collector.decode.native import in_use
from stepscope_collector.decode.request import decode_request
from stepscope_collector.mapping.compile import compile_profiles
from stepscope_collector.mapping.profile import load_shipped

SEED = 20261120
START_NS = 1_795_000_000_000_000_000
REQUESTS_PER_RUN = 20

KINDS: dict[str, tuple[Signal, Callable[[random.Random, int], Any]]] = {}


def kind(signal: Signal) -> Callable[[Any], Any]:
    """Register a function that makes a request of `rows` rows."""

    def register(make: Callable[[random.Random, int], Any]) -> Any:
        KINDS[make.__name__] = (signal, make)
        return make

    return register


@kind("traces")
def own_spans(rng: random.Random, rows: int) -> Any:
    """Steps as the SDK sends them, 8 attributes."""
    request = ExportTraceServiceRequest()
    scope_spans = _envelope(request.resource_spans.add(), "scope_spans", "stepscope")
    for number in range(rows):
        span = _span(scope_spans, rng, number)
        _attributes(span, {
            "workflow.execution.id": f"0192f0c1-7c1e-7b7a-b6a1-{rng.randrange(1 << 48):012x}",
            "stepscope.span.role": "step",
            "workflow.task.name": span.name,
            "workflow.task.type": "function",
            "workflow.task.outcome": "success",
            "stepscope.step.index": number % 10,
            "order.id": str(rng.randrange(100_000)),
            "region": rng.choice(["eu", "us", "ap"]),
        })  # fmt: skip
    return request


@kind("traces")
def foreign_spans(rng: random.Random, rows: int) -> Any:
    """Spans of some instrumentation, 30 attributes of four types."""
    request = ExportTraceServiceRequest()
    scope_spans = _envelope(request.resource_spans.add(), "scope_spans", "instrumentation.http")
    for number in range(rows):
        span = _span(scope_spans, rng, number)
        _attributes(span, {f"http.request.header.x-{i}": f"value {i}" for i in range(18)})
        _attributes(span, {f"net.counter.{i}": rng.randrange(1 << 40) for i in range(8)})
        _attributes(span, {"ratio": rng.random(), "load": rng.random()})
        _attributes(span, {"is.cached": True, "is.retry": False})
    return request


@kind("traces")
def one_bad_string(rng: random.Random, rows: int) -> bytes:
    """The SDK's spans; the name of one was cut inside a character."""
    return _cut_names(own_spans(rng, rows), [rows // 2])


@kind("traces")
def bad_string_each(rng: random.Random, rows: int) -> bytes:
    """The SDK's spans; the name of each was cut inside a character."""
    return _cut_names(own_spans(rng, rows), range(rows))


@kind("logs")
def log_records(rng: random.Random, rows: int) -> Any:
    """Log records inside spans, 4 attributes."""
    request = ExportLogsServiceRequest()
    scope_logs = _envelope(request.resource_logs.add(), "scope_logs", "logging")
    for number in range(rows):
        record = scope_logs.log_records.add(
            time_unix_nano=START_NS + number,
            severity_number=9,
            severity_text="INFO",
            trace_id=rng.randbytes(16),
            span_id=rng.randbytes(8),
        )
        record.body.string_value = f"order {rng.randrange(100_000)} was charged"
        _attributes(record, {
            "code.file.path": "shop/charge.py",
            "code.line.number": rng.randrange(500),
            "workflow.execution.id": f"0192f0c1-7c1e-7b7a-b6a1-{rng.randrange(1 << 48):012x}",
            "stepscope.log.sequence": number,
        })  # fmt: skip
    return request


@kind("metrics")
def data_points(rng: random.Random, rows: int) -> Any:
    """Sums and histograms in turn, 4 points each, 3 attributes."""
    request = ExportMetricsServiceRequest()
    scope_metrics = _envelope(request.resource_metrics.add(), "scope_metrics", "meter")
    for number in range(rows // 4):
        metric = scope_metrics.metrics.add(name=f"orders.{number % 20}", unit="1", description="d")
        data: Any = metric.histogram if number % 2 else metric.sum
        data.aggregation_temporality = 2
        for _ in range(4):
            point = data.data_points.add(start_time_unix_nano=START_NS, time_unix_nano=START_NS + 1)
            if number % 2:
                point.count, point.sum = 12, rng.random()
                point.explicit_bounds.extend([0.01 * 2**i for i in range(10)])
                point.bucket_counts.extend([rng.randrange(9) for _ in range(11)])
            else:
                point.as_int = rng.randrange(1 << 30)
            _attributes(point, {"region": "eu", "status": 200, "route": "/orders/{id}"})
    return request


def _envelope(parent: Any, children: str, scope: str) -> Any:
    _attributes(parent.resource, {"service.name": "billing", "telemetry.sdk.language": "python"})
    child = getattr(parent, children).add()
    child.scope.name, child.scope.version = scope, "1.0"
    return child


def _cut_names(request: Any, which: Iterable[int]) -> bytes:
    for number in which:
        request.resource_spans[0].scope_spans[0].spans[number].name = "caf\0\0"
    payload: bytes = request.SerializeToString()
    return payload.replace(b"caf\0\0", b"caf\0\xc3")


def _span(scope_spans: Any, rng: random.Random, number: int) -> Any:
    start_ns = START_NS + number * 50_000
    return scope_spans.spans.add(
        trace_id=rng.randbytes(16),
        span_id=rng.randbytes(8),
        parent_span_id=rng.randbytes(8),
        name=f"step {number % 10}",
        kind=1,
        start_time_unix_nano=start_ns,
        end_time_unix_nano=start_ns + rng.randrange(1 << 30),
    )


def _attributes(message: Any, attributes: dict[str, object]) -> None:
    for key, value in attributes.items():
        any_value = message.attributes.add(key=key).value
        match value:
            case bool():
                any_value.bool_value = value
            case int():
                any_value.int_value = value
            case float():
                any_value.double_value = value
            case _:
                any_value.string_value = str(value)


def measure(name: str, rows: int, runs: int, plan: Plan) -> dict[str, Any]:
    """Figures of one kind of request."""
    signal, make = KINDS[name]
    made = make(random.Random(SEED), rows)
    payload = made if isinstance(made, bytes) else made.SerializeToString()
    found: dict[str, Any] = {"kind": name, "bytes_per_row": round(len(payload) / rows, 1)}
    for decoder in decoders():
        chosen = replace(plan, decoder=decoder)
        found[decoder] = _timed(
            lambda chosen=chosen: decode_request(signal, payload, "protobuf", chosen), rows, runs
        )
    if "native" in found:
        medians = [found[decoder]["rows_per_s"]["median"] for decoder in ("native", "python")]
        found["ratio"] = round(medians[0] / medians[1], 1)
    return found


def decoders() -> list[Decoder]:
    """Those that are installed; python is the reference."""
    return ["native", "python"] if in_use("auto").decoder == "native" else ["python"]


def _timed(decode: Callable[[], Any], rows: int, runs: int) -> dict[str, Any]:
    us_per_row = []
    for _ in range(runs + 1):
        started = time.process_time_ns()
        for _ in range(REQUESTS_PER_RUN):
            assert decode().row_count == rows
        elapsed_ns = time.process_time_ns() - started
        us_per_row.append(elapsed_ns / 1000 / (rows * REQUESTS_PER_RUN))
    best, median = min(us_per_row[1:]), statistics.median(us_per_row[1:])
    return {
        "us_per_row": {"best": round(best, 3), "median": round(median, 3)},
        "rows_per_s": {"best": round(1e6 / best), "median": round(1e6 / median)},
    }


def main() -> None:
    """Run all kinds and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--rows", type=int, default=512, help="per request, a multiple of 4")
    arguments = parser.parse_args()
    plan = compile_profiles(load_shipped()).plan
    runs = [measure(name, arguments.rows, arguments.runs, plan) for name in KINDS]
    document = {
        "benchmark": "decode",
        "native": in_use("auto").reason,
        "machine": machine(),
        "versions": {
            "protobuf": f"{version('protobuf')} ({api_implementation.Type()})",
            "arro3-core": version("arro3-core"),
        },
        "rows_per_request": arguments.rows,
        "runs": runs,
    }
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()

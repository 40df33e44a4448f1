"""How fast the collector takes spans in: durable, deduplicated and queryable.

Starts a real collector process, sends ready-made OTLP requests of the SDK's spans (8 attributes)
from several senders, each with one request in flight, and prints one JSON document:

    spans_per_s             spans over wall time, senders on the same machine
    spans_per_cpu_s         spans over the collector's own CPU time (user + system)
    bytes_per_span          database file after a checkpoint, over spans
    answer_ms               latency of the answers, which come after the commit: p50 and p99
    sent_to_queryable_ms    from the last answer until a query counts every span

    python benchmarks/bench_ingest.py [--spans N] [--senders N] [--batch N …] [--protocol grpc|http]
                                      [--tee off|up|down …]

With `--tee off up down` each run is made without a tee, with one to a receiver in a process of its own that
takes everything, and with one to a port where nobody listens; `to_tee_off` gives each as a ratio to the first.

Fixed seed; the first requests of each run are a warm-up and not counted.
"""

import argparse
import contextlib
import http.client
import json
import os
import platform
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
SPANS_PER_EXECUTION = 10
SEED = 20261120


def own_request(rng: random.Random, spans: int, start_ns: int) -> bytes:
    """One request of the SDK's spans: executions of a root span and nine steps."""
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    _attribute(resource_spans.resource, "service.name", "billing")
    _attribute(resource_spans.resource, "telemetry.sdk.language", "python")
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name = "stepscope"
    scope_spans.scope.version = "0.1.0"
    for number in range(spans):
        place = number % SPANS_PER_EXECUTION
        if place == 0:
            trace_id, root_id = rng.randbytes(16), rng.randbytes(8)
            execution_id = str(_uuid7(rng, start_ns))
            workflow = f"workflow-{rng.randrange(200)}"
        span = scope_spans.spans.add()
        span.trace_id = trace_id
        span.kind = 1
        span.start_time_unix_nano = start_ns + number * 50_000 + rng.randrange(40_000)
        span.end_time_unix_nano = span.start_time_unix_nano + int(rng.expovariate(1e-8))
        _attribute(span, "workflow.execution.id", execution_id)
        if place == 0:
            span.span_id, span.name = root_id, workflow
            _attribute(span, "stepscope.span.role", "execution")
            _attribute(span, "workflow.name", workflow)
            _attribute(span, "workflow.version", "1.4.2")
            _attribute(span, "workflow.trigger.type", rng.choice(["schedule", "webhook"]))
            _attribute(span, "stepscope.project", "shop")
            _attribute(span, "enduser.id", f"user-{rng.randrange(1000)}")
            _attribute(span, "workflow.execution.outcome", "success")
        else:
            span.span_id, span.parent_span_id = rng.randbytes(8), root_id
            span.name = f"step {place}"
            _attribute(span, "stepscope.span.role", "step")
            _attribute(span, "workflow.task.name", span.name)
            _attribute(span, "workflow.task.type", "function")
            _attribute(span, "workflow.task.outcome", "success")
            _attribute(span, "stepscope.step.index", place - 1)
            _attribute(span, "order.id", str(rng.randrange(100_000)))
            _attribute(span, "region", rng.choice(["eu", "us", "ap"]))
    return request.SerializeToString()


def _attribute(holder: Any, key: str, value: str | int) -> None:
    attribute = holder.attributes.add()
    attribute.key = key
    if isinstance(value, int):
        attribute.value.int_value = value
    else:
        attribute.value.string_value = value


def _uuid7(rng: random.Random, at_ns: int) -> str:
    number = (at_ns // 1_000_000 << 80) | 0x7 << 76 | rng.getrandbits(76)
    text = f"{number:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


class Collector:
    """A collector process on free ports in a directory of its own."""

    def __init__(self, data: Path, *flags: str) -> None:
        self.data = data
        listen = [f"--{name}=127.0.0.1:0" for name in ("otlp-grpc", "otlp-http", "web")]
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "stepscope_collector",
                "serve",
                "--data",
                str(data),
                *listen,
                *flags,
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if "ready" not in line:
            raise SystemExit(f"the collector did not start: {line!r}")
        self.endpoints = json.loads((data / "endpoints.json").read_text(encoding="utf-8"))

    def cpu_s(self) -> float:
        """User and system time so far."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """Resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        kb = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
        return round(int(kb) / 1024, 1)

    def count(self, table: str) -> int:
        """Rows of a table, asked over the web port."""
        connection = http.client.HTTPConnection(self.endpoints["web"])
        body = json.dumps({"sql": f"select count(*) as n from {table}"})
        connection.request(
            "POST", "/api/sql", body=body, headers={"content-type": "application/json"}
        )
        answer = json.load(connection.getresponse())
        return int(answer["rows"][0][0])

    def stop(self) -> None:
        """SIGTERM, then wait until the file is closed."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


_SINK = """
import concurrent.futures, grpc, signal
class Methods(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda request, context: b"")
options = [("grpc.max_receive_message_length", -1)]
server = grpc.server(concurrent.futures.ThreadPoolExecutor(2), [Methods()], options=options)
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
signal.pause()
"""


@contextlib.contextmanager
def tee_flags(tee: str) -> Iterator[list[str]]:
    """Flags of a collector whose tee goes to somebody (up), to nobody (down), or that has none."""
    if tee == "off":
        yield []
        return
    if tee == "down":
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            yield [f"--tee-endpoint=http://127.0.0.1:{nobody.getsockname()[1]}"]
        return
    with subprocess.Popen([sys.executable, "-c", _SINK], stdout=subprocess.PIPE, text=True) as sink:
        assert sink.stdout is not None
        yield [f"--tee-endpoint=http://127.0.0.1:{sink.stdout.readline().strip()}"]
        sink.kill()


class Sender(threading.Thread):
    """Sends its requests one after the other and keeps the answer times."""

    def __init__(self, endpoint: str, protocol: str, requests: list[bytes]) -> None:
        super().__init__()
        self.requests = requests
        self.latencies_ms: list[float] = []
        self._send = _grpc_call(endpoint) if protocol == "grpc" else _http_call(endpoint)

    def run(self) -> None:
        """Send everything."""
        for request in self.requests:
            before = time.perf_counter()
            self._send(request)
            self.latencies_ms.append((time.perf_counter() - before) * 1e3)


def _grpc_call(endpoint: str) -> Any:
    options = [("grpc.use_local_subchannel_pool", 1)]
    return grpc.insecure_channel(endpoint, options).unary_unary(METHOD)


def _http_call(endpoint: str) -> Any:
    connection = http.client.HTTPConnection(endpoint)

    def send(request: bytes) -> None:
        connection.request(
            "POST", "/v1/traces", request, {"content-type": "application/x-protobuf"}
        )
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"the collector answered {answer.status}")

    return send


def run(batch: int, spans: int, senders: int, protocol: str, tee: str) -> dict[str, Any]:
    """One measurement with a fresh database."""
    rng = random.Random(SEED)
    per_sender = max(2, spans // batch // senders)
    start_ns = 1_795_000_000_000_000_000
    warm_up = [own_request(rng, batch, start_ns - 10**12) for _ in range(senders)]
    work = [
        [
            own_request(rng, batch, start_ns + (n * senders + s) * 50_000_000)
            for n in range(per_sender)
        ]
        for s in range(senders)
    ]
    total = batch * senders * per_sender
    with tempfile.TemporaryDirectory() as folder, tee_flags(tee) as flags:
        collector = Collector(Path(folder) / "data", *flags)
        endpoint = collector.endpoints[f"otlp_{protocol}"]
        threads = [Sender(endpoint, protocol, [request]) for request in warm_up]
        _run_all(threads)
        threads = [Sender(endpoint, protocol, requests) for requests in work]
        cpu_before, wall_before = collector.cpu_s(), time.perf_counter()
        _run_all(threads)
        wall_s = time.perf_counter() - wall_before
        cpu_s = collector.cpu_s() - cpu_before
        stored = collector.count("stored.spans")
        queryable_ms = (time.perf_counter() - wall_before - wall_s) * 1e3
        if stored != total + batch * senders:
            raise SystemExit(f"sent {total + batch * senders} spans, stored {stored}")
        memory_mb = collector.memory_mb()
        collector.stop()
        file_bytes = (Path(folder) / "data" / "stepscope.duckdb").stat().st_size
    latencies = sorted(ms for thread in threads for ms in thread.latencies_ms)
    return {
        "batch": batch,
        "spans": total,
        "payload_bytes_per_span": round(len(work[0][0]) / batch, 1),
        "senders": senders,
        "protocol": protocol,
        "tee": tee,
        "spans_per_s": round(total / wall_s),
        "spans_per_cpu_s": round(total / cpu_s),
        "cpu_us_per_span": round(cpu_s / total * 1e6, 2),
        "bytes_per_span": round(file_bytes / stored, 1),
        "answer_ms": {
            "p50": round(latencies[len(latencies) // 2], 1),
            "p99": round(latencies[int(len(latencies) * 0.99)], 1),
        },
        "sent_to_queryable_ms": round(queryable_ms, 1),
        "memory_mb": memory_mb,
    }


def _run_all(threads: list[Sender]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _compare(runs: list[dict[str, Any]]) -> None:
    """Each run with a tee as a ratio to the one without that went before."""
    base: dict[str, Any] = {}
    for found in runs:
        if found["tee"] == "off":
            base = found
        elif base:
            found["to_tee_off"] = {
                "spans_per_s": round(found["spans_per_s"] / base["spans_per_s"], 3),
                "cpu_us_per_span": round(found["cpu_us_per_span"] / base["cpu_us_per_span"], 3),
                "answer_p50": round(found["answer_ms"]["p50"] / base["answer_ms"]["p50"], 3),
            }


def main() -> None:
    """Run the matrix and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--spans", type=int, default=400_000)
    parser.add_argument("--senders", type=int, default=16)
    parser.add_argument("--batch", type=int, nargs="+", default=[32, 512])
    parser.add_argument("--protocol", nargs="+", default=["grpc", "http"])
    parser.add_argument("--tee", choices=["off", "up", "down"], nargs="+", default=["off"])
    arguments = parser.parse_args()
    runs = [
        run(batch, min(arguments.spans, batch * 2000), arguments.senders, protocol, tee)
        for protocol in arguments.protocol
        for batch in arguments.batch
        for tee in arguments.tee
    ]
    _compare(runs)
    print(
        json.dumps(
            {
                "benchmark": "ingest",
                "versions": {
                    "python": platform.python_version(),
                    "duckdb": duckdb.__version__,
                    "grpcio": grpc.__version__,
                },
                "cpus": os.cpu_count(),
                "decoder": "reference",
                "runs": runs,
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()

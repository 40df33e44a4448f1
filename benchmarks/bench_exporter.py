"""What instrumentation costs the watched program, beside the stock SDK, in one run.

Each variant runs in a process of its own, several rounds in turn, and the best round counts:

    bare            the undecorated call
    stock           an OTel span with the attributes of our step, batch processor, stock exporter
    ours            our step, inputs and outputs off (the same attributes)
    stock_capture   the stock span with input and output as two more attributes (made beforehand)
    ours_capture    our step with capture of small arguments
    ours_provider   our step through a stock TracerProvider that the program has set
    exporter_only   stock spans, our span exporter in place of the stock one

    caller_us           wall time of the caller's thread per step, median of chunks of 500 steps
    caller_cpu_us       processor time of the caller's thread per step
    process_cpu_us      processor time of the whole process per delivered step, export included
    delivered           steps the receiver accepted, as the program's exporter counts them

and beside them: import time, installed size, growth of memory over --soak steps.

    python benchmarks/bench_exporter.py [--steps N] [--rounds N] [--soak N]
        [--receiver collector|discard]

`discard` answers every request at once and keeps nothing; `collector` is `stepscope serve` on the
same machine, so its work takes processor time away from the program's. No randomness.
"""

import argparse
import contextlib
import gc
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any

CHUNK = 500
VARIANTS = (
    "bare", "stock", "ours", "stock_capture", "ours_capture", "ours_provider", "exporter_only",
)  # fmt: skip
ATTRIBUTES = {
    "workflow.execution.id": "0192f0c1-7c1e-7b7a-b6a1-5d2c1f0e9a77",
    "stepscope.span.role": "step",
    "workflow.task.name": "add",
    "workflow.task.type": "function",
}


def add(a: int, b: int) -> int:
    return a + b


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--soak", type=int, default=1_000_000)
    parser.add_argument("--receiver", choices=["collector", "discard"], default="collector")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--endpoint", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        run_child(options.child, options.endpoint, options.steps)
        return
    with receiver(options.receiver) as endpoint:
        best: dict[str, dict[str, float]] = {}
        for _ in range(options.rounds):
            for variant in VARIANTS:
                found = child(variant, endpoint, options.steps)
                known = best.get(variant)
                if known is None or found["process_cpu_us"] < known["process_cpu_us"]:
                    best[variant] = found
        soak = child("soak", endpoint, options.soak) if options.soak else None
    print(json.dumps(report(options, best, soak), indent=2))


def report(
    options: argparse.Namespace, best: dict[str, dict[str, float]], soak: dict[str, float] | None
) -> dict[str, Any]:
    def ratio(ours: str, stock: str, key: str) -> float:
        return round(best[ours][key] / best[stock][key], 3)

    return {
        "benchmark": "exporter",
        "python": platform.python_version(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "versions": {
            name: importlib.metadata.version(name)
            for name in ("stepscope", "opentelemetry-sdk", "grpcio", "protobuf")
        },
        "receiver": options.receiver,
        "steps": options.steps,
        "rounds": options.rounds,
        "variants": best,
        "ratios": {
            "caller ours/stock (limit 1.15)": ratio("ours", "stock", "caller_us"),
            "caller with capture, ours/stock": ratio("ours_capture", "stock_capture", "caller_us"),
            "process ours/stock (limit 0.5)": ratio("ours", "stock", "process_cpu_us"),
            "process with capture, ours/stock": ratio(
                "ours_capture", "stock_capture", "process_cpu_us"
            ),
            "process, only the exporter ours": ratio("exporter_only", "stock", "process_cpu_us"),
        },
        "soak": soak,
        "import_ms": import_ms(),
        "installed": installed(),
    }


def child(variant: str, endpoint: str, steps: int) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, "--child", variant, "--endpoint", endpoint, "--steps", str(steps)],
        capture_output=True, text=True, timeout=900, check=False,
        env={key: text for key, text in os.environ.items() if not key.startswith("OTEL_")},
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{variant} failed:\n{done.stderr}")
    if done.stderr:
        sys.stderr.write(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def run_child(variant: str, endpoint: str, steps: int) -> None:
    if variant == "soak":
        print(json.dumps(soak(endpoint, steps)))
        return
    run, finish = BUILDERS[variant](endpoint, steps)
    run(2000)
    gc.collect()
    process_start, thread_start = time.process_time(), time.thread_time()
    chunks = []
    for _ in range(steps // CHUNK):
        started = time.perf_counter()
        run(CHUNK)
        chunks.append((time.perf_counter() - started) / CHUNK)
    thread = time.thread_time() - thread_start
    delivered = finish()
    process = time.process_time() - process_start
    count = steps // CHUNK * CHUNK
    print(json.dumps({
        "caller_us": round(statistics.median(chunks) * 1e6, 2),
        "caller_cpu_us": round(thread / count * 1e6, 2),
        "process_cpu_us": round(process / count * 1e6, 2),
        "delivered": delivered,
    }))  # fmt: skip


Built = tuple[Callable[[int], None], Callable[[], int]]


def build_bare(_endpoint: str, steps: int) -> Built:
    def run(count: int) -> None:
        for number in range(count):
            add(number, 2)

    return run, lambda: steps


def build_stock(
    endpoint: str, steps: int, extra: dict[str, str] | None = None, ours: bool = False
) -> Built:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    if ours:
        from stepscope.otlp import SpanExporter

        exporter: Any = SpanExporter(endpoint)
    else:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter(endpoint, insecure=True)
    sent = [0]
    original = exporter.export

    def export(spans: Any) -> Any:
        result = original(spans)
        sent[0] += len(spans) if result.name == "SUCCESS" else 0
        return result

    exporter.export = export
    provider = TracerProvider()
    # The default queue of 2,048 loses spans of a tight loop; here every span is to be delivered.
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=steps + 10_000))
    trace.set_tracer_provider(provider)
    tracer = provider.get_tracer("stepscope")
    root = tracer.start_as_current_span("w")
    root.__enter__()
    further = extra or {}

    def run(count: int) -> None:
        for number in range(count):
            attributes = {**ATTRIBUTES, "stepscope.step.index": number, **further}
            with tracer.start_as_current_span("add", attributes=attributes) as span:
                add(number, 2)
                span.set_attribute("workflow.task.outcome", "success")

    def finish() -> int:
        provider.force_flush(600_000)
        return sent[0]

    return run, finish


def build_stock_capture(endpoint: str, steps: int) -> Built:
    return build_stock(
        endpoint, steps, {"stepscope.input": '{"a":1234,"b":2}', "stepscope.output": "1236"}
    )


def build_exporter_only(endpoint: str, steps: int) -> Built:
    return build_stock(endpoint, steps, ours=True)


def build_ours(endpoint: str, _steps: int, is_captured: bool = False) -> Built:
    import stepscope

    stepscope.configure(endpoint, capture_input=is_captured, capture_output=is_captured)
    step = stepscope.step(add)
    stepscope.workflow("w").__enter__()

    def run(count: int) -> None:
        for number in range(count):
            step(number, 2)

    def finish() -> int:
        stepscope.flush(600)
        return stepscope.status().counters.sent

    return run, finish


def build_ours_capture(endpoint: str, steps: int) -> Built:
    return build_ours(endpoint, steps, is_captured=True)


def build_ours_provider(endpoint: str, steps: int) -> Built:
    _, finish = build_stock(endpoint, steps)
    run, _ = build_ours(endpoint, steps)
    return run, finish


BUILDERS: dict[str, Callable[[str, int], Built]] = {
    "bare": build_bare,
    "stock": build_stock,
    "ours": build_ours,
    "stock_capture": build_stock_capture,
    "ours_capture": build_ours_capture,
    "ours_provider": build_ours_provider,
    "exporter_only": build_exporter_only,
}


def soak(endpoint: str, steps: int) -> dict[str, float]:
    """All steps in one process at full speed: what arrives, what is lost, how memory grows."""
    import stepscope

    stepscope.configure(endpoint)
    step = stepscope.step(add)
    rss, blocks = [], []
    started = time.perf_counter()
    with stepscope.workflow("soak"):
        for _ in range(10):
            for number in range(steps // 10):
                step(number, 2)
            stepscope.flush(600)
            gc.collect()
            rss.append(_rss_mb())
            blocks.append(sys.getallocatedblocks())
    stepscope.flush(600)
    counters = stepscope.status().counters
    return {
        "steps": steps,
        "seconds": round(time.perf_counter() - started, 1),
        "sent": counters.sent,
        "dropped": counters.dropped,
        "lost": counters.lost + counters.refused + counters.rejected,
        "rss_mb_after_first_tenth": rss[0],
        "rss_mb_after_last_tenth": rss[-1],
        "blocks_after_second_tenth": blocks[1],
        "blocks_after_last_tenth": blocks[-1],
    }


def _rss_mb() -> float:
    pages = int(pathlib.Path("/proc/self/statm").read_text("ascii").split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def import_ms() -> dict[str, float]:
    """Processor time of importing, best of 7 processes each."""

    def best(statement: str) -> float:
        program = (
            f"import time; s = time.process_time(); {statement}; print(time.process_time() - s)"
        )
        runs = [
            float(
                subprocess.run(
                    [sys.executable, "-c", program], capture_output=True, check=True
                ).stdout
            )
            for _ in range(7)
        ]
        return round(min(runs) * 1000, 1)

    api = best("import opentelemetry.trace, opentelemetry.context")
    ours = best("import stepscope")
    return {
        "opentelemetry_api": api,
        "stepscope": ours,
        "above_api (limit 60)": round(ours - api, 1),
    }


def installed() -> dict[str, Any]:
    """What `pip install stepscope` puts on the disk, byte code left out."""
    names: set[str] = set()
    todo = ["stepscope"]
    while todo:
        name = todo.pop()
        if name not in names:
            names.add(name)
            wanted = [r for r in importlib.metadata.requires(name) or () if "extra ==" not in r]
            todo += [re.split(r"[^A-Za-z0-9_.-]", requirement)[0] for requirement in wanted]
    size = 0
    for name in names:
        for file in importlib.metadata.files(name) or ():
            path = pathlib.Path(str(file.locate()))
            if path.suffix not in (".pyc", ".pth") and path.is_file():
                size += path.stat().st_size
    for folder in ("exporter/src", "schema/src"):  # editable installs list no files
        root = pathlib.Path(__file__).parents[1] / folder
        size += sum(p.stat().st_size for p in root.rglob("*") if p.is_file() and p.suffix != ".pyc")
    return {"distributions": sorted(names), "mb (limit 2)": round(size / 1e6, 2)}


@contextlib.contextmanager
def receiver(kind: str) -> Iterator[str]:
    if kind == "collector":
        with tempfile.TemporaryDirectory() as folder, collector(pathlib.Path(folder)) as endpoint:
            yield endpoint
        return
    program = "from benchmarks.bench_exporter import discard; discard()"
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True,
        cwd=pathlib.Path(__file__).parents[1],
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def discard() -> None:
    """A gRPC server that accepts everything and keeps nothing."""
    import grpc

    class Handler(grpc.GenericRpcHandler):
        def service(self, _details: Any) -> Any:
            return grpc.unary_unary_rpc_method_handler(lambda _request, _context: b"")

    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    server.add_generic_rpc_handlers((Handler(),))
    print(f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}", flush=True)
    server.start()
    server.wait_for_termination()


@contextlib.contextmanager
def collector(folder: pathlib.Path) -> Iterator[str]:
    command = pathlib.Path(sys.executable).with_name("stepscope")
    anywhere = "127.0.0.1:0"
    process = subprocess.Popen(
        [str(command), "serve", "--data", str(folder), "--otlp-grpc", anywhere, "--otlp-http", anywhere,
         "--web", anywhere], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield f"http://{_address(process, folder)}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def _address(process: subprocess.Popen[str], folder: pathlib.Path) -> str:
    pause = threading.Event()
    for _ in range(300):
        with contextlib.suppress(OSError, ValueError, KeyError):
            return str(json.loads((folder / "endpoints.json").read_text("utf-8"))["otlp_grpc"])
        if process.poll() is not None:
            sys.exit(f"the collector did not start: {process.communicate()[1]}")
        pause.wait(0.1)
    sys.exit("the collector did not say where it listens within 30 s")


if __name__ == "__main__":
    main()

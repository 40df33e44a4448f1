"""How fast the collector takes spans in: durable, deduplicated and queryable.

Starts a real collector process, sends ready-made OTLP requests from several senders, each with one
request in flight, and prints one JSON document:

    spans_per_s             spans over wall time until a query counts all of them, senders on the same machine
    spans_per_cpu_s         spans over the collector's own CPU time (user + system) until then
    bytes_per_span          database file after a checkpoint, over spans; the warm-up's, which the file holds, too
    empty_file_bytes        the file of a collector that got nothing, which is in the former
    random_bytes_per_span   what the senders drew at random of a span: no file could hold less
    answer_ms               times of the answers: p50, p99, the greatest
    half_load               the same when the senders send half of what was taken; from when a request was due
    sent_to_queryable_ms    from the last answer until a query counts every span

    python benchmarks/bench_ingest.py [--shape own foreign payloads resources] [--spans N] [--senders N …]
        [--batch N …] [--protocol grpc http] [--tee off up down] [--half-load] [--stages] [--decoder auto native python]
        [--answers backlog commit] [--server auto native grpcio]

With `--tee off up down` each run is made without a tee, with one to a receiver in a process of its own that
takes everything, and with one to a port where nobody listens; `to_tee_off` gives each as a ratio to the first.
With `--answers commit` there is no backlog: each answer waits for its commit.
With `--server native grpcio` gRPC is served by our own server and by that of grpcio.
With `--stages` the write path runs inside this process, without a server, and the document says how many
nanoseconds of CPU each stage of it takes per span, every SQL statement by its name.

Fixed seed; the first requests of each run are a warm-up and not counted.
"""

import argparse
import contextlib
import functools
import itertools
import json
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.machine import machine
from harness.requests import RANDOM_BYTES, SEED, SHAPES, START_NS
from harness.server import Collector, Sender, run_all, summary
from harness.stages import stages

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


@functools.cache
def empty_file_bytes() -> int:
    """The file of a collector that was started and stopped."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        Collector(data).stop()
        return (data / "stepscope.duckdb").stat().st_size


def run(  # noqa: PLR0913 the axes of the matrix
    shape: str,
    batch: int,
    spans: int,
    senders: int,
    protocol: str,
    tee: str,
    decoder: str,
    answers: str,
    server: str,
    half: bool,
) -> dict[str, Any]:
    """One measurement with a fresh database."""
    rng = random.Random(SEED)
    make = SHAPES[shape]
    per_sender = max(2, spans // batch // senders)
    warm_up = [make(rng, batch, START_NS - (n + 1) * 10**12) for n in range(senders)]
    work = [
        [make(rng, batch, START_NS + (n * senders + s) * 50_000_000) for n in range(per_sender)]
        for s in range(senders)
    ]
    total = batch * senders * per_sender
    with tempfile.TemporaryDirectory() as folder, tee_flags(tee) as flags:
        data = Path(folder) / "data"
        collector = Collector(
            data,
            f"--ingest-decoder={decoder}",
            f"--ingest-backlog={str(answers == 'backlog').lower()}",
            f"--otlp-grpc-server={server}",
            *flags,
        )
        endpoint = collector.endpoints[f"otlp_{protocol}"]
        run_all([Sender(endpoint, protocol, [request]) for request in warm_up])
        cpu_before, wall_before = collector.cpu_s(), time.perf_counter()
        latencies = run_all([Sender(endpoint, protocol, requests) for requests in work])
        answered_s = time.perf_counter() - wall_before
        stored = collector.count("stored.spans")
        # until all of it is committed: what is answered first is not done yet
        wall_s = time.perf_counter() - wall_before
        cpu_s = collector.cpu_since(cpu_before)
        if stored != total + batch * senders:
            raise SystemExit(f"sent {total + batch * senders} spans, stored {stored}")
        memory_mb = collector.memory_mb()
        paced = {}
        if half:
            per_s = total / wall_s / batch / senders / 2
            count = max(2, int(min(30.0, wall_s * 2) * per_s))
            paced = {
                "half_load": _paced(rng, shape, batch, endpoint, protocol, senders, per_s, count)
            }
            stored += batch * senders * count
        collector.stop()
        file_bytes = (data / "stepscope.duckdb").stat().st_size
    return {
        "shape": shape,
        "batch": batch,
        "spans": total,
        "payload_bytes_per_span": round(len(work[0][0]) / batch, 1),
        "senders": senders,
        "protocol": protocol,
        "tee": tee,
        "decoder": decoder,
        "answers": answers,
        "server": server,
        "spans_per_s": round(total / wall_s),
        "spans_per_cpu_s": round(total / cpu_s),
        "cpu_us_per_span": round(cpu_s / total * 1e6, 2),
        "bytes_per_span": round(file_bytes / stored, 1),
        "empty_file_bytes": empty_file_bytes(),
        "random_bytes_per_span": round(RANDOM_BYTES[shape], 1),
        "answer_ms": summary(latencies),
        **paced,
        "sent_to_queryable_ms": round((wall_s - answered_s) * 1e3, 1),
        "memory_mb": memory_mb,
    }


def _paced(  # noqa: PLR0913 the axes of the matrix
    rng: random.Random,
    shape: str,
    batch: int,
    endpoint: str,
    protocol: str,
    senders: int,
    per_s: float,
    count: int,
) -> dict[str, Any]:
    """Answer times when each sender sends so many requests per second."""
    begin_ns = START_NS + 10**15
    work = [
        [SHAPES[shape](rng, batch, begin_ns + (n * senders + s) * 50_000_000) for n in range(count)]
        for s in range(senders)
    ]
    found = run_all([Sender(endpoint, protocol, requests, per_s) for requests in work])
    return {"spans_per_s": round(per_s * batch * senders), "answer_ms": summary(found)}


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
    parser.add_argument("--senders", type=int, nargs="+", default=[16])
    parser.add_argument("--batch", type=int, nargs="+", default=[32, 512])
    parser.add_argument("--shape", choices=list(SHAPES), nargs="+", default=["own"])
    parser.add_argument("--protocol", choices=["grpc", "http"], nargs="+", default=["grpc", "http"])
    parser.add_argument("--tee", choices=["off", "up", "down"], nargs="+", default=["off"])
    parser.add_argument(
        "--decoder", choices=["auto", "native", "python"], nargs="+", default=["auto"]
    )
    parser.add_argument("--answers", choices=["backlog", "commit"], nargs="+", default=["backlog"])
    parser.add_argument(
        "--server", choices=["auto", "native", "grpcio"], nargs="+", default=["auto"]
    )
    parser.add_argument("--half-load", action="store_true")
    parser.add_argument("--stages", action="store_true")
    arguments = parser.parse_args()
    axes = itertools.product(
        arguments.shape, arguments.protocol, arguments.senders, arguments.batch, arguments.decoder
    )
    if arguments.stages:
        runs = [
            stages(shape, batch, senders, arguments.spans, decoder)
            for shape, protocol, senders, batch, decoder in axes
            if protocol == arguments.protocol[0]
        ]
    else:
        runs = [
            # Small requests cost more each, so there are fewer spans of them; at 32 still those of five commits.
            run(shape, batch, min(arguments.spans, batch * 10_000), senders, protocol, tee, decoder,
                answers, server, arguments.half_load)
            for shape, protocol, senders, batch, decoder in axes
            for tee in arguments.tee
            for answers in arguments.answers
            for server in arguments.server
        ]  # fmt: skip
        _compare(runs)
    name = "ingest stages" if arguments.stages else "ingest"
    print(json.dumps({"benchmark": name, "machine": machine(), "runs": runs}, indent=2))


if __name__ == "__main__":
    main()

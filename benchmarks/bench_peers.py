"""Other servers and the collector, one after the other, with the same requests in the same run.

Every peer that can be installed here gets the SDK's spans over gRPC. Prints one JSON document: spans per
second and per CPU-second of the server until its last answer, memory, bytes on disk, and what became of
the spans, which is not the same everywhere. `to_collector` says how many times the CPU of the collector each takes.

    python benchmarks/bench_peers.py [--spans N] [--senders N] [--batch N] [--only NAME …]
"""

import argparse
import json
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from harness.machine import machine
from harness.requests import SEED, START_NS, own
from harness.server import Collector, Process, Sender, run_all, summary
from peers.servers import PEERS, Missing

COLLECTOR = "stepscope"


def _start(name: str, folder: Path) -> tuple[Process, str]:
    if name != COLLECTOR:
        return PEERS[name].start(folder)
    collector = Collector(folder / "data")
    return collector, collector.endpoints["otlp_grpc"]


def measure(name: str, spans: int, senders: int, batch: int) -> dict[str, Any]:
    """The figures of one server."""
    rng = random.Random(SEED)
    each = max(2, spans // batch // senders)
    warm_up = [own(rng, batch, START_NS - (n + 1) * 10**12) for n in range(senders)]
    work = [
        [own(rng, batch, START_NS + (n * senders + s) * 50_000_000) for n in range(each)]
        for s in range(senders)
    ]
    total = batch * senders * each
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        process, endpoint = _start(name, folder)
        run_all([Sender(endpoint, "grpc", [request]) for request in warm_up])
        cpu, wall = process.cpu_s(), time.perf_counter()
        answers = run_all([Sender(endpoint, "grpc", requests) for requests in work])
        wall = time.perf_counter() - wall
        cpu = process.cpu_since(cpu)
        memory = process.memory_mb()
        process.stop()
        disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {
        "does": "stores, durable and queryable" if name == COLLECTOR else PEERS[name].about,
        "spans_per_s": round(total / wall),
        "spans_per_cpu_s": round(total / cpu),
        "cpu_us_per_span": round(cpu / total * 1e6, 2),
        "answer_ms": summary(answers),
        "memory_mb": memory,
        "disk_bytes_per_span": round(disk / (total + batch * senders), 1),
    }


def main() -> None:
    """Measure all that can be had and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--spans", type=int, default=100_000)
    parser.add_argument("--senders", type=int, default=16)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--only", nargs="+", choices=list(PEERS), default=list(PEERS))
    arguments = parser.parse_args()
    setting = arguments.spans, arguments.senders, arguments.batch
    runs: dict[str, Any] = {COLLECTOR: measure(COLLECTOR, *setting)}
    for name in arguments.only:
        # slow ones would take an hour for what a tenth tells as well
        spans = arguments.spans // 20 if name == "arize-phoenix" else arguments.spans
        try:
            runs[name] = measure(name, spans, arguments.senders, arguments.batch)
        except Missing as missing:
            runs[name] = {"missing": str(missing)}
            continue
        ours = runs[COLLECTOR]["cpu_us_per_span"]
        runs[name]["to_collector"] = round(runs[name]["cpu_us_per_span"] / ours, 2)
    print(json.dumps({"benchmark": "peers", "machine": machine(), "runs": runs}, indent=2))


if __name__ == "__main__":
    main()

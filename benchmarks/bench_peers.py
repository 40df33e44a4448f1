"""Other servers and the collector, one after the other, with the same requests in the same run.

Every peer that can be installed here gets the SDK's spans, over gRPC where it takes that. Prints one
JSON document: spans per second until the last answer, spans per CPU-second of the server until it is
idle again (some store after they answer), times of the answers and what an answer means, memory, and
bytes on disk. `to_collector` says how many times the CPU of the collector each takes. What cannot be
installed stands there as `missing`, with the reason.

    python benchmarks/bench_peers.py [--spans N] [--senders N] [--batch N] [--only NAME …]

Peers go to .isolate/peers in pinned versions: from PyPI into an environment each, from the Go module
proxy built here, which takes minutes the first time (Jaeger 15).
"""

import argparse
import json
import random
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from harness.machine import machine
from harness.requests import SEED, START_NS, own
from harness.server import Collector, Process, Refused, Sender, run_all, summary
from peers.servers import PEERS, Missing, Peer

COLLECTOR = "stepscope"
SETTLE_S: Final = 120


def _collector(folder: Path) -> tuple[Process, str]:
    collector = Collector(folder / "data")
    return collector, collector.endpoints["otlp_grpc"]


OURS: Final = Peer("DuckDB, deduplicated, queryable", "durable", _collector)


def measure(peer: Peer, spans: int, senders: int, batch: int) -> dict[str, Any]:
    """The figures of one server."""
    rng = random.Random(SEED)
    senders = min(senders, peer.senders)
    each = max(2, spans // peer.share // batch // senders)
    warm_up = [own(rng, batch, START_NS - (n + 1) * 10**12) for n in range(senders)]
    work = [
        [own(rng, batch, START_NS + (n * senders + s) * 50_000_000) for n in range(each)]
        for s in range(senders)
    ]
    total = batch * senders * each
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        process, endpoint = peer.start(folder)
        try:
            run_all(_senders(peer, endpoint, [[request] for request in warm_up]))
            process.settle(SETTLE_S)
            cpu, wall = process.cpu_s(), time.perf_counter()
            answers = run_all(_senders(peer, endpoint, work))
            wall = time.perf_counter() - wall
            memory = process.memory_mb()
            settled = process.settle(SETTLE_S)
            cpu = process.cpu_since(cpu)
        finally:
            process.stop()
        disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {
        "does": peer.about,
        "answer_means": peer.answers,
        "protocol": peer.protocol,
        "senders": senders,
        "spans": total,
        "spans_per_s": round(total / wall),
        "spans_per_cpu_s": round(total / cpu),
        "cpu_us_per_span": round(cpu / total * 1e6, 2),
        "was_idle_at_the_end": settled,
        "answer_ms": summary(answers),
        "memory_mb": memory,
        "disk_bytes_per_span": round(disk / (total + batch * senders), 1),
    }


def _senders(peer: Peer, endpoint: str, work: list[list[bytes]]) -> list[Sender]:
    return [Sender(endpoint, peer.protocol, requests, headers=peer.headers) for requests in work]


def main() -> None:
    """Measure all that can be had and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--spans", type=int, default=300_000)
    parser.add_argument("--senders", type=int, default=16)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--only", nargs="+", choices=list(PEERS), default=list(PEERS))
    arguments = parser.parse_args()
    setting = arguments.spans, arguments.senders, arguments.batch
    runs: dict[str, Any] = {COLLECTOR: measure(OURS, *setting)}
    for name in arguments.only:
        try:
            runs[name] = measure(PEERS[name], *setting)
        except Missing as missing:
            runs[name] = {"missing": str(missing)}
            continue
        except Refused as refused:
            runs[name] = {"missing": f"started, but {refused}"}
            continue
        ours = runs[COLLECTOR]["cpu_us_per_span"]
        runs[name]["to_collector"] = round(runs[name]["cpu_us_per_span"] / ours, 2)
    print(json.dumps({"benchmark": "peers", "machine": machine(), "runs": runs}, indent=2))


if __name__ == "__main__":
    main()

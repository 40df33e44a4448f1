"""What retention costs those who send, how fast it removes, and what becomes of the file.

    python benchmarks/bench_retention.py [--executions 100000] [--part 0.3] [--senders 1] [--seconds 8] [--keep DIRECTORY]

Makes a history as bench_query.py does, ten spans per execution over 90 days. A real collector opens it; each sender sends
one execution of ten spans after the other over gRPC: for `--seconds` alone, then while everything but the newest
`1 - part` of the history is pruned by age, then while the file is compacted. Prints one JSON document: milliseconds of answers in
each of the three and as ratios to the first, how long rounds took (commits wait for so long), executions removed per
second, bytes of the file; what was sent and the hourly counts of what was removed are in it as well.
"""

import argparse
import json
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench_query import generate, layout
from harness.machine import machine
from harness.requests import SEED, own
from harness.server import Collector, Sender, summary

DAYS = 90
SPANS = 10
FILE = "stepscope.duckdb"
ROUNDS = "stepscope_prune_round_duration_seconds"
FLAGS = ("--retention-max-bytes=0", "--retention-interval-s=0")


def requests(seed: int, stop: threading.Event) -> Iterator[bytes]:
    """One execution after the other, of now, until told to stop."""
    rng = random.Random(seed)
    while not stop.is_set():
        yield own(rng, SPANS, time.time_ns() - 10**9)


class Phases:
    """Senders that go on while something else is done, and what their answers took meanwhile."""

    def __init__(self, senders: list[Sender]) -> None:
        self._senders = senders
        self._taken = [0] * len(senders)
        self._begun_s = time.perf_counter()

    def take(self) -> dict[str, float]:
        """Answers since the last time."""
        found: list[float] = []
        for place, sender in enumerate(self._senders):
            if sender.error is not None:
                raise SystemExit(f"a request was not answered: {sender.error}")
            latest = sender.latencies_ms[self._taken[place] :]
            self._taken[place] += len(latest)
            found += latest
        elapsed_s = time.perf_counter() - self._begun_s
        self._begun_s = time.perf_counter()
        return {
            **summary(sorted(found)),
            "answers": len(found),
            "executions_per_s": round(len(found) / elapsed_s, 1),
        }


def rounds_of(collector: Collector) -> dict[str, float]:
    """How long rounds took, from the collector's histogram; p99 as far as its buckets tell."""
    text = collector.text("/metrics")
    buckets: list[tuple[float, int]] = []
    for line in text.splitlines():
        name, _, value = line.rpartition(" ")
        if name.startswith(f"{ROUNDS}_bucket{{"):
            buckets.append((float(name.split('le="')[1].split('"')[0]), int(float(value))))
    count = buckets[-1][1]
    p99 = next(edge for edge, below in buckets if below >= 0.99 * count)
    within = next(below for edge, below in buckets if edge == 0.1)
    return {"count": count, "p99_at_most_ms": p99 * 1e3, "above_100_ms": count - within}


def measured(data: Path, given: argparse.Namespace) -> dict[str, Any]:
    """The document, but for the machine."""
    collector = Collector(data, *FLAGS)
    stop = threading.Event()
    senders = [
        Sender(collector.endpoints["otlp_grpc"], "grpc", requests(SEED + number, stop))
        for number in range(given.senders)
    ]
    try:
        phases = Phases(senders)
        for sender in senders:
            sender.start()
        time.sleep(given.seconds)
        answers = {"alone": phases.take()}
        age = f"{round(DAYS * 86_400 * (1 - given.part))}s"
        made_bytes = (data / FILE).stat().st_size
        begun = time.perf_counter()
        pruned = collector.ask("POST", f"/api/admin/prune?max_age={age}", {})["prune"]
        prune_s = time.perf_counter() - begun
        answers["while pruning"] = phases.take()
        rounds = rounds_of(collector)
        begun = time.perf_counter()
        compacted = collector.ask("POST", "/api/admin/compact", {})["compaction"]
        compact_s = time.perf_counter() - begun
        answers["while compacting"] = phases.take()
    finally:
        stop.set()
        for sender in senders:
            sender.join()
        collector.stop()
    alone = answers["alone"]
    ratios = {
        f"{name}, to alone": {
            each: round(answers[name][each] / alone[each], 2) for each in ("p50", "p99", "max")
        }
        for name in ("while pruning", "while compacting")
    }
    removed = pruned["erased"]["executions"]
    return {
        "answer_ms": {**answers, **ratios},
        "removed_executions": removed,
        "sent_executions": int(sum(len(sender.latencies_ms) for sender in senders)),
        "removed_spans": pruned["erased"]["spans"],
        "prune_s": round(prune_s, 1),
        "removed_per_s": round(removed / prune_s),
        "rounds": {**rounds, "longest_ms": round(pruned["longest_round_ns"] / 1e6, 1)},
        "compaction_s": round(compact_s, 1),
        "commits_waited_ms": round(compacted["waited_ns"] / 1e6),
        "file_bytes": {
            "before": made_bytes,
            "pruned": compacted["before_bytes"],
            "compacted": compacted["after_bytes"],
        },
    }


def main() -> None:
    """Make the history, measure, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--executions", type=int, default=100_000)
    parser.add_argument("--part", type=float, default=0.3, help="of the history, that is removed")
    parser.add_argument("--senders", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--keep", type=Path, help="directory of histories that are used again")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / FILE
        if given.keep is None:
            generate(path, given.executions)
        else:
            given.keep.mkdir(parents=True, exist_ok=True)
            kept = given.keep / f"retention-{given.executions}-{layout()}.duckdb"
            if not kept.exists():
                generate(kept, given.executions)
            path.write_bytes(kept.read_bytes())
        found = measured(Path(directory), given)
    about = {"executions": given.executions, "part": given.part, "senders": given.senders}
    print(json.dumps({"machine": machine(), "about": about, **found}, indent=2))


if __name__ == "__main__":
    main()

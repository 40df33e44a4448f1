"""Whether a long history costs those who write and look: the same load on files of several sizes.

For each size a history is made straight in the tables of a real database (as bench_query.py does,
ten spans per execution), a collector starts on it, shows its newest page and takes the SDK's spans in over gRPC.
Prints one JSON document: seconds to start with and without reading the file (`store.verify_s`),
ms of the newest page, CPU per span and answer times, memory before and after the load, bytes of the
file per span; and each as a ratio to the smallest size.

    python benchmarks/bench_scale.py [--sizes SPANS …] [--spans N] [--senders N] [--batch N] [--keep DIRECTORY]

The limits of the issue are those at 100,000,000 spans: `--sizes 10000 100000000`. Its file of 8.5 GB is
made by insert … select at 9 µs of CPU per span, on two cores that do nothing else in about ten minutes,
and copied once for the run; with --keep the files are made once.
"""

import argparse
import contextlib
import json
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench_query import generate
from harness.machine import machine
from harness.requests import SEED, own
from harness.server import Collector, Sender, run_all, summary

SPANS_PER_EXECUTION = 10
RATIOS = ("start_s", "start_unread_s", "newest_page_ms", "cpu_us_per_span", "memory_mb")


def measure(history: Path, size: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Start on a copy of the history, look, take spans in."""
    rng = random.Random(SEED)
    begin_ns = time.time_ns()
    per_sender = max(2, arguments.spans // arguments.batch // arguments.senders)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        shutil.copyfile(history, data / "stepscope.duckdb")
        collector = Collector(data)
        started_mb = collector.memory_mb()
        pages = []
        for _ in range(20):
            begun = time.perf_counter()
            collector.ask("GET", "/api/executions?limit=50")
            pages.append((time.perf_counter() - begun) * 1e3)
        endpoint = collector.endpoints["otlp_grpc"]

        def senders(count: int) -> list[Sender]:
            nonlocal begin_ns
            made = []
            for _ in range(arguments.senders):
                requests = []
                for _ in range(count):
                    begin_ns += 50_000_000
                    requests.append(own(rng, arguments.batch, begin_ns))
                made.append(Sender(endpoint, "grpc", requests))
            return made

        # Some commits: the first makes the engine read what it has to know of each row group.
        run_all(senders(8))
        work = senders(per_sender)
        collector.settle(60)  # what a start looks at in a long history is not the load's
        before = collector.cpu_s()
        answers = run_all(work)
        collector.sql("select 1")  # waits until all that was answered is committed
        cpu_s = collector.cpu_since(before)
        found = {
            "spans_before": size,
            "file_bytes_per_span": round(history.stat().st_size / size, 1),
            "start_s": round(collector.start_s, 2),
            "newest_page_ms": round(sorted(pages)[len(pages) // 2], 1),
            "cpu_us_per_span": round(
                cpu_s / (arguments.batch * arguments.senders * per_sender) * 1e6, 2
            ),
            "answer_ms": summary(answers),
            "memory_at_start_mb": started_mb,
            "memory_mb": collector.memory_mb(),
        }
        collector.stop()
        unread = Collector(data, "--store-verify-s=0")
        found["start_unread_s"] = round(unread.start_s, 2)
        unread.stop()
    return found


@contextlib.contextmanager
def _place(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def main() -> None:
    """Measure every size and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--spans", type=int, default=400_000)
    parser.add_argument("--senders", type=int, default=16)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--keep", type=Path, help="directory to keep the files in")
    arguments = parser.parse_args()
    runs = []
    with _place(arguments.keep) as folder:
        for size in sorted(arguments.sizes):
            history = folder / f"scale-{size}.duckdb"
            if not history.exists():
                generate(history, size // SPANS_PER_EXECUTION)
            runs.append(measure(history, size, arguments))
    for found in runs[1:]:
        found["to_smallest"] = {name: round(found[name] / runs[0][name], 2) for name in RATIOS}
    print(json.dumps({"benchmark": "scale", "machine": machine(), "runs": runs}, indent=2))


if __name__ == "__main__":
    main()

"""Whether a long history costs those who write and look: the same load on files of several sizes, in turn.

For each size a history is made straight in the tables of a real database (as bench_query.py does,
ten spans per execution), a collector starts on a copy of it, shows its newest page and takes some of
the SDK's spans in over gRPC. When all are there the load comes in rounds: the same requests to one
collector after the other while the others get none, and every round begins with the next one. So what
is compared was measured within a second or two, whatever else the machine did in other minutes.
Prints one JSON document: seconds to start with and without reading the file (`store.verify_s`),
ms of the newest page, CPU per span (median of the rounds), answer times of all rounds, memory before
and after the load, bytes of the file per span; and each as a ratio to the smallest size. That of CPU
per span is the median of the rounds' ratios, with its standard error: what happens in few rounds, or
once in millions of spans, is not in it (`bench_memory.py` goes on for as long as one likes).

    python benchmarks/bench_scale.py [--sizes SPANS …] [--spans N] [--rounds N] [--senders N] [--batch N]
        [--keep DIRECTORY]

The limits of the issue are those at 100,000,000 spans: `--sizes 10000 100000000`. Its file of 7.8 GB is
made by insert … select at 9 µs of CPU per span, on two cores that do nothing else in about ten minutes,
and copied once for the run; with --keep the files are made once.
"""

import argparse
import contextlib
import itertools
import json
import math
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bench_query import generate
from harness.machine import machine
from harness.requests import SEED, own
from harness.server import Collector, Sender, run_all, summary

SPANS_PER_EXECUTION: Final = 10
WARM_UP: Final = 8
"""Requests of each sender before the rounds: the first commits make the engine read what it has to know of
each row group."""
RATIOS: Final = ("start_s", "start_unread_s", "newest_page_ms", "memory_mb")
"""What is found once for each size; CPU is found in every round."""


class Started:
    """A collector on a copy of a history, in a directory of its own, and what was seen of it."""

    def __init__(self, history: Path, size: int, data: Path) -> None:
        data.mkdir()
        shutil.copyfile(history, data / "stepscope.duckdb")
        self.collector = Collector(data)
        started_mb = self.collector.memory_mb()
        pages = []
        for _ in range(20):
            begun = time.perf_counter()
            self.collector.ask("GET", "/api/executions?limit=50")
            pages.append((time.perf_counter() - begun) * 1e3)
        self.cpu_us: list[float] = []
        """Per span, of each round."""
        self.answers_ms: list[float] = []
        self.found: dict[str, Any] = {
            "spans_before": size,
            "file_bytes_per_span": round(history.stat().st_size / size, 1),
            "start_s": round(self.collector.start_s, 2),
            "newest_page_ms": round(statistics.median(pages), 1),
            "memory_at_start_mb": started_mb,
        }

    def send(self, requests: list[list[bytes]]) -> list[float]:
        """Take in what each sender has, until all is committed; the answer times in ms."""
        endpoint = self.collector.endpoints["otlp_grpc"]
        answers_ms = run_all([Sender(endpoint, "grpc", each) for each in requests])
        self.collector.sql("select 1")  # waits until all that was answered is committed
        return answers_ms

    def measure(self, requests: list[list[bytes]], spans: int) -> None:
        """One round of so many spans."""
        before = self.collector.cpu_s()
        self.answers_ms += self.send(requests)
        self.cpu_us.append(self.collector.cpu_since(before) / spans * 1e6)

    def end(self) -> dict[str, Any]:
        """Stop it, start once more without reading the file; all that was found."""
        self.found["cpu_us_per_span"] = round(statistics.median(self.cpu_us), 2)
        self.found["answer_ms"] = summary(sorted(self.answers_ms))
        self.found["memory_mb"] = self.collector.memory_mb()
        self.collector.stop()
        unread = Collector(self.collector.data, "--store-verify-s=0")
        self.found["start_unread_s"] = round(unread.start_s, 2)
        unread.stop()
        return self.found


def measure(histories: dict[int, Path], arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Start a collector on each, then load them in turn; by size, each with its ratios to the first."""
    rng = random.Random(SEED)
    begins_ns = itertools.count(time.time_ns(), 50_000_000)
    rounds = max(2, arguments.rounds)
    count = max(1, arguments.spans // arguments.batch // arguments.senders // rounds)

    def requests(count: int) -> list[list[bytes]]:
        return [
            [own(rng, arguments.batch, next(begins_ns)) for _ in range(count)]
            for _ in range(arguments.senders)
        ]

    with tempfile.TemporaryDirectory() as folder:
        all_started = [
            Started(history, size, Path(folder) / str(size)) for size, history in histories.items()
        ]
        warm_up = requests(WARM_UP)
        for started in all_started:
            started.send(warm_up)
        for started in all_started:  # what a start looks at in a long history is not the load's
            started.collector.settle(60)
        for number in range(rounds):
            work = requests(count)
            first = number % len(all_started)
            for started in all_started[first:] + all_started[:first]:
                started.measure(work, count * arguments.batch * arguments.senders)
        smallest = all_started[0]
        runs = [started.end() for started in all_started]
    for started in all_started[1:]:
        cpu, error = ratio(started.cpu_us, smallest.cpu_us)
        started.found["to_smallest"] = {
            **{name: round(started.found[name] / smallest.found[name], 2) for name in RATIOS},
            "cpu_us_per_span": round(cpu, 3),
            "cpu_us_per_span_error": round(error, 3),
        }
    return runs


def ratio(ours: list[float], least: list[float]) -> tuple[float, float]:
    """The median of the ratios of each round, two at least, and its standard error if these vary normally."""
    ratios = [one / other for one, other in zip(ours, least, strict=True)]
    variance = math.pi / 2 * statistics.variance(ratios) / len(ratios)
    return statistics.median(ratios), variance**0.5


@contextlib.contextmanager
def _place(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def main() -> None:
    """Measure all sizes and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--spans", type=int, default=400_000, help="for each size, in all rounds")
    parser.add_argument("--rounds", type=int, default=12, help="2 at least")
    parser.add_argument("--senders", type=int, default=16)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--keep", type=Path, help="directory to keep the files in")
    arguments = parser.parse_args()
    with _place(arguments.keep) as folder:
        histories = {size: folder / f"scale-{size}.duckdb" for size in sorted(arguments.sizes)}
        for size, history in histories.items():
            if not history.exists():
                generate(history, size // SPANS_PER_EXECUTION)
        runs = measure(histories, arguments)
    print(json.dumps({"benchmark": "scale", "machine": machine(), "runs": runs}, indent=2))


if __name__ == "__main__":
    main()

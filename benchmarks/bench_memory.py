"""Whether the collector's memory stays as it is: full load for a while, watched every second.

Prints a line per minute while it runs, and one JSON document at the end: per minute resident memory
(median and greatest), the part of it that is not mapped files, CPU per span, open files, threads, spans answered so
far and the size of the database file; and the slope of resident memory in MB per hour, a straight
line through all seconds after the warm-up, with its standard error.

    python benchmarks/bench_memory.py [--minutes 10] [--warm-up MINUTES] [--senders N] [--batch N]
        [--protocol grpc|http] [--memory-limit SIZE] [--max-bytes SIZE]

`--memory-limit` is that of the engine, `store.memory_limit_bytes`, 192 MiB by default. `--max-bytes` is that of the
history, `retention.max_bytes`, 20 GB by default: near it the oldest executions are removed.

The figure of issue #6 is an hour: `--minutes 60`; it writes about 15 GB on two cores.
Fixed seed. The senders write fresh ids and times into ready requests, so that they leave the cores
to the collector.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from harness.again import Again
from harness.machine import machine
from harness.requests import SEED, START_NS, own
from harness.server import Collector, Sender

MB = 1 << 20


class Second(NamedTuple):
    """What was seen of the collector once."""

    at_s: float
    resident_mb: float
    anonymous_mb: float
    files: int
    threads: int
    cpu_s: float
    spans: int


def look(collector: Collector, begun: float, spans: int) -> Second:
    """What the system says of the collector now, after so many spans were answered."""
    place = Path(f"/proc/{collector.process.pid}")
    status = dict(
        line.split(":", 1) for line in (place / "status").read_text(encoding="utf-8").splitlines()
    )
    return Second(
        time.perf_counter() - begun,
        int(status["VmRSS"].split()[0]) / 1024,
        int(status["RssAnon"].split()[0]) / 1024,
        sum(1 for _ in (place / "fd").iterdir()),
        int(status["Threads"]),
        collector.cpu_s(),
        spans,
    )


def slope(seconds: list[Second]) -> tuple[float, float]:
    """MB per hour of the straight line through resident memory, and its standard error."""
    count = len(seconds)
    times = [each.at_s / 3600 for each in seconds]
    values = [each.resident_mb for each in seconds]
    line = statistics.linear_regression(times, values)
    rest = sum(
        (value - line.intercept - line.slope * at) ** 2
        for at, value in zip(times, values, strict=True)
    )
    spread = sum((at - statistics.mean(times)) ** 2 for at in times)
    return line.slope, (rest / max(1, count - 2) / spread) ** 0.5


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Load a fresh collector until the time is over."""
    rng = random.Random(SEED)
    sent = [0] * arguments.senders

    def requests(number: int) -> Iterator[bytes]:
        begin_ns = START_NS + number * 50_000_000
        template = own(rng, arguments.batch, begin_ns)
        step_ns = arguments.senders * 50_000_000
        for request in Again(template, random.Random(SEED + number), step_ns):
            if time.perf_counter() - begun > arguments.minutes * 60:
                return
            yield request
            sent[number] += arguments.batch

    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        limit, most = arguments.memory_limit, arguments.max_bytes
        flags = [f"--store-memory-limit-bytes={limit}"] if limit else []
        flags += [f"--retention-max-bytes={most}"] if most else []
        collector = Collector(data, *flags)
        endpoint = collector.endpoints[f"otlp_{arguments.protocol}"]
        senders = [
            Sender(endpoint, arguments.protocol, requests(number))
            for number in range(arguments.senders)
        ]
        begun, cpu_s = time.perf_counter(), collector.cpu_s()
        for sender in senders:
            sender.start()
        seconds, minutes = [look(collector, begun, 0)], []
        while any(sender.is_alive() for sender in senders):
            time.sleep(1)
            seconds.append(look(collector, begun, sum(sent)))
            if len(seconds) % 60 == 0:
                minutes.append(_minute(seconds[-61:], data))
                print(minutes[-1], file=sys.stderr, flush=True)
        for sender in senders:
            if sender.error is not None:
                raise SystemExit(f"a request was not answered: {sender.error}")
        wall_s = time.perf_counter() - begun
        cpu_s = collector.cpu_since(cpu_s)
        stored, removed = _kept(collector)
        if stored + removed != sum(sent):
            raise SystemExit(f"sent {sum(sent)} spans, stored {stored}, removed {removed}")
        minutes = minutes or [_minute(seconds, data)]
        collector.stop()
    warm = [each for each in seconds if each.at_s >= arguments.warm_up * 60]
    per_hour, error = slope(warm if len(warm) > 2 else seconds)
    return {
        "memory_limit": limit or "default",
        "max_bytes": most or "default",
        "minutes": minutes,
        "spans": sum(sent),
        "removed_spans": removed,
        "spans_per_s": round(sum(sent) / wall_s),
        "cpu_us_per_span": round(cpu_s / sum(sent) * 1e6, 2),
        "warm_up_minutes": arguments.warm_up,
        "resident_mb": {
            "median": round(statistics.median(each.resident_mb for each in warm or seconds), 1),
            "greatest": round(max(each.resident_mb for each in seconds), 1),
        },
        "slope_mb_per_hour": round(per_hour, 1),
        "slope_error_mb_per_hour": round(error, 1),
        "files": {"least": min(each.files for each in warm or seconds), "most": max(each.files for each in seconds)},
        "threads": {"least": min(each.threads for each in warm or seconds), "most": max(each.threads for each in seconds)},
    }  # fmt: skip


def _kept(collector: Collector) -> tuple[int, int]:
    """Spans that are stored, and those that retention has removed; a removal under way is awaited."""
    while True:
        before = _removed(collector)
        stored = collector.count("stored.spans")
        if before == _removed(collector):
            return stored, before


def _removed(collector: Collector) -> int:
    name = "stepscope_removed_rows_total"
    lines = (line for line in collector.text("/metrics").splitlines() if line.startswith(name))
    return sum(int(line.split()[-1]) for line in lines if 'kind="spans"' in line)


def _minute(seconds: list[Second], data: Path) -> dict[str, Any]:
    resident = [each.resident_mb for each in seconds]
    first, last = seconds[0], seconds[-1]
    return {
        "minute": round(last.at_s / 60, 1),
        "resident_mb": round(statistics.median(resident), 1),
        "resident_most_mb": round(max(resident), 1),
        "anonymous_mb": round(statistics.median(each.anonymous_mb for each in seconds), 1),
        "cpu_us_per_span": round(
            (last.cpu_s - first.cpu_s) / max(1, last.spans - first.spans) * 1e6, 2
        ),
        "files": last.files,
        "threads": last.threads,
        "spans": last.spans,
        "file_mb": round((data / "stepscope.duckdb").stat().st_size / MB),
    }


def main() -> None:
    """Load, watch, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument(
        "--warm-up", type=float, metavar="MINUTES", help="default: a quarter, 3 at most"
    )
    parser.add_argument("--senders", type=int, default=16)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--protocol", choices=["grpc", "http"], default="grpc")
    parser.add_argument("--memory-limit", metavar="SIZE", help="of the engine, such as 256MB")
    parser.add_argument("--max-bytes", metavar="SIZE", help="of the history, such as 3GB")
    arguments = parser.parse_args()
    if arguments.warm_up is None:
        arguments.warm_up = min(3.0, arguments.minutes / 4)
    print(json.dumps({"benchmark": "memory", "machine": machine(), **measure(arguments)}, indent=2))


if __name__ == "__main__":
    main()

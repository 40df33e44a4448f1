"""What questions cost those who send: answer times while analysts ask, against the same without them.

Senders send a steady rate of the SDK's spans over gRPC to a real collector. Half of the time nobody
asks, half of the time analysts ask over REST, one heavy statement after the other. Prints one JSON
document: answer times of both halves, from when a request was due, their ratio (issue: p99 at most
doubles), and how long the questions took.

    python benchmarks/bench_mixed.py [--rate SPANS_PER_S] [--senders N] [--batch N] [--analysts N] [--seconds N]
"""

import argparse
import json
import random
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from harness.machine import machine
from harness.requests import SEED, START_NS, own
from harness.server import Collector, Sender, run_all, summary

QUESTIONS = {
    "percentiles per workflow and day": "select workflow_name, day_of(started_at) as day, "
    "quantile_cont(duration_ns, [0.5, 0.95, 0.99]) from executions group by all",
    "slowest steps": "select step_name, duration_ns from steps order by duration_ns desc limit 20",
    "error rate per step and hour": "select step_name, hour_of(started_at) as hour, "
    "count(*) filter (status = 'failed') / count(*) from steps group by all",
    "attributes": "select attributes['region'], count(*) from spans group by all",
}


class Analyst(threading.Thread):
    """Asks one question after the other until told to stop."""

    def __init__(self, collector: Collector, stop: threading.Event) -> None:
        super().__init__()
        self.took_ms: dict[str, list[float]] = {name: [] for name in QUESTIONS}
        self._collector = collector
        self._stop_asking = stop

    def run(self) -> None:
        """Ask."""
        while not self._stop_asking.is_set():
            for name, statement in QUESTIONS.items():
                begun = time.perf_counter()
                self._collector.sql(statement)
                self.took_ms[name].append((time.perf_counter() - begun) * 1e3)


def main() -> None:
    """Run both halves and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--senders", type=int, default=8)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--analysts", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--before", type=int, default=200_000, help="spans stored before")
    arguments = parser.parse_args()
    rng = random.Random(SEED)
    numbers = iter(range(1 << 40))

    def requests(count: int) -> list[bytes]:
        return [
            own(rng, arguments.batch, START_NS + next(numbers) * 50_000_000) for _ in range(count)
        ]

    per_s = arguments.rate / arguments.batch / arguments.senders
    count = max(2, round(per_s * arguments.seconds))
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        collector = Collector(Path(folder) / "data")
        endpoint = collector.endpoints["otlp_grpc"]
        share = arguments.before // arguments.batch // arguments.senders + 1
        run_all([Sender(endpoint, "grpc", requests(share)) for _ in range(arguments.senders)])
        for half, analysts in (("alone", 0), ("with analysts", arguments.analysts)):
            stop = threading.Event()
            asking = [Analyst(collector, stop) for _ in range(analysts)]
            senders = [
                Sender(endpoint, "grpc", requests(count), per_s) for _ in range(arguments.senders)
            ]
            for analyst in asking:
                analyst.start()
            answers = run_all(senders)
            stop.set()
            for analyst in asking:
                analyst.join()
            found[half] = {"answer_ms": summary(answers)}
            if asking:
                found[half]["questions_ms"] = {
                    name: summary(sorted(ms for each in asking for ms in each.took_ms[name]))
                    for name in QUESTIONS
                }
        found["memory_mb"] = collector.memory_mb()
        collector.stop()
    alone, mixed = (found[half]["answer_ms"]["p99"] for half in ("alone", "with analysts"))
    found["p99_ratio"] = round(mixed / alone, 2)
    setting = {
        name: getattr(arguments, name)
        for name in ("rate", "senders", "batch", "analysts", "seconds")
    }
    document = {"benchmark": "mixed", "machine": machine(), "setting": setting, **found}
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()

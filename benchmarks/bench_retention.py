"""For how long commits wait while retention removes, while the file is compacted, and what becomes of its size.

    python benchmarks/bench_retention.py [--keep DIRECTORY] [--executions 100000] [--part 0.5] [--quiet]

Makes a history as bench_query.py does (ten spans per execution), removes the older `--part` of it as a server does, and
compacts the file. Meanwhile one sender sends an execution of ten spans after the other, `--quiet`: none does. Prints one JSON
document: milliseconds of rounds and of every other thing that is done between commits, of answers to the sender
before, while pruning and while compacting; bytes of the file before and after.
"""

import argparse
import json
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench_query import generate
from harness.machine import machine
from harness.requests import own

from stepscope_collector.config import IngestConfig, RetentionConfig, StoreConfig
from stepscope_collector.decode.batch import Plan
from stepscope_collector.ingest import Ingest
from stepscope_collector.mapping.compile import compile_profiles
from stepscope_collector.mapping.profile import load_shipped
from stepscope_collector.retention import Retention
from stepscope_collector.store import Database
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.files import backlog_directory
from stepscope_collector.telemetry import Telemetry


def percentiles(walls_ms: list[float]) -> dict[str, float]:
    """How many, and the median, the 99th percentile and the greatest of them."""
    if not walls_ms:
        return {"count": 0}
    cuts = statistics.quantiles([*walls_ms, walls_ms[-1]], n=100, method="inclusive")
    return {
        "count": len(walls_ms), "p50_ms": round(cuts[49], 1), "p99_ms": round(cuts[98], 1),
        "max_ms": round(max(walls_ms), 1),
    }  # fmt: skip


class Between:
    """What is done between commits, timed on the writer thread."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest
        self.walls_ms: list[float] = []

    def __call__(self, run: Callable[[Committer, Plan], Any]) -> Any:
        """As `Ingest.between_commits`."""

        def timed(committer: Committer, plan: Plan) -> Any:
            started = time.perf_counter()
            try:
                return run(committer, plan)
            finally:
                self.walls_ms.append((time.perf_counter() - started) * 1000)

        # what is not to be done again on a copy says so by its type, which must stay
        return self._ingest.between_commits(run if "Unnoted" in type(run).__name__ else timed)


class Sender(threading.Thread):
    """Sends one execution after the other, and notes how long each answer takes."""

    def __init__(self, ingest: Ingest) -> None:
        super().__init__(daemon=True)
        self._ingest = ingest
        self.is_ending = threading.Event()
        self.walls_ms: list[float] = []

    def run(self) -> None:
        """Until `is_ending`."""
        rng = random.Random(1)
        while not self.is_ending.is_set():
            body = own(rng, 10, time.time_ns() - 10**9)
            started = time.perf_counter()
            self._ingest.submit("traces", body, "protobuf").result(60)
            self.walls_ms.append((time.perf_counter() - started) * 1000)

    def take(self) -> list[float]:
        """Those since the last time."""
        taken, self.walls_ms = self.walls_ms, []
        return taken


def main() -> None:
    """Make or copy the history, measure, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--executions", type=int, default=100_000)
    parser.add_argument("--part", type=float, default=0.5)
    parser.add_argument("--quiet", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "data" / "stepscope.duckdb"
        path.parent.mkdir()
        if given.keep is not None:
            made = given.keep / f"retention-{given.executions}.duckdb"
            if not made.exists():
                generate(made, given.executions)
            path.write_bytes(made.read_bytes())
        else:
            generate(path, given.executions)
        print(json.dumps(measured(path, given), indent=2))


def measured(path: Path, given: argparse.Namespace) -> dict[str, Any]:
    """The document."""
    age_s = int(90 * 86_400 * (1 - given.part))
    with Database.open(path, StoreConfig()) as database:
        mapping = compile_profiles(load_shipped())
        committer = Committer(
            database.writer(), mapping, reopen=database.reopen, committed=database.committed
        )
        telemetry = Telemetry()
        ingest = Ingest(
            committer, mapping.plan, IngestConfig(), 2**28, telemetry,
            backlog=backlog_directory(path),
        )  # fmt: skip
        database.before_read = ingest.catch_up
        between = Between(ingest)
        retention = Retention(
            database, between, RetentionConfig(max_age_s=age_s, max_bytes=0), telemetry
        )
        sender = Sender(ingest)
        if not given.quiet:
            sender.start()
            threading.Event().wait(3)
        alone = sender.take()
        ingest.between_commits(lambda committer, _: committer.checkpoint())
        before = path.stat().st_size
        started = time.perf_counter()
        pruned = retention.prune()
        prune_s = time.perf_counter() - started
        rounds, while_pruning = between.walls_ms, sender.take()
        between.walls_ms = []
        started = time.perf_counter()
        ingest.between_commits(lambda committer, _: committer.checkpoint())
        checkpoint_ms = (time.perf_counter() - started) * 1000
        sender.take()
        done = retention.compact()
        while_compacting = sender.take()
        sender.is_ending.set()
        if not given.quiet:
            sender.join()
        ingest.drain(60)
    return {
        "benchmark": "retention",
        "machine": machine(),
        "executions": given.executions,
        "part": given.part,
        "removed": pruned.erased.executions,
        "prune_s": round(prune_s, 1),
        "executions_per_s": round(pruned.erased.executions / prune_s),
        "rounds": percentiles(rounds),
        "rounds_above_100_ms": sum(wall > 100 for wall in rounds),
        "checkpoint_ms": round(checkpoint_ms),
        "compaction": {
            "elapsed_s": round(done.elapsed_ns / 1e9, 1),
            "swap_ms": round(done.waited_ns / 1e6),
            "other_work": percentiles(between.walls_ms),
        },
        "answers": {
            "alone": percentiles(alone), "while pruning": percentiles(while_pruning),
            "while compacting": percentiles(while_compacting),
        },
        "file_bytes": {"before": before, "compacted": done.after_bytes},
    }  # fmt: skip


if __name__ == "__main__":
    main()

"""How long percentiles take from rollups of 100 million steps whose rows retention has removed.

    python benchmarks/bench_rollups.py [--days 90] [--workflows 10] [--steps 100000000] [--rounds 10]

Fills stored.rollups of a new database with an hourly cell per workflow and step, forty buckets in each.
Prints one JSON document: cells, bytes, and milliseconds p50 and p95 per question, CPU too.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.machine import machine

from stepscope_collector.config import StoreConfig
from stepscope_collector.store import Database

SQL = Path(__file__).parent / "sql" / "rollups.sql"
QUESTIONS = {
    "percentiles per workflow, step and day": (
        "select count(*), sum(p50_ns), sum(p95_ns), sum(p99_ns) from step_days"
    ),
    "percentiles of one step per day": (
        "select count(*), sum(p99_ns) from step_days"
        " where workflow_id = 'workflow-003' and step_name = 'step 03'"
    ),
    "error rate per workflow, step and hour": "select count(*), sum(failure_rate) from step_hours",
}


def measure(ask: Callable[[], Any], rounds: int) -> dict[str, float]:
    """Milliseconds after one round that warms up."""
    ask()
    walls = []
    cpu_s = time.process_time()
    for _ in range(rounds):
        started = time.perf_counter()
        ask()
        walls.append((time.perf_counter() - started) * 1000)
    cuts = statistics.quantiles(walls, n=100, method="inclusive")
    cpu_ms = (time.process_time() - cpu_s) * 1000 / rounds
    return {"p50_ms": round(cuts[49]), "p95_ms": round(cuts[94]), "cpu_ms": round(cpu_ms)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--workflows", type=int, default=10)
    parser.add_argument("--steps", type=int, default=100_000_000)
    parser.add_argument("--rounds", type=int, default=10)
    given = parser.parse_args()
    cells = given.days * 24 * given.workflows * 9
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "rollups.duckdb"
        with Database.open(path, StoreConfig()) as database:
            database.writer().execute(
                SQL.read_text(encoding="utf-8"),
                {
                    "days": given.days, "workflows": given.workflows,
                    "count": given.steps // cells, "end_ns": 1_785_000_000_000_000_000,
                },
            )  # fmt: skip
            database.checkpoint()

            def asking(statement: str) -> Callable[[], Any]:
                def ask() -> Any:
                    with database.read() as connection:
                        return connection.execute(statement).fetchall()

                return ask

            ((steps,),) = asking("select sum(count)::bigint from stored.rollups")()
            result = {
                "machine": machine(),
                "cells": cells,
                "steps": steps,
                "file_bytes": path.stat().st_size,
                "questions": {
                    name: measure(asking(statement), given.rounds)
                    for name, statement in QUESTIONS.items()
                },
            }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()

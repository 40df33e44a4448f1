"""The benchmarks of docs/performance.md run, in the smallest size, and become tables."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
SMALL = {
    "ingest": "bench_ingest.py --shape own foreign payloads resources --batch 32 --senders 2 --spans 200 --protocol grpc",
    "latency": "bench_ingest.py --batch 32 --senders 2 --spans 200 --protocol http --half-load",
    "stages": "bench_ingest.py --stages --shape own --batch 32 --senders 2 --spans 200",
    "decode": "bench_decode.py --runs 1 --rows 8",
    "store": "bench_store.py --commits 1",
    "query": "bench_query.py --sizes 100 --rounds 2 --older",
    "rollups": "bench_rollups.py --days 1 --workflows 1 --steps 1000 --rounds 2",
    "mixed": "bench_mixed.py --rate 500 --senders 2 --batch 32 --seconds 1 --before 500",
    "scale": "bench_scale.py --sizes 1000 2000 --spans 500 --rounds 2 --senders 2 --batch 32",
    "memory": "bench_memory.py --minutes 0.02 --senders 2 --batch 32",
    "retention": "bench_retention.py --executions 2000 --seconds 1",
    "peers": "bench_peers.py --spans 500 --senders 2 --batch 32 --only discard sqlite",
}


@pytest.mark.parametrize("name", SMALL)
def test_a_benchmark_prints_what_the_page_shows(name: str) -> None:
    """issue #6, R025: the figures reproduce from a clean clone with the documented commands."""
    script, *arguments = SMALL[name].split()
    done = subprocess.run(
        [sys.executable, f"benchmarks/{script}", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows = rows_of(name, json.loads(done.stdout))
    assert all(any(isinstance(value, float | int) for value in row.values()) for row in rows)


def rows_of(name: str, found: dict[str, Any]) -> list[dict[str, object]]:
    """The rows that the page would have, by its own code."""
    code = (
        "import json, sys; from harness.page_tables import TABLES; "
        "print(json.dumps(list(TABLES[sys.argv[1]](json.load(sys.stdin)))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, name],
        cwd=ROOT / "benchmarks",
        input=json.dumps(found),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    made: list[dict[str, object]] = json.loads(done.stdout)
    return made

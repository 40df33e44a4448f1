"""Writes docs/performance.md from one run of the benchmarks on this machine.

    python benchmarks/performance_page.py [--only NAME …]

Each benchmark runs by itself, one after the other; its JSON goes to .isolate/bench/. With --only the
sections of the others stay on the page as they are. The machine should do nothing else for the hour
this takes (more the first time, when other servers and a history of 100 million spans are made): what
it does otherwise stands beside the figures as its load, with the date of each.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from harness.page_tables import TABLES

ROOT: Final = Path(__file__).parent.parent
RESULTS: Final = ROOT / ".isolate" / "bench"
PAGE: Final = ROOT / "docs" / "performance.md"


class Section(NamedTuple):
    """One benchmark on the page."""

    name: str
    title: str
    arguments: str
    says: str


SECTIONS: Final = (
    Section("ingest", "Taking spans in", "bench_ingest.py --shape own foreign payloads resources --batch 32 512 --protocol grpc http --spans 480000",
        "A real collector process, 16 senders with one request each in flight on the same cores. Times end when a question counts all spans; `spans/CPU-s` counts the "
        "collector's own time until then. Shapes: `own`: the SDK's spans, 8 attributes; `foreign`: 30 attributes; `payloads`: 4 KB of input each; `resources`: a resource for each span."),
    Section("latency", "Answers at half load", "bench_ingest.py --batch 512 --protocol grpc http --spans 200000 --half-load",
        "The senders send half of what the collector took at full load; times count from when a request was due, checkpoints included."),
    Section("batches", "Sizes of requests, numbers of senders", "bench_ingest.py --batch 1 32 512 4096 --senders 1 16 --protocol grpc --spans 60000",
        "A commit costs a fixed part whatever its size, so requests share it, and answers do not wait for it; `--answers commit` shows what it is like when they do."),
    Section("stages", "Where the time goes", "bench_ingest.py --stages --shape own foreign --batch 512 --senders 60 --spans 300000",
        "The write path in one thread without a server, 60 requests per commit, a row group, of which commits at full load hold two where `ingest.group_max_bytes` allows it: CPU per span and stage."),
    Section("decode", "Decoding", "bench_decode.py",
        "One thread, protobuf in, Arrow columns out: the decoder in Rust beside the reference in Python."),
    Section("store", "Layouts of the table of spans", "bench_store.py",
        "Rows of a real history written into tables that differ in one thing, as commits of 8,192 rows (`arriving`: their attributes alone, as they come from the decoder); the reasons are in [decision 9](decisions/009-how-spans-lie-in-the-file.md)."),
    Section("query", "Asking", "bench_query.py --sizes 100000 1000000 --rounds 20 --older --asked --keep .isolate/bench/query",
        "Histories of 100,000 and of a million executions of ten spans; beside them the SQLite tables and indexes of design 001 with the same data. "
        "Answers are taken as Arrow record batches, those of SQLite as rows of Python's sqlite3; `one` is the answer of the read API with the steps."),
    Section("rollups", "Asking what retention has removed", "bench_rollups.py",
        "Hourly counts of steps whose rows are gone: a cell per hour, workflow and step, with forty buckets of durations."),
    Section("mixed", "Sending while others ask", "bench_mixed.py",
        "20,000 spans per second, and an analyst who asks one heavy statement after the other."),
    Section("scale", "Long histories", "bench_scale.py --sizes 10000 10000000 100000000 --keep .isolate/bench/scale",
        "The same load on files of different sizes, in rounds that go from one collector to the next; `to the smallest` is the median of the rounds' ratios of CPU and its standard error. "
        "The largest file is 7.8 GB, and is made and copied once."),
    Section("memory", "Memory over time", "bench_memory.py --minutes 3 --warm-up 1",
        "Full load without a pause into one file; resident memory is the median of the seconds of each minute. An hour: `--minutes 60`."),
    Section("retention", "Retention", "bench_retention.py",
        "One sender sends one execution of ten spans after the other: alone, while the oldest 30,000 of 100,000 executions are pruned, and while the file is compacted. Commits wait for rounds, "
        "answers do not. The file holds what was sent and the hourly counts of what was removed as well."),
    Section("peers", "Other servers", "bench_peers.py",
        "The same requests to other servers on this machine, in the same run; slow ones get fewer of them. They do not all do the same with spans, "
        "nor mean the same by an answer. `spans/CPU-s` counts until a server is idle again. Versions: `benchmarks/peers/`."),
)  # fmt: skip


def measured(section: Section) -> dict[str, Any]:
    """What the benchmark prints, kept as a file, too."""
    script, *arguments = section.arguments.split()
    print(f"{section.name}: {section.arguments}", file=sys.stderr, flush=True)
    load = os.getloadavg()[0]
    done = subprocess.run(
        [sys.executable, f"benchmarks/{script}", *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    found: dict[str, Any] = {**json.loads(done.stdout), "load_before": round(load, 1)}
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{section.name}.json").write_text(json.dumps(found, indent=2), encoding="utf-8")
    return found


def written(section: Section) -> str:
    """The section with new figures."""
    found = measured(section)
    facts = found["machine"]
    about = f"{facts['cores']} cores of {facts['cpu']}, Python {facts['python']}, DuckDB {facts['duckdb']}"
    about += f", decoder {facts['decoder']}" if "decoder" in facts else ""
    when = f"{datetime.now(UTC):%Y-%m-%d}, load before it: {found['load_before']}"
    how = f"`python benchmarks/{section.arguments}` ({when}; {about})"
    return "\n\n".join([section.says, how, table(TABLES[section.name](found))])


def kept(page: str) -> dict[str, str]:
    """Title → text of the sections that a page has."""
    parts = page.split("\n## ")[1:]
    return {title: text.strip() for title, _, text in (part.partition("\n") for part in parts)}


def table(rows: Iterable[dict[str, object]]) -> str:
    """Rows of equal keys as Markdown."""
    lines = list(rows)
    names = list(dict.fromkeys(name for row in lines for name in row))
    texts = [
        names,
        ["---"] * len(names),
        *([_text(row.get(name)) for name in names] for row in lines),
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in texts)


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="*", choices=[section.name for section in SECTIONS])
    only = parser.parse_args().only
    before = kept(PAGE.read_text(encoding="utf-8")) if only is not None and PAGE.exists() else {}
    parts = [(ROOT / "benchmarks" / "performance_head.md").read_text(encoding="utf-8").rstrip()]
    for section in SECTIONS:
        is_kept = only is not None and section.name not in only
        text = before.get(section.title) if is_kept else written(section)
        if text is not None:
            parts.append(f"## {section.title}\n\n{text}")
    PAGE.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

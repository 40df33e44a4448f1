"""How long the questions of the read API take at 1,000 and at 1,000,000 executions (R025).

    python benchmarks/bench_query.py [--keep DIRECTORY] [--sizes 1000 1000000] [--rounds 40] [--older] [--asked]

Makes a history of ten spans per execution straight in the tables of a real database (fixed seed,
in order of arrival: 200 workflows of unequal popularity, 50 step names, 6 % not successful; one
execution in four has a random id, so that zone maps on ids do not help). With --keep the files are
kept and used again while the tables are the same. Prints one JSON document: milliseconds p50, p95, p99 per question, CPU too, and
the cold start, a new process from its first import to the first page. With --older the questions of
sql/asked/ are put to a SQLite database with the tables and indexes of design 001, too, on the same data, whose
answers are rows of Python's sqlite3;
with --asked no others are asked.
"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from arro3.core import RecordBatchReader
from harness.machine import machine
from harness.older import SHARED_QUESTIONS, copy_to_sqlite, sqlite_questions, statement

from stepscope_collector.config import SqlConfig, StoreConfig
from stepscope_collector.query.adhoc import run_sql
from stepscope_collector.query.columns import parse_columns
from stepscope_collector.query.executions import execution_detail, execution_page
from stepscope_collector.query.statistics import slowest_steps
from stepscope_collector.query.stats import step_stats, workflow_stats
from stepscope_collector.query.workflows import workflow_list
from stepscope_collector.store import Database
from stepscope_schema.load import load_schema

SQL = Path(__file__).parent / "sql"
CHUNK = 50_000
SPAN_OF_TIME_NS = 90 * 86_400 * 10**9
TARGET_MS = 100
TARGET_COLD_S = 1.0


def generate(path: Path, total: int) -> None:
    """Make the history, and move it into place when it is whole."""
    started = time.monotonic()
    making = path.with_suffix(".making")
    for leftover in path.parent.glob(making.name + "*"):
        leftover.unlink()
    end_ns = time.time_ns()
    begin_ns = end_ns - SPAN_OF_TIME_NS
    step_ns = SPAN_OF_TIME_NS // total
    with Database.open(making, StoreConfig()) as database:
        writer = database.writer()
        for first in range(0, total, CHUNK):
            last = min(total, first + CHUNK)
            writer.execute("begin")
            numbers = {"first": first, "last": last, "total": total}
            writer.execute(_sql("executions"), {**numbers, "begin_ns": begin_ns, "end_ns": end_ns})
            bounds = {
                "first_ns": begin_ns + first * step_ns,
                "last_ns": begin_ns + last * step_ns,
            }
            for name in ("spans", "traces", "params", "logs"):
                writer.execute(_sql(name), bounds)
            writer.execute("commit")
            print(f"{last} executions, {time.monotonic() - started:.0f} s", file=sys.stderr)
        writer.execute(_sql("open_spans"))
    making.rename(path)


def _sql(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


def questions(
    database: Database, ids: list[str], failed: list[str]
) -> dict[str, Callable[[int], Any]]:
    """Name → question; the argument is the number of the round."""
    now_ns = time.time_ns()

    def page(**filters: str) -> Callable[[int], Any]:
        order = filters.pop("order", "-started_at")
        return lambda _: execution_page(database, filters, now_ns=now_ns, order=order)

    def middle(_: int) -> Any:
        filters = {"started_before": "45d"}
        first = execution_page(database, filters, now_ns=now_ns)
        return execution_page(database, filters, now_ns=now_ns, cursor=first.next_cursor)

    def user_sql(_: int) -> Any:
        statement = "from executions where status = 'failed' order by started_at desc limit 20"
        with run_sql(database, SqlConfig(), statement) as running:
            return list(running.batches())

    def engine(statement: str) -> Callable[[int], Any]:
        """A statement without the time that Python takes for its rows."""

        def ask(_: int) -> Any:
            with database.read() as connection:
                return connection.execute(statement).fetchall()

        return ask

    full = ("steps", "attempts", "logs", "payloads", "children")
    workflow = "workflow-{:03d}".format
    return {
        "list: newest": page(),
        "list: failed": page(status="failed"),
        "list: running": page(status="running"),
        "list: one workflow": lambda n: page(workflow=workflow(n % 200))(n),
        "list: one user, failed": lambda n: page(user=f"user-{n}", status="error")(n),
        "list: one error type": page(error_type="shop.errors.Error3"),
        "list: last 24 hours": page(started_after="24h"),
        "list: slowest": page(order="-duration"),
        "list: longer than 5 s": page(min_duration="5s"),
        "list: two pages in the middle": middle,
        "list: most attempts": page(order="-attempts"),
        "list: newest, with counts": lambda _: execution_page(
            database, {}, now_ns=now_ns, is_counted=True
        ),
        "list: newest, with a param": lambda _: execution_page(
            database, {}, now_ns=now_ns, columns=parse_columns(["workflow", "params.customer"])
        ),
        "filter: failed or slow, 24 hours": page(
            filter="(status = failed or duration > 1m) and start > -24h"
        ),
        "filter: one param": page(filter='params.customer = "4242"'),
        "filter: one param, 24 hours": page(filter='params.customer = "4242" and start > -24h'),
        "filter: text in errors": page(filter='error ~ "ORDER 77"'),
        "filter: text in errors, 24 hours": page(filter='error ~ "ORDER 99" and start > -24h'),
        "filter: text in logs": page(filter='log ~ "workflow 021"'),
        "filter: text anywhere, 24 hours": page(filter='text ~ "order 99" and start > -24h'),
        "filter: a failed step": page(filter="step(name = 'step 03' and status = failed)"),
        "filter: a failed step, 24 hours": page(
            filter="step(name = 'step 03' and status = failed) and start > -24h"
        ),
        "filter: failed, never succeeded later": page(
            filter="status = failed and never_succeeded_later"
        ),
        "by id: steps": lambda n: execution_detail(database, ids[n % len(ids)], ["steps"]),
        "by id: everything": lambda n: execution_detail(database, ids[-n % len(ids)], full),
        "by id: failed, its error step": lambda n: execution_detail(
            database, failed[n % len(failed)], ["steps"]
        ),
        "workflows": lambda _: workflow_list(database),
        "stats: all workflows": lambda _: workflow_stats(database, {}, now_ns=now_ns),
        "stats: all workflows, last 7 days": lambda _: workflow_stats(
            database, {"started_after": "7d"}, now_ns=now_ns
        ),
        "stats: steps of one workflow": lambda n: step_stats(
            database, {"workflow": workflow(n % 200)}, now_ns=now_ns
        ),
        "stats: all steps, last 24 hours": lambda _: step_stats(
            database, {"started_after": "24h"}, now_ns=now_ns
        ),
        "stats: all steps, last 7 days": lambda _: step_stats(
            database, {"started_after": "7d"}, now_ns=now_ns
        ),
        "stats: all steps": lambda _: step_stats(database, {}, now_ns=now_ns),
        "sql: 20 newest failed": user_sql,
        "sql: 100 of all steps": engine("select * from steps limit 100"),
        "sql: 100 newest steps": engine("select * from steps order by started_at desc limit 100"),
        "sql: all steps counted": engine("select count(*) from steps"),
        "p50/p95/p99 per workflow and day": engine(
            "select count(*), sum(p50_ns), sum(p95_ns), sum(p99_ns) from workflow_days"
        ),
        "error rate per step and hour": engine(
            "select count(*), sum(rate) from (select step_name, hour_of(started_at) as hour_at,"
            " count_if(status in ('failed', 'timed_out')) / count(ended_at) as rate"
            " from attempts group by all)"
        ),
        "slowest 20 steps": lambda _: slowest_steps(database, {}, now_ns=now_ns),
    }


def measure(ask: Callable[[int], Any], rounds: int) -> dict[str, float]:
    """Milliseconds of `rounds` questions after two that warm up."""
    for number in range(2):
        ask(number)
    walls = []
    cpu_started = time.process_time()
    for number in range(rounds):
        started = time.perf_counter()
        ask(number)
        walls.append((time.perf_counter() - started) * 1000)
    cuts = statistics.quantiles(walls, n=100, method="inclusive")
    return {
        "p50_ms": round(cuts[49], 1),
        "p95_ms": round(cuts[94], 1),
        "p99_ms": round(cuts[98], 1),
        "cpu_ms": round((time.process_time() - cpu_started) * 1000 / rounds, 1),
    }


COLD = """
import sys, time
started = time.monotonic()
from pathlib import Path
from stepscope_collector.config import StoreConfig
from stepscope_collector.query.executions import execution_page
from stepscope_collector.store import Database
from stepscope_schema.load import load_schema
imported = time.monotonic()
with Database.open(Path(sys.argv[1]), StoreConfig()) as database:
    opened = time.monotonic()
    assert execution_page(database, {}, now_ns=time.time_ns()).executions
    print(imported - started, opened - imported, time.monotonic() - opened)
"""


def cold_start(path: Path) -> dict[str, float]:
    """Seconds of a new process; the operating system has the file in its cache."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", COLD, str(path)], check=True, capture_output=True, text=True
    )
    whole = time.monotonic() - started
    # In a program that is given as text DuckDB shows how far a long statement is.
    imports, opening, page = (float(part) for part in done.stdout.split()[-3:])
    return {
        "import_s": round(imports, 3),
        "open_s": round(opening, 3),
        "first_page_s": round(page, 3),
        "process_s": round(whole, 3),
    }


ARGUMENTS = {
    "last_50": {"workflow": "workflow-003", "status": "failed"},
    "text": {"text": "order 77"},
}


def asked_of_both(
    database: Database, path: Path, ids: list[str], rounds: int, *, with_older: bool
) -> dict[str, Any]:
    """The questions of the issue on the views, in SQL; and the same of design 001's SQLite tables."""

    def asking(name: str) -> Callable[[int], Any]:
        text = statement(f"asked/{name}")

        def ask(_: int) -> int:
            # As Arrow, which answers in SQL are made of (query/arrow.py): a hundred thousand rows as
            # Python's tuples take a third of the time of the longest question.
            with database.read() as connection:
                answer = connection.sql(text, params=ARGUMENTS.get(name))
                return sum(batch.num_rows for batch in RecordBatchReader.from_arrow(answer))

        return ask

    ours = {name: asking(name) for name in (*SHARED_QUESTIONS, "rollups")}
    ours["one"] = lambda n: execution_detail(database, ids[n % len(ids)], ["steps"])
    found: dict[str, Any] = {name: {"ours": measure(ask, rounds)} for name, ask in ours.items()}
    if not with_older:
        return found
    older = path.with_suffix(".sqlite")
    if not older.exists():
        copy_to_sqlite(database, older)
    for name, ask in sqlite_questions(older, ARGUMENTS, ids).items():
        theirs = measure(ask, max(2, rounds // 10))
        found[name]["sqlite"] = theirs
        found[name]["times_as_fast"] = round(theirs["p50_ms"] / found[name]["ours"]["p50_ms"], 1)
    return found


def run(
    path: Path, total: int, rounds: int, *, with_older: bool, only_asked: bool
) -> dict[str, Any]:
    """The figures for one size; makes the history when it is not there."""
    seconds = time.monotonic()
    if not path.exists():
        generate(path, total)
    seconds = time.monotonic() - seconds
    cold = min((cold_start(path) for _ in range(3)), key=lambda figures: figures["process_s"])
    with Database.open(path, StoreConfig()) as database:
        with database.read() as connection:
            rows = dict(
                connection.execute(
                    "select 'executions', count(*) from stored.executions union all "
                    "select 'spans', count(*) from stored.spans union all "
                    "select 'log_records', count(*) from stored.log_records"
                ).fetchall()
            )
            ids = _ids(connection, "true")
            failed = _ids(connection, "status = 'failed'")
        figures = {
            name: measure(ask, rounds if name != "stats: all steps" else max(3, rounds // 8))
            for name, ask in questions(database, ids, failed).items()
            if not only_asked
        }
        asked = asked_of_both(database, path, ids, rounds, with_older=with_older)
    missed = [name for name, figure in figures.items() if figure["p95_ms"] >= TARGET_MS]
    return {
        "rows": rows,
        "file_bytes": path.stat().st_size,
        "generate_s": round(seconds, 1),
        "cold_start": cold,
        "is_cold_start_met": cold["process_s"] < TARGET_COLD_S,
        "questions": figures,
        "asked": asked,
        "missed_p95_100_ms": missed,
    }


def _ids(connection: Any, where: str) -> list[str]:
    rows = connection.execute(
        f"select execution_id from executions where {where} order by 1"
    ).fetchall()
    return [row[0] for row in random.Random(5).sample(rows, min(100, len(rows)))]


def layout() -> str:
    """Eight hex digits that change when a table does: files that are kept are of no use then."""
    tables = [each.sql for each in load_schema().statements if "create table" in each.sql]
    return hashlib.sha256("".join(tables).encode()).hexdigest()[:8]


@contextlib.contextmanager
def place(keep: Path | None) -> Iterator[Path]:
    """Where the files go."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--keep", type=Path, help="directory to keep the files in, and use them again"
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument(
        "--older", action="store_true", help="ask design 001's SQLite database the same"
    )
    parser.add_argument(
        "--asked", action="store_true", help="only the questions of sql/asked/, and one by its id"
    )
    arguments = parser.parse_args()
    with place(arguments.keep) as directory:
        results = {
            str(total): run(
                directory / f"query-{total}-{layout()}.duckdb",
                total,
                arguments.rounds,
                with_older=arguments.older,
                only_asked=arguments.asked,
            )
            for total in arguments.sizes
        }
    about = {
        "load": os.getloadavg(),
        "target_p95_ms": TARGET_MS,
        "target_cold_start_s": TARGET_COLD_S,
    }
    print(json.dumps({"machine": machine(), "about": about, "executions": results}, indent=2))


if __name__ == "__main__":
    main()

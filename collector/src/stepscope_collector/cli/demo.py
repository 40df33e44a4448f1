"""`stepscope demo`: real programs, a real collector, real questions."""

import json
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from stepscope_collector.cli.client import Client
from stepscope_collector.cli.lookup import read_sql
from stepscope_collector.cli.server import run_program, run_server, wait_for
from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.cli.source import local_transport
from stepscope_collector.config import ClientConfig
from stepscope_collector.errors import NotFound, StepscopeError
from stepscope_collector.present.text.execution import execution_text
from stepscope_collector.present.text.lists import execution_table, workflow_stats_table
from stepscope_collector.present.text.tables import bold

__all__ = ["command"]

_EXAMPLES = "examples"
_EXPECTED = "expected.json"
_PROGRAM_TIMEOUT_S = 60.0
_ARRIVAL_TIMEOUT_S = 30.0

Row = dict[str, Any]
Counts = Counter[tuple[str, str]]


@click.command("demo")
@click.option(
    "--examples",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Programs to run; default: examples/ of the checkout.",
)
@shared_options()
@pass_session
def command(session: Session, *, examples: Path | None) -> None:
    """Start a collector, run example workflows, print their history.

    The history is kept in ./stepscope-demo, or in the directory --data names. Ends with exit code
    0 only when everything the examples did was found again.
    """
    programs, expected = _find_examples(examples)
    data = Path(session.data or "stepscope-demo").absolute()
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    since = datetime.fromtimestamp(time.time(), UTC).isoformat().replace("+00:00", "Z")
    with run_server(data, data / "demo-server.log") as endpoints:
        session.note(f"collector is ready: OTLP/gRPC on {endpoints.otlp_grpc}, data in {data}")
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{endpoints.otlp_grpc}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        }
        _heading(session, f"{len(programs)} programs, each in a process of its own")
        for program in programs:
            said = run_program(program, environ, _PROGRAM_TIMEOUT_S).strip()
            session.write(f"  {program.name}: {said.splitlines()[-1] if said else ''}\n")
            session.flush()
        with Client(local_transport(endpoints, ClientConfig())) as client:
            _wait(client, since, expected)
            _tell(session, client, since)
    _print_next(session, data)


def _print_next(session: Session, data: Path) -> None:
    question = '"select status, count(*) from executions group by all"'
    session.write(
        f"\nThe history is in {data / 'stepscope.duckdb'}. Ask it more:\n"
        f"  stepscope executions --data {data}\n"
        f"  stepscope sql --data {data} {question}\n"
        f"  stepscope serve --data {data}   # and point OTEL_EXPORTER_OTLP_ENDPOINT at it\n"
    )


def _find_examples(named: Path | None) -> tuple[list[Path], Counts]:
    """The programs in order, and the executions they make: workflow and status → how many."""
    checkout = Path(__file__).resolve().parents[4]
    places = [named] if named is not None else [checkout / _EXAMPLES, Path(_EXAMPLES)]
    for place in places:
        if (place / _EXPECTED).is_file():
            document = json.loads((place / _EXPECTED).read_text(encoding="utf-8"))
            programs = [place / name for name in document]
            counts: Counts = Counter()
            for executions in document.values():
                for each in executions:
                    counts[each["workflow"], each["status"]] += each["count"]
            return programs, counts
    raise NotFound(
        f"no {_EXPECTED} in {' or '.join(map(str, places))}: the examples are part of the source "
        "repository, not of the installed package",
        hint="run stepscope demo in a checkout, or name its examples with --examples DIR",
    )


def _wait(client: Client, since: str, expected: Counts) -> None:
    """Return when all that is expected has ended; StepscopeError says what is missing."""
    found: Counts = Counter()

    def arrived() -> bool | None:
        rows = _ask(client, "demo_ended", {"since": since})
        found.clear()
        found.update({(row["workflow_name"], row["status"]): int(row["count"]) for row in rows})
        return True if found == expected else None

    if wait_for(arrived, _ARRIVAL_TIMEOUT_S) is None:
        missing = ", ".join(f"{n} {w} {s}" for (w, s), n in sorted((expected - found).items()))
        excess = ", ".join(f"{n} {w} {s}" for (w, s), n in sorted((found - expected).items()))
        raise StepscopeError(
            f"{_ARRIVAL_TIMEOUT_S:g} s after the programs ended the history is not theirs: "
            f"missing {missing or 'nothing'}, not expected {excess or 'nothing'}"
        )


def _tell(session: Session, client: Client, since: str) -> None:
    """Print the questions with their SQL and answers."""
    rows = _question(session, client, "The executions", "demo_executions", {"since": since})
    session.write(execution_table(rows, session.screen))
    parents = {row["parent_execution_id"] for row in rows}
    chosen = {
        "A failed execution": lambda row: row["status"] == "failed",
        "A step that was tried three times": lambda row: (
            row["status"] == "success" and int(row["failed_attempt_count"]) > 0
        ),
        "An execution with children": lambda row: row["execution_id"] in parents,
        "One of the children, its steps in parallel": lambda row: (
            row["parent_execution_id"] is not None and int(row["attempt_count"]) > 1
        ),
    }
    for title, is_it in chosen.items():
        row = next(filter(is_it, rows), None)
        if row is None:
            raise StepscopeError(f"no execution to show as {title.lower()!r}")
        _tell_one(session, client, title, row["execution_id"])
    rows = _question(session, client, "Durations per workflow", "demo_durations", {})
    session.write(workflow_stats_table(rows, session.screen))


def _tell_one(session: Session, client: Client, title: str, execution_id: str) -> None:
    _heading(session, title)
    document: dict[str, Any] = {}
    for part in ("executions", "steps", "attempts", "payloads", "children"):
        name = f"demo_one_{part}"
        _print_sql(session, name, {"execution_id": execution_id})
        document[part] = _ask(client, name, {"execution_id": execution_id})
    document["execution"] = document.pop("executions")[0]
    session.write("\n" + execution_text(document, session.screen))


def _question(
    session: Session, client: Client, title: str, name: str, params: Mapping[str, str]
) -> list[Row]:
    _heading(session, title)
    _print_sql(session, name, params)
    session.write("\n")
    return _ask(client, name, params)


def _ask(client: Client, name: str, params: Mapping[str, str]) -> list[Row]:
    answer = client.sql(read_sql(name), params)
    names = [column["name"] for column in answer["columns"]]
    return [dict(zip(names, row, strict=True)) for row in answer["rows"]]


def _heading(session: Session, title: str) -> None:
    session.write(f"\n{bold(f'== {title} ==', session.screen)}\n")


def _print_sql(session: Session, name: str, params: Mapping[str, str]) -> None:
    """The statement on one line, with its parameters as they were bound."""
    lines = [line for line in read_sql(name).splitlines() if not line.startswith("--")]
    text = " ".join(line.strip() for line in lines)
    for parameter, value in params.items():
        text = text.replace(f"${parameter}", "'" + value.replace("'", "''") + "'")
    session.write(f"  {text};\n")

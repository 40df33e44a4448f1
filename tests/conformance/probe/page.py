"""Writes docs/conformance.md: the rows of the OTLP checklist, asked of our collector and of others.

    python -m tests.conformance.probe.page      (make conformance-page)

Builds the OpenTelemetry Collector and installs rotel below .isolate, starts each server as its users
would, asks it, and stops it again. Takes about five minutes.
"""

import os
import shlex
import socket
import subprocess
import sys
import tempfile
import threading
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from stepscope_collector import __version__
from tests.conformance.probe.__main__ import ours, target
from tests.conformance.probe.all_checks import CHECKS
from tests.conformance.probe.check import cases
from tests.conformance.probe.report import Line, cell, lines, summary
from tests.conformance.probe.rows import LEVEL_NAMES
from tests.integration.clients.toolchains import GO_VERSION, collector

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "conformance.md"
ISOLATE = ROOT / ".isolate"
SINK = "tests/integration/clients/collector/sink.yaml"
ROTEL = "0.0.1a15"

_START_S = 60

_HEAD = """# Conformance

What OTLP asks of a server, and what it takes to serve the clients that exist, as a checklist of {count} rows. There is no official
suite for servers; this one asks any server from outside:

```sh
make conformance TARGET=127.0.0.1:4317
make conformance TARGET=grpc://127.0.0.1:4317,http://127.0.0.1:4318 FORMAT=markdown
```

Levels: {levels}.

**pass**: every check of the row passed over every transport. **fail**: at least one did not; for rows of level M that is a breach of
the specification, for the others of a recommendation or of what clients need. **not offered**: optional, and the server does without.
**not visible**: nothing can be said from outside. What a server stores is not visible either: a pass says how it answered. Our own
collector is also asked for what it has stored, and rows that are not visible have tests of their own here where
`tests/conformance/rows.toml` says `covered`. Each server ran with its defaults, ours with a token, on {date}.
Written by `make conformance-page`.
"""


class Subject(NamedTuple):
    """A server to ask."""

    name: str
    version: str
    how: list[str]
    """Commands by which a reader gets it."""
    command: list[str]
    variables: dict[str, str]
    grpc: str
    http: str


def free_address() -> str:
    """A HOST:PORT nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return f"127.0.0.1:{found.getsockname()[1]}"


def otelcol() -> Subject:
    """The OpenTelemetry Collector with its OTLP receiver and nothing behind it."""

    grpc, http = free_address(), free_address()
    return Subject(
        "OpenTelemetry Collector",
        GO_VERSION.removeprefix("v"),
        [
            f"go install go.opentelemetry.io/collector/cmd/builder@{GO_VERSION}",
            "builder --config tests/integration/clients/collector/builder.yaml",
            f"GRPC=127.0.0.1:14317 HTTP=127.0.0.1:14318 otelcol/otelcol --config {SINK}",
        ],
        [str(collector()), "--config", str(ROOT / SINK)],
        {"GRPC": grpc, "HTTP": http},
        grpc,
        http,
    )


def rotel() -> Subject:
    """Rotel, a collector in Rust that Python programs start beside themselves."""
    folder = ISOLATE / "rotel"
    found = list(folder.glob("lib/*/site-packages/rotel/rotel-agent"))
    if not found:
        venv.create(folder, with_pip=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "install"]
        subprocess.run([*pip, f"rotel=={ROTEL}"], check=True)
        found = list(folder.glob("lib/*/site-packages/rotel/rotel-agent"))
    grpc, http = free_address(), free_address()
    command = "start --exporter blackhole --otlp-grpc-endpoint {} --otlp-http-endpoint {}"
    return Subject(
        "rotel",
        ROTEL,
        [
            f"pip install rotel=={ROTEL}",
            "$(python -c 'import rotel, pathlib; print(pathlib.Path(rotel.__file__).parent)')/rotel-agent "
            + command.format("127.0.0.1:14317", "127.0.0.1:14318"),
        ],
        [str(found[0]), *shlex.split(command.format(grpc, http))],
        {},
        grpc,
        http,
    )


@contextmanager
def running(subject: Subject) -> Iterator[None]:
    """The server, from when it listens to the end of the block."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            subject.command, env={**os.environ, **subject.variables}, stdout=log, stderr=log
        )
        try:
            for address in (subject.grpc, subject.http):
                wait_for_port(address, process)
            yield
        finally:
            process.terminate()
            process.wait(_START_S)


def wait_for_port(address: str, process: subprocess.Popen[bytes]) -> None:
    """Go on as soon as the server accepts connections; RuntimeError if it ends or takes too long."""
    host, _, port = address.rpartition(":")
    for _ in range(_START_S * 10):
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            threading.Event().wait(0.1)  # nothing announces a foreign server
        else:
            return
    raise RuntimeError(f"nothing listens on {address}")


def ask(subject: Subject) -> list[Line]:
    """The lines of the table of a foreign server."""

    with running(subject):
        asked = target(f"grpc://{subject.grpc},http://{subject.http}", {})
        return lines(cases(CHECKS, asked))


def ask_ours() -> list[Line]:
    """The lines of our own table."""

    with ours() as server:
        return lines(cases(CHECKS, server))


def page(tables: dict[str, list[Line]], subjects: list[Subject], date: str) -> str:
    """The document; `tables` by the heading of their column, ours first."""

    levels = ", ".join(f"**{level}** {name}" for level, name in LEVEL_NAMES.items())
    first = next(iter(tables.values()))
    out = [_HEAD.format(count=len(first), levels=levels, date=date)]
    out += [f"- {name}: {summary(table)}" for name, table in tables.items()]
    out += [
        "",
        "| row | level | what | " + " | ".join(tables) + " |",
        "|---|---|---|" + "---|" * len(tables),
    ]
    for row in zip(*tables.values(), strict=True):
        results = ["**fail**" if line.result == "fail" else line.result for line in row]
        out.append(f"| {row[0].row} | {row[0].level} | {row[0].about} | {' | '.join(results)} |")
    for name, table in tables.items():
        failed = [line for line in table if line.result == "fail"]
        if failed:
            out += [
                "",
                f"## What failed: {name}",
                "",
                "| row | level | what it did |",
                "|---|---|---|",
            ]
            out += [f"| {line.row} | {line.level} | {cell(line.seen)} |" for line in failed]
    out += ["", "## The other servers", ""]
    for subject in subjects:
        out += [f"{subject.name} {subject.version}:", "", "```", *subject.how, "```", ""]
    return "\n".join(out).rstrip() + "\n"


def main() -> int:
    """Write the page."""

    subjects = [otelcol(), rotel()]
    tables = {f"Stepscope {__version__}": ask_ours()}
    for subject in subjects:
        tables[f"{subject.name} {subject.version}"] = ask(subject)
        print(f"asked {subject.name}", file=sys.stderr)
    PAGE.write_text(page(tables, subjects, f"{datetime.now(UTC):%Y-%m-%d}"), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

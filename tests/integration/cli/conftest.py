"""Real collectors and the real command, each in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from stepscope_collector.cli.server import run_server
from tests.integration.cli import history


class Result(NamedTuple):
    code: int
    out: str
    err: str


def stepscope(*arguments: str | Path, stdin: str = "", **environ: str) -> Result:
    """Run the command in a place without settings, two hours east of Greenwich."""
    # POSIX has the sign the other way round.
    clean = {key: value for key, value in os.environ.items() if not key.startswith("STEPSCOPE_")}
    done = subprocess.run(
        [sys.executable, "-m", "stepscope_collector", *map(str, arguments)],
        input=stdin.encode(),
        capture_output=True,
        env={**clean, "TZ": "EAST-2", "XDG_CONFIG_HOME": "/nonexistent", **environ},
        timeout=50,
        check=False,
    )
    return Result(done.returncode, done.stdout.decode(errors="surrogateescape"),
                  done.stderr.decode())  # fmt: skip


@pytest.fixture(scope="session")
def stored(tmp_path_factory) -> Path:
    """A data directory with the history and no server."""
    data = tmp_path_factory.mktemp("stored")
    with run_server(data, data / "log") as endpoints:
        history.send_spans(endpoints.otlp_http, history.spans())
        history.send_logs(endpoints.otlp_http, history.logs())
    return data


@pytest.fixture
def ask(stored) -> Callable[..., Result]:
    """Runs a command on the history; no server runs."""

    def run(*arguments: str | Path, **keywords: str) -> Result:
        return stepscope(*arguments, "--data", stored, **keywords)

    return run

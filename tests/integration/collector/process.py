"""The collector as a process of its own, which a test may also kill."""

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stepscope_collector.cli.server import wait_for
from stepscope_collector.cli.source import read_endpoints
from stepscope_collector.config import StoreConfig
from stepscope_collector.config.endpoints import Endpoints
from stepscope_collector.store.database import Database
from stepscope_collector.store.engine import Connection

__all__ = ["Collector", "stored"]

START_S = 60
STOP_S = 40
USUAL = (
    "OTLP in protobuf is decoded",
    "requests of the backlog are committed",
    "the rest of the database is read",
    "database read in full",
)
"""What is said at every start, and at one after a kill."""
ANY_PORTS = {"--otlp-grpc": "127.0.0.1:0", "--otlp-http": "127.0.0.1:0", "--web": "127.0.0.1:0"}


class Collector:
    """A running collector; `with` stops it by SIGTERM and expects a silent, clean end."""

    def __init__(self, data: Path, **flags: str) -> None:
        """Start it and wait until it is ready.

        Args:
            data: its data directory.
            flags: of `stepscope serve`, with _ for -.
        """
        self.data = data
        self.may_say: str | None = None
        """What lines on stderr may end with; None: nothing may stand there."""
        self.may_mention: str | None = None
        """What lines on stderr may contain."""
        self.log = data.with_name(f"{data.name}.stderr")
        ports = ANY_PORTS | {f"--{name.replace('_', '-')}": flags[name] for name in flags}
        command = [sys.executable, "-m", "stepscope_collector", "serve", "--data", str(data)]
        with self.log.open("ab") as log:
            self._said_before = log.tell()
            self.process = subprocess.Popen(
                [*command, *(word for pair in ports.items() for word in pair)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        found = wait_for(self._ready, START_S)
        if not isinstance(found, Endpoints):
            self.kill()
            raise AssertionError(f"the collector did not start: {self.said()}")
        self.endpoints = found

    def _ready(self) -> Endpoints | int | None:
        if self.process.poll() is not None:
            return self.process.returncode
        found = read_endpoints(self.data / "endpoints.json")
        return found if found is not None and found.pid == self.process.pid else None

    def said(self) -> str:
        """Everything it wrote to stderr."""
        return self.log.read_bytes()[self._said_before :].decode("utf-8", "replace")

    def doctor(self) -> Any:
        """GET /api/doctor."""
        with urllib.request.urlopen(f"http://{self.endpoints.web}/api/doctor", timeout=30) as got:
            return json.loads(got.read())

    def ask_text(self, path: str) -> str:
        """The text of an answer to GET."""
        with urllib.request.urlopen(f"http://{self.endpoints.web}{path}", timeout=30) as got:
            return str(got.read().decode())

    def ask(self, method: str, path: str) -> Any:
        """What the read API answers to a request without a question."""
        url = f"http://{self.endpoints.web}{path}"
        headers = {"content-type": "application/json"}
        body = b"{}" if method == "POST" else None
        request = urllib.request.Request(url, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as got:
            return json.loads(got.read())

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait(STOP_S)

    def terminate(self) -> int:
        """SIGTERM; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_S)

    def unusual(self) -> list[str]:
        """The lines it has said since its start, but for those that starts say."""
        return [x for x in self.said().splitlines() if not any(usual in x for usual in USUAL)]

    def __enter__(self) -> "Collector":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self.kill()
            return
        code = self.terminate()
        assert code == 0, code
        lines = self.unusual()
        if self.may_mention is not None:
            lines = [line for line in lines if self.may_mention not in line]
        odd = [x for x in lines if self.may_say is None or not x.endswith(self.may_say)]
        assert not odd, odd
        left = {path.name for path in self.data.iterdir()} - {"tee", "tokens.json", "tenants"}
        assert left == {"stepscope.duckdb"}, left


@contextmanager
def stored(data: Path) -> Iterator[Connection]:
    """The history that a collector left in its data directory."""
    with (
        Database.open(data / "stepscope.duckdb", StoreConfig(), read_only=True) as database,
        database.read() as connection,
    ):
        yield connection

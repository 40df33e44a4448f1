"""How each peer is started. What cannot be installed here says why."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from harness.server import Process

from peers.install import Missing, built_by_builder, built_from_source, go, package

__all__ = ["PEERS", "Missing", "Peer"]

HERE: Final = Path(__file__).parent
WAIT_S: Final = 240
"""Python servers with migrations take a minute on a busy machine."""


class Peer(NamedTuple):
    """A server that takes OTLP traces."""

    about: str
    """What it does with spans."""
    answers: str
    """What its answer means."""
    start: Callable[[Path], tuple[Process, str]]
    """Starts it with a directory for its data; the process and its OTLP endpoint."""
    share: int = 1
    """Gets one in so many of the spans: slow ones would take an hour for what a part tells as well."""
    senders: int = 64
    """Takes requests of so many at once."""
    protocol: str = "grpc"
    headers: Mapping[str, str] = {}


def _python(script: str, *arguments: str) -> tuple[Process, str]:
    command = [sys.executable, str(HERE / script), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return Process(process), f"127.0.0.1:{process.stdout.readline().strip()}"


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


def _started(command: list[str], port: int, folder: Path, **variables: str) -> tuple[Process, str]:
    """Start a server of others and wait until it listens."""
    log = folder / "log"
    with log.open("w", encoding="utf-8") as said:
        process = subprocess.Popen(
            command, stdout=said, stderr=said, text=True, env={**os.environ, **variables}
        )
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as asked:
            if asked.connect_ex(("127.0.0.1", port)) == 0:
                return Process(process), f"127.0.0.1:{port}"
        time.sleep(0.1)
    process.kill()
    raise Missing(f"{command[0]} did not start: {log.read_text(encoding='utf-8')[-300:]}")


def _rotel(folder: Path) -> tuple[Process, str]:
    agent = next(package("rotel", "0.0.1a15").glob("lib/*/site-packages/rotel/rotel-agent"))
    grpc, http = _free_port(), _free_port()
    command = [str(agent), "start", "--exporter", "blackhole"]
    endpoints = [f"--otlp-grpc-endpoint=127.0.0.1:{grpc}", f"--otlp-http-endpoint=127.0.0.1:{http}"]
    return _started([*command, *endpoints], grpc, folder)


def _otelcol(folder: Path, config: str) -> tuple[Process, str]:
    program = built_by_builder(HERE / "otelcol" / "builder.yaml")
    return _configured(program, HERE / "otelcol" / config, folder)


def _jaeger(folder: Path) -> tuple[Process, str]:
    program = built_from_source("github.com/jaegertracing/jaeger", "v1.76.0", "./cmd/jaeger")
    return _configured(program, HERE / "jaeger" / "config.yaml", folder)


def _configured(program: Path, config: Path, folder: Path) -> tuple[Process, str]:
    port = _free_port()
    data = folder / "data"
    data.mkdir()
    return _started(
        [str(program), "--config", str(config)],
        port,
        folder,
        GRPC=f"127.0.0.1:{port}",
        DATA=str(data),
    )


def _viewer(folder: Path) -> tuple[Process, str]:
    program = go("otel-desktop-viewer", "github.com/CtrlSpice/otel-desktop-viewer", "v0.3.0")
    grpc = _free_port()
    flags = {"host": "127.0.0.1", "grpc": grpc, "http": _free_port(), "browser-port": _free_port()}
    return _started(
        [
            str(program),
            *(f"--{name}={value}" for name, value in flags.items()),
            "--open-browser=false",
            f"--db={folder / 'telemetry.duckdb'}",
        ],
        grpc,
        folder,
    )


def _phoenix(folder: Path) -> tuple[Process, str]:
    installed = package("arize-phoenix", "20.26.1")
    grpc, http = _free_port(), _free_port()
    return _started(
        [str(installed / "bin" / "phoenix"), "serve"],
        grpc,
        folder,
        PHOENIX_WORKING_DIR=str(folder),
        PHOENIX_GRPC_PORT=str(grpc),
        PHOENIX_PORT=str(http),
        PHOENIX_TELEMETRY_ENABLED="false",
    )


def _mlflow(folder: Path) -> tuple[Process, str]:
    installed = package("mlflow", "3.17.2")
    port = _free_port()
    return _started(
        [
            *(str(installed / "bin" / "mlflow"), "server", "--host=127.0.0.1", f"--port={port}"),
            *("--workers=1", f"--backend-store-uri=sqlite:///{folder / 'store.sqlite'}"),
            f"--artifacts-destination={folder / 'artifacts'}",
        ],
        port,
        folder,
        MLFLOW_DISABLE_TELEMETRY="true",
    )


PEERS: Final[dict[str, Peer]] = {
    "discard": Peer(
        "grpcio in Python, throws bytes away", "received", lambda _: _python("discard.py")
    ),
    "sqlite": Peer(
        "grpcio in Python, a loop per span into design 001's SQLite tables",
        "durable",
        lambda folder: _python("sqlite_store.py", str(folder / "store.sqlite")),
    ),
    "rotel": Peer("Rust, decodes, throws away", "received", _rotel),
    "otelcol-nop": Peer(
        "OpenTelemetry Collector, decodes, throws away",
        "received",
        lambda folder: _otelcol(folder, "nop.yaml"),
    ),
    "otelcol-file": Peer(
        "OpenTelemetry Collector, appends JSON lines to a file",
        "in memory, written each second",
        lambda folder: _otelcol(folder, "file.yaml"),
    ),
    "jaeger": Peer("Jaeger 2 with Badger, queryable", "written, not synced", _jaeger, share=4),
    "otel-desktop-viewer": Peer("Go, stores in DuckDB, queryable", "written", _viewer, share=10),
    "arize-phoenix": Peer("SQLite, queryable", "queued in memory", _phoenix, share=20),
    "mlflow": Peer(
        "SQLite, queryable; OTLP/HTTP only, one sender: with more it answers that its database is locked",
        "committed",
        _mlflow,
        share=50,
        senders=1,
        protocol="http",
        headers={"x-mlflow-experiment-id": "0"},
    ),
}

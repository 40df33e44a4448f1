"""How each peer is installed and started. What cannot be installed here says why."""

import os
import shutil
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from harness.server import Process

__all__ = ["PEERS", "Missing", "Peer"]

HERE: Final = Path(__file__).parent
INSTALLED: Final = HERE.parent.parent / ".isolate" / "peers"
"""An environment for each, thrown away by `make clean`."""
WAIT_S: Final = 120


class Missing(Exception):
    """The peer cannot be had on this machine."""


class Peer(NamedTuple):
    """A server that takes OTLP traces."""

    about: str
    """What it does with spans."""
    start: Callable[[Path], tuple[Process, str]]
    """Starts it with a directory for its data; the process and its OTLP/gRPC endpoint."""


def _python(script: str, *arguments: str) -> tuple[Process, str]:
    command = [sys.executable, str(HERE / script), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return Process(process), f"127.0.0.1:{process.stdout.readline().strip()}"


def _installed(package: str, version: str) -> Path:
    """The site-packages of an environment that holds the package."""
    folder = INSTALLED / f"{package}-{version}"
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "-q"]
        done = subprocess.run(
            [*pip, "install", f"{package}=={version}"], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Missing(f"{package} {version} cannot be installed: {done.stderr.strip()[-300:]}")
        (folder / "done").touch()
    return folder


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


def _started(command: list[str], port: int, log: Path, **variables: str) -> tuple[Process, str]:
    """Start a server of others and wait until it listens."""
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
    installed = _installed("rotel", "0.0.1a15")
    agent = next(installed.glob("lib/*/site-packages/rotel/rotel-agent"))
    grpc, http = _free_port(), _free_port()
    command = [str(agent), "start", "--exporter", "blackhole"]
    endpoints = [f"--otlp-grpc-endpoint=127.0.0.1:{grpc}", f"--otlp-http-endpoint=127.0.0.1:{http}"]
    return _started([*command, *endpoints], grpc, folder / "log")


def _phoenix(folder: Path) -> tuple[Process, str]:
    installed = _installed("arize-phoenix", "20.26.1")
    grpc, http = _free_port(), _free_port()
    return _started(
        [str(installed / "bin" / "phoenix"), "serve"],
        grpc,
        folder / "log",
        PHOENIX_WORKING_DIR=str(folder),
        PHOENIX_GRPC_PORT=str(grpc),
        PHOENIX_PORT=str(http),
        PHOENIX_TELEMETRY_ENABLED="false",
    )


PEERS: Final[dict[str, Peer]] = {
    "discard": Peer("grpcio in Python, throws bytes away", lambda _: _python("discard.py")),
    "sqlite": Peer(
        "grpcio in Python, a loop per span into design 001's SQLite tables, durable when it answers",
        lambda folder: _python("sqlite_store.py", str(folder / "store.sqlite")),
    ),
    "rotel": Peer("decodes, throws away", _rotel),
    "arize-phoenix": Peer("SQLite, stores after it answers", _phoenix),
}

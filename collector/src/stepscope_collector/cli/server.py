"""A collector in a process of its own, for as long as a command needs one."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from stepscope_collector import config
from stepscope_collector.cli.source import read_endpoints
from stepscope_collector.config.endpoints import Endpoints
from stepscope_collector.errors import StepscopeError

__all__ = ["run_program", "run_server", "wait_for"]

T = TypeVar("T")

_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 30.0
_POLL_S = 0.05


def wait_for(ask: Callable[[], T | None], timeout_s: float) -> T | None:
    """The first answer that is not None, asked again and again; None when the time is up."""
    pause = threading.Event()
    deadline = time.monotonic() + timeout_s
    while (answer := ask()) is None and time.monotonic() < deadline:
        pause.wait(_POLL_S)
    return answer


@contextmanager
def run_server(data: Path, log: Path) -> Iterator[Endpoints]:
    """A collector on free ports of this machine; stopped with SIGTERM at the end.

    Args:
        data: its data directory.
        log: file for what it says on stderr.

    Raises:
        StepscopeError: it did not start, or did not stop cleanly; the message ends with its own.
    """
    command = [sys.executable, "-m", "stepscope_collector", "serve", "--data", str(data)]
    for flag in ("--otlp-grpc", "--otlp-http", "--web"):
        command += [flag, "127.0.0.1:0"]
    endpoints_path = data / "endpoints.json"
    with log.open("wb") as stderr:
        process = subprocess.Popen(  # noqa: S603 our own interpreter and arguments
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr
        )
    try:

        def ready() -> Endpoints | int | None:
            if process.poll() is not None:
                return process.returncode
            found = read_endpoints(endpoints_path)
            # A file of an earlier server may lie there.
            return found if found is not None and found.pid == process.pid else None

        started = wait_for(ready, _START_TIMEOUT_S)
        if not isinstance(started, Endpoints):
            how = "did not get ready" if started is None else f"ended with exit code {started}"
            raise StepscopeError(f"the collector {how}: {_last_line(log)}", hint=f"see {log}")
        yield started
        code = _stop(process)
        if code != 0:
            raise StepscopeError(
                f"the collector ended with exit code {code}: {_last_line(log)}", hint=f"see {log}"
            )
    finally:
        if process.poll() is None:
            _stop(process)


def run_program(path: Path, environ: Mapping[str, str], timeout_s: float) -> str:
    """What a Python program printed, in a process of its own with more environment variables.

    Raises:
        StepscopeError: it failed or took too long; the message ends with its last line.
    """
    try:
        done = subprocess.run(  # noqa: S603 our own interpreter, a program named by the user
            [sys.executable, str(path)],
            env=config.environment() | dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise StepscopeError(f"{path.name} did not end within {timeout_s:g} s") from error
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise StepscopeError(
            f"{path.name} ended with exit code {done.returncode}: {lines[-1] if lines else ''}",
            hint=f"run it alone: {sys.executable} {path}",
        )
    return done.stdout


def _stop(process: "subprocess.Popen[bytes]") -> int:
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    said = [line for line in lines if not line.lstrip().startswith("hint:")]
    return said[-1].removeprefix("stepscope: ") if said else "it said nothing"

"""A collector in a process of its own, as users start it."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conformance.client import Endpoint

_START_S = 40


class Service:
    """Starts and stops one collector on one data directory."""

    def __init__(self, data: Path, *flags: str) -> None:
        self._data = data
        self._log = (data.parent / f"{data.name}.log").open("ab")
        self._log_path = Path(self._log.name)
        command = [sys.executable, "-m", "stepscope_collector", "serve", "--data", str(data)]
        for flag in ("--otlp-grpc", "--otlp-http", "--web"):
            command += [flag, "127.0.0.1:0"]
        (data / "endpoints.json").unlink(missing_ok=True)
        self.process = subprocess.Popen([*command, *flags], stdout=self._log, stderr=self._log)

    def endpoint(self) -> Endpoint:
        """Where it listens, as soon as it says so."""
        found = self._data / "endpoints.json"
        for _ in range(_START_S * 20):
            if self.process.poll() is not None:
                break
            try:
                said = json.loads(found.read_text(encoding="utf-8"))
            except (FileNotFoundError, json.JSONDecodeError):
                threading.Event().wait(0.05)  # nothing announces a file
                continue
            return Endpoint(
                *(said[key].removeprefix("http://") for key in ("otlp_grpc", "otlp_http", "web")),
                pid=self.process.pid,
                data=self._data,
            )
        self.stop(signal.SIGKILL)
        raise AssertionError(f"the collector did not start:\n{self.log()}")

    def stop(self, how: int = signal.SIGTERM) -> int:
        """End it; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(_START_S)
        self._log.close()
        return code

    def log(self) -> str:
        """What it has written so far."""
        return self._log_path.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The collector most tests share: each has trace ids of its own."""
    started = Service(tmp_path_factory.mktemp("conformance") / "data")
    yield started
    assert started.stop() == 0, started.log()
    assert "Traceback" not in started.log()


@pytest.fixture(scope="session")
def endpoint(service: Service) -> Endpoint:
    return service.endpoint()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Starts a collector of the test's own; killed afterwards if it still runs."""
    started: list[Service] = []

    def start_one(*flags: str) -> Service:
        started.append(Service(tmp_path / "data", *flags))
        return started[-1]

    yield start_one
    for one in started:
        one.stop(signal.SIGKILL)

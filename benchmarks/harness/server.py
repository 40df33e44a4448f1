"""Servers as processes of their own, and senders that keep one request each in flight."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import grpc

__all__ = ["Collector", "Process", "Refused", "Sender", "run_all", "summary"]

IDLE_CPU_S: Final = 0.05
NO_HEADERS: Final[Mapping[str, str]] = {}
METHOD: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


class Refused(Exception):
    """A server did not take a request."""


class Process:
    """What is measured of a server: its CPU and memory, its children's included."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def cpu_s(self) -> float:
        """User and system time so far."""
        return sum(_cpu_s(pid) for pid in _family(self.process.pid))

    def cpu_since(self, before_s: float) -> float:
        """The same since then; at least one tick of the clock, which is how exact it is."""
        return max(self.cpu_s() - before_s, 1 / os.sysconf("SC_CLK_TCK"))

    def settle(self, within_s: float) -> bool:
        """Wait until it takes next to no CPU: it has stored what it took in. `False`: not `within_s`."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            before = self.cpu_s()
            time.sleep(1)
            if self.cpu_s() - before <= IDLE_CPU_S:
                return True
        return False

    def memory_mb(self) -> float:
        """Resident memory."""
        return round(sum(_memory_kb(pid) for pid in _family(self.process.pid)) / 1024, 1)

    def stop(self) -> None:
        """SIGTERM, then wait until all is written."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(120)
        if self.process.stdout is not None:
            self.process.stdout.close()


class Collector(Process):
    """A collector on free ports in a directory of its own."""

    def __init__(self, data: Path, *flags: str) -> None:
        self.data = data
        started = time.perf_counter()
        listen = [f"--{name}=127.0.0.1:0" for name in ("otlp-grpc", "otlp-http", "web")]
        command = [sys.executable, "-m", "stepscope_collector", "serve", "--data", str(data)]
        process = subprocess.Popen([*command, *listen, *flags], stdout=subprocess.PIPE, text=True)
        super().__init__(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        if "ready" not in line:
            raise SystemExit(f"the collector did not start: {line!r}")
        self.start_s = time.perf_counter() - started
        """From the start of the process until it is ready."""
        self.endpoints = json.loads((data / "endpoints.json").read_text(encoding="utf-8"))

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """An answer of the web port, as JSON."""
        return json.loads(self._asked(method, path, body))

    def text(self, path: str) -> str:
        """The same as text, of a question."""
        return self._asked("GET", path, None).decode()

    def _asked(self, method: str, path: str, body: object) -> bytes:
        connection = http.client.HTTPConnection(self.endpoints["web"], timeout=600)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"content-type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
            if answer.status >= 400:
                raise SystemExit(f"{method} {path}: {answer.status} {content[:500]!r}")
            return content
        finally:
            connection.close()

    def sql(self, statement: str) -> list[list[Any]]:
        """Rows of a statement."""
        rows: list[list[Any]] = self.ask("POST", "/api/sql", {"sql": statement})["rows"]
        return rows

    def count(self, table: str) -> int:
        """Rows of a table."""
        return int(self.sql(f"select count(*) as n from {table}")[0][0])


class Sender(threading.Thread):
    """Sends its requests one after the other, at most `per_s` of them, and keeps the answer times.

    Answer times of a paced sender count from when the request was due, so that a server that stalls
    cannot hide it.
    """

    def __init__(
        self,
        endpoint: str,
        protocol: str,
        requests: Iterable[bytes],
        per_s: float = 0,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> None:
        super().__init__()
        self.requests = requests
        self.latencies_ms: list[float] = []
        self.per_s = per_s
        self.error: Exception | None = None
        self._send = _grpc_call(endpoint) if protocol == "grpc" else _http_call(endpoint, headers)

    def run(self) -> None:
        """Send everything; the first error ends it."""
        try:
            self._run()
        except (Refused, grpc.RpcError, http.client.HTTPException, OSError) as error:
            self.error = error

    def _run(self) -> None:
        begun = time.perf_counter()
        for number, request in enumerate(self.requests):
            due = time.perf_counter()
            if self.per_s:
                due = begun + number / self.per_s
                time.sleep(max(0.0, due - time.perf_counter()))
            self._send(request)
            self.latencies_ms.append((time.perf_counter() - due) * 1e3)


def run_all(senders: list[Sender]) -> list[float]:
    """Run them side by side; all answer times in ms, least first. `Refused` if one could not send all."""
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    for sender in senders:
        if sender.error is not None:
            raise Refused(f"a request was not answered: {sender.error}") from sender.error
    return sorted(ms for sender in senders for ms in sender.latencies_ms)


def summary(latencies_ms: list[float]) -> dict[str, float]:
    """p50, p99 and the greatest of sorted times in ms."""
    return {
        "p50": round(latencies_ms[len(latencies_ms) // 2], 1),
        "p99": round(latencies_ms[int(len(latencies_ms) * 0.99)], 1),
        "max": round(latencies_ms[-1], 1),
    }


def _grpc_call(endpoint: str) -> Callable[[bytes], Any]:
    options = [("grpc.use_local_subchannel_pool", 1)]
    return grpc.insecure_channel(endpoint, options).unary_unary(METHOD)


def _http_call(endpoint: str, headers: Mapping[str, str]) -> Callable[[bytes], Any]:
    connection = http.client.HTTPConnection(endpoint)
    every = {"content-type": "application/x-protobuf", **headers}

    def send(request: bytes) -> None:
        connection.request("POST", "/v1/traces", request, every)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise Refused(f"{answer.status} {content[:300]!r}")

    return send


def _family(pid: int) -> Iterator[int]:
    yield pid
    children = Path(f"/proc/{pid}/task/{pid}/children")
    with contextlib.suppress(OSError):
        for child in children.read_text(encoding="ascii").split():
            yield from _family(int(child))


def _cpu_s(pid: int) -> float:
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _memory_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))

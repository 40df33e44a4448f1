"""The OpenTelemetry Collector in front of us: its exporters, their compression, queue and retries."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stepscope_collector.cli.server import wait_for
from tests.conformance.probe.page import free_address, wait_for_port
from tests.faults.load import log_of
from tests.integration.clients import toolchains
from tests.integration.clients.sent import CHILDREN, ask, assert_stored, run_client
from tests.integration.collector.process import Collector
from tests.integration.collector.tees import drained, post, send, spans, told
from tests.strategies.workflows import span
from tests.unit.collector.test_ingest import metric_request, with_bad_ids

pytestmark = [pytest.mark.clients, pytest.mark.timeout(1800)]

HERE = Path(__file__).parent
PYTHON_CLIENT = [sys.executable, HERE / "python" / "client.py"]
ARRIVES_S = 60
START_S = 30


class Gateway:
    """A running OpenTelemetry Collector."""

    def __init__(self, program: Path, folder: Path, config: str, **variables: str) -> None:
        """Start it with a configuration of collector/ and wait until it listens."""
        self.address = free_address()
        self._log = folder / "otelcol.log"
        storage = folder / "queue"
        storage.mkdir(exist_ok=True)
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [program, "--config", HERE / "collector" / config],
                env={
                    **os.environ,
                    **variables,
                    "RECEIVER": self.address,
                    "STORAGE": str(storage),
                },
                stdout=log,
                stderr=log,
            )
        wait_for_port(self.address, self.process)

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End it."""
        self.process.send_signal(how)
        self.process.wait(START_S)

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def program() -> Path:
    try:
        return toolchains.collector()
    except toolchains.Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def start(program: Path, tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Starts a gateway, which is killed afterwards if it still runs."""
    started: list[Gateway] = []

    def start_one(config: str, **variables: str) -> Gateway:
        started.append(Gateway(program, tmp_path, config, **variables))
        return started[-1]

    yield start_one
    for one in started:
        if one.process.poll() is None:
            one.stop(signal.SIGKILL)


def arrived(collector: Collector, name: str) -> bool | None:
    """True when as many rows are there as a client sends."""
    statement = """
        select (select count(*) from spans where service_name = $name),
            (select count(*) from stored.log_records where starts_with(body, $name)),
            (select count(*) from stored.metric_points where starts_with(name, $name))
    """
    ((spans, logs, points),) = ask(collector.endpoints, statement, name=name)
    return (spans >= CHILDREN + 1 and logs >= 10 and points >= 3) or None


@pytest.mark.parametrize(
    ("protocol", "compression"),
    [
        ("grpc", "none"),
        ("grpc", "gzip"),
        ("http", "none"),
        ("http", "gzip"),
        ("http", "zlib"),
        ("http", "deflate"),
    ],
)
def test_what_the_collector_forwards_is_stored(
    tmp_path: Path, start: Callable[..., Gateway], protocol: str, compression: str
) -> None:
    """issue #4: the OpenTelemetry Collector in front of us, with and without compression."""
    with Collector(tmp_path / "data") as collector:
        endpoints = collector.endpoints
        target = endpoints.otlp_grpc if protocol == "grpc" else f"http://{endpoints.otlp_http}"
        gateway = start(f"{protocol}.yaml", TARGET=target, COMPRESSION=compression)
        name = f"through-{os.urandom(4).hex()}"
        trace_id = run_client(PYTHON_CLIENT, name, "grpc", gateway.address, "gzip")
        assert wait_for(lambda: arrived(collector, name), ARRIVES_S), gateway.log()
        gateway.stop()
        assert_stored(endpoints, name, trace_id)


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_its_queue_and_retries_lose_nothing_while_we_are_killed_and_come_back(
    tmp_path: Path, start: Callable[..., Gateway], protocol: str
) -> None:
    """issue #4: with its retry and persistent queue: both of us are killed, everything arrives once."""
    first = Collector(tmp_path / "data")
    endpoints = first.endpoints
    addresses = {
        "otlp_grpc": endpoints.otlp_grpc,
        "otlp_http": endpoints.otlp_http,
        "web": endpoints.web,
    }
    target = endpoints.otlp_grpc if protocol == "grpc" else f"http://{endpoints.otlp_http}"
    variables = {"TARGET": target, "COMPRESSION": "gzip"}
    names = [f"queued-{n}-{os.urandom(4).hex()}" for n in range(3)]
    gateway = start(f"{protocol}.yaml", **variables)
    traces = [run_client(PYTHON_CLIENT, names[0], "grpc", gateway.address, "none")]
    first.kill()  # whether it has them already or not
    traces.append(run_client(PYTHON_CLIENT, names[1], "grpc", gateway.address, "none"))
    gateway.stop(signal.SIGKILL)  # with a queue that is not empty
    gateway = start(f"{protocol}.yaml", **variables)
    traces.append(run_client(PYTHON_CLIENT, names[2], "grpc", gateway.address, "none"))
    with Collector(tmp_path / "data", **addresses) as collector:
        for name in names:
            assert wait_for(lambda name=name: arrived(collector, name), ARRIVES_S), gateway.log()
        gateway.stop()
        for name, trace_id in zip(names, traces, strict=True):
            assert_stored(collector.endpoints, name, trace_id)


def test_it_takes_everything_our_tee_sends(tmp_path: Path, start: Callable[..., Gateway]) -> None:
    """issue #4: the tee with the OpenTelemetry Collector as the other side, and us behind it; a bad
    span, for which it refuses a whole request, costs nothing but itself."""
    with Collector(tmp_path / "behind") as behind:
        gateway = start("grpc.yaml", TARGET=behind.endpoints.otlp_grpc, COMPRESSION="gzip")
        with Collector(tmp_path / "before", tee_endpoint=f"http://{gateway.address}") as before:
            before.may_mention = "endpoint of the tee refused rows for good, dropped"
            for number in range(10):
                send(before, "traces", spans(number).SerializeToString())
                send(before, "logs", log_of(0, number))
                post(before, "metrics", metric_request(number))
            send(before, "traces", with_bad_ids(span("beside a bad one", scope="x")))
            row = drained(before)
            assert (row["sent_rows"], row["dropped_rows"]) == (61, 1)

        def counts() -> bool | None:
            rows = behind.doctor()["ingest"]["rows"]
            return sum(each["stored"] for each in rows.values()) == 61 or None

        assert wait_for(counts, ARRIVES_S), gateway.log()
        gateway.stop()
    assert told(tmp_path / "behind") == told(tmp_path / "before")

"""telemetrygen, the load generator of the OpenTelemetry Collector."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.clients import toolchains
from tests.integration.clients.sent import ask
from tests.integration.collector.process import Collector

pytestmark = [pytest.mark.clients, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    with Collector(tmp_path_factory.mktemp("telemetrygen") / "data") as started:
        yield started


@pytest.fixture(scope="module")
def telemetrygen() -> Path:
    try:
        return toolchains.telemetrygen()
    except toolchains.Missing as missing:
        pytest.skip(str(missing))


def _run(telemetrygen: Path, signal: str, address: str, *flags: str) -> None:
    command = [telemetrygen, signal, "--otlp-insecure", "--otlp-endpoint", address, *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_what_telemetrygen_sends_is_stored(
    collector: Collector, telemetrygen: Path, protocol: str
) -> None:
    """issue #4: telemetrygen, with four workers: traces, log records and data points, counted."""
    endpoints = collector.endpoints
    address = endpoints.otlp_grpc if protocol == "grpc" else endpoints.otlp_http
    name = f"gen-{os.urandom(4).hex()}"
    flags = ["--workers", "4", "--rate", "0", "--service", name]
    flags += ["--otlp-http"] if protocol == "http" else []
    # Below the 2048 spans that its batch processor holds; of more it drops some by itself.
    _run(telemetrygen, "traces", address, "--traces", "100", "--child-spans", "3", *flags)
    statement = """
        select count(*), count(distinct (trace_id, span_id)), count(distinct trace_id),
            count(*) filter (where parent_span_id is null)
        from spans where service_name = $name
    """
    assert ask(endpoints, statement, name=name) == [[1600, 1600, 400, 400]]
    _run(telemetrygen, "logs", address, "--logs", "250", "--body", name, *flags)
    statement = "select count(*) from stored.log_records where body = $name"
    assert ask(endpoints, statement, name=name) == [[1000]]
    _run(telemetrygen, "metrics", address, "--metrics", "250", "--otlp-metric-name", name, *flags)
    statement = "select count(*) from stored.metric_points where name = $name"
    assert ask(endpoints, statement, name=name) == [[1000]]

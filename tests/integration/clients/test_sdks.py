"""The OpenTelemetry SDKs of four languages, unmodified, over every protocol they have."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.clients import toolchains
from tests.integration.clients.sent import LARGEST, ask, assert_stored, run_client
from tests.integration.collector.process import Collector

pytestmark = [pytest.mark.clients, pytest.mark.timeout(1800)]

JAVASCRIPT_LARGEST = (1 << 53) - 1


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    with Collector(tmp_path_factory.mktemp("clients") / "data") as started:
        yield started


def python() -> list[str | Path]:
    return [sys.executable, Path(__file__).parent / "python" / "client.py"]


def javascript() -> list[str | Path]:
    return ["node", toolchains.javascript() / "client.mjs"]


def go() -> list[str | Path]:
    return [toolchains.go_client()]


def java() -> list[str | Path]:
    return ["java", "-jar", toolchains.java_client()]


ALL = ("grpc", "http/protobuf", "http/json")
BINARY = ("grpc", "http/protobuf")


@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize(
    ("client", "protocol"),
    [
        *((python, protocol) for protocol in BINARY),
        *((javascript, protocol) for protocol in ALL),
        *((go, protocol) for protocol in BINARY),
        *((java, protocol) for protocol in BINARY),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_what_an_sdk_sends_is_stored(
    collector: Collector, client: Callable[[], list[str | Path]], protocol: str, compression: str
) -> None:
    """issue #4: the SDKs of Python, JavaScript, Go and Java deliver spans, log records and data points."""
    try:
        command = client()
    except toolchains.Missing as missing:
        pytest.skip(str(missing))
    name = f"{client.__name__}-{os.urandom(4).hex()}"
    endpoints = collector.endpoints
    address = endpoints.otlp_grpc if protocol == "grpc" else endpoints.otlp_http
    trace_id = run_client(command, name, protocol, address, compression)
    is_javascript = client is javascript
    integer = JAVASCRIPT_LARGEST if is_javascript else LARGEST
    assert_stored(endpoints, name, trace_id, integer=integer)
    if is_javascript:
        # Its JSON exporter sends {"doubleValue": null} for NaN.
        statement = "select attributes['not a number'] from spans where trace_id = $id and parent_span_id is null"
        expected = None if protocol == "http/json" else "nan"
        assert ask(endpoints, statement, id=trace_id) == [[expected]]

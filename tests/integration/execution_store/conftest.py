"""Where the classes keep their history: with a running server, or in a file of their own."""

import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.collector.process import Collector
from tests.strategies.workflows import Sent, request


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    with Collector(tmp_path_factory.mktemp("server") / "data", log_level="error") as running:
        yield running


@pytest.fixture(scope="module", params=["server", "file"])
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Any]:
    """What opens a class over HTTP, and on the file itself."""
    if request.param == "server":
        running: Collector = request.getfixturevalue("collector")
        return {"server": f"http://{running.endpoints.web}"}
    data: Path = tmp_path_factory.mktemp("file")
    return {"data": data}


@pytest.fixture
def workflow() -> str:
    """A workflow of a test's own."""
    return f"w-{uuid.uuid4()}"


def send(collector: Collector, *sent: Sent) -> None:
    """Spans over OTLP/HTTP."""
    message = urllib.request.Request(
        f"http://{collector.endpoints.otlp_http}/v1/traces",
        request(sent).SerializeToString(),
        {"content-type": "application/x-protobuf"},
    )
    with urllib.request.urlopen(message, timeout=30) as answer:
        assert answer.status == 200

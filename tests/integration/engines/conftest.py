"""A collector for the tests of one engine."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.collector.process import Collector
from tests.integration.engines.live import Live
from tests.integration.engines.record import record


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A running collector; what was kept of it goes to the folder RECORD afterwards."""
    folder = tmp_path_factory.mktemp("live")
    with Collector(folder / "data") as collector:
        started = Live(collector, folder)
        yield started
    if "RECORD" in os.environ:
        record(folder / "data", Path(os.environ["RECORD"]), started.recordings, folder)

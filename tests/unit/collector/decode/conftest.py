"""Tests of decoding run once for each decoder that is installed."""

from collections.abc import Iterator

import pytest

from stepscope_collector.decode.native import in_use
from tests.unit.collector.decode import rows


@pytest.fixture(params=["python", "native"])
def decoder(request: pytest.FixtureRequest) -> Iterator[str]:
    """Name of the decoder that `rows.decode` uses."""
    name: str = request.param
    if name == "native" and in_use("auto").decoder != "native":
        pytest.skip(f"no native decoder: {in_use('auto').reason}")
    rows.decoder = name
    yield name
    rows.decoder = "python"

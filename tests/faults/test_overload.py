"""Three times the load a collector can take: it refuses in time, forgets nothing, and stays small."""

import os

import pytest

from tests.faults.overload import overload

SECONDS = float(os.environ.get("OVERLOAD_MINUTES", "0.1")) * 60

pytestmark = [pytest.mark.slow, pytest.mark.e2e]


@pytest.mark.timeout(180 + 3 * SECONDS)
def test_overload_is_refused_and_counted_and_clients_that_retry_lose_nothing(tmp_path):
    """issue #4: memory stays bounded in an overload at 3 x capacity, every refusal is retryable and
    counted, and after the load everything the clients still hold arrives, once."""
    found = overload(tmp_path / "data", SECONDS)
    assert found["requests"]["refused"] > 0
    assert found["rows"].keys() == {"traces", "logs", "metrics"}

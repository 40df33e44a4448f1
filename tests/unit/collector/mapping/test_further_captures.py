"""Further recordings of real engines: failures, exhausted retries, children, cancellations, reruns."""

import json

import pytest

from tests.unit.collector.mapping.histories import CAPTURES, recorded
from tests.unit.collector.mapping.together import Together

EXPECTED = json.loads((CAPTURES / "further" / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def together():
    """All of them in one store."""
    all_of_them = Together(
        {name: recorded(f"further/{name}")[1] for name in EXPECTED},
        {name: each["executions"] for name, each in EXPECTED.items()},
    )
    all_of_them.take_at_once()
    return all_of_them


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_further_recording_holds_its_executions_and_steps(name, together):
    """issue #5: names, ids, statuses, attempts and parents exactly as expected."""
    together.assert_holds(name)


def test_further_recordings_hold_nothing_else(together):
    """issue #5: a line of a log or a message to a workflow is no execution."""
    together.assert_nothing_else()


@pytest.mark.timeout(240)  # eight seconds of work, on a machine that may be busy
def test_the_way_further_recordings_arrive_does_not_matter(together):
    """issue #5: any order, partition, repetition and interleaving with other files."""
    together.assert_any_order(seed=5, largest=80)

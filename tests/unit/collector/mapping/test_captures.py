"""Recordings of real engines: the executions and steps they hold, however they arrive."""

import json
import random
from datetime import UTC, datetime
from functools import cache

import pytest

from tests.unit.collector.mapping.histories import (
    CAPTURES,
    assert_holds,
    history,
    parted,
    recorded,
    shown,
)

EXPECTED = json.loads((CAPTURES / "expected.json").read_text(encoding="utf-8"))


@cache
def at_once(name):
    with history() as store:
        store.take(recorded(name)[0])
        return store.tables()


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_recording_holds_its_executions_and_steps(name):
    """issue #5: names, ids, statuses, attempts and parents exactly as expected."""
    with history() as store:
        store.take(recorded(name)[0])
        assert_holds(shown(store), EXPECTED[name]["executions"])


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_the_way_a_recording_arrives_does_not_matter(name):
    """issue #5: any order, partition, repetition; a restart in between."""
    rng = random.Random(name)
    for _ in range(3):
        with history() as store:
            for request in parted(recorded(name)[1], rng):
                store.take(request)
            assert store.tables() == at_once(name)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_recording_sent_twice_changes_nothing(name):
    """issue #5: twice gives the same."""
    with history() as store:
        first = store.take(recorded(name)[0])
        again = store.take(recorded(name)[0])
        assert (again.stored, again.duplicate) == (0, first.stored + first.duplicate)
        assert store.tables() == at_once(name)


def test_a_clock_that_is_ahead_doubles_no_try():
    """ours: signs of life end at the commit; tries are found again all the same."""
    name = "temporal-python-v1.retry.json"
    tries = "select * exclude (ingested_at, last_seen_unix_nano) from stored.attempts order by all"
    with history(now=datetime(2020, 1, 1, tzinfo=UTC)) as store:
        for single in recorded(name)[1]:
            store.take(single)
        found = store.rows(tries)
    with history() as store:
        store.take(recorded(name)[0])
        assert store.rows(tries) == found != []


# It commits every request of every recording alone: half a minute on a quiet machine.
@pytest.mark.timeout(180)
def test_recordings_may_be_mixed_over_days_and_restarts(tmp_path):
    """issue #5: interleaved with other files, a restart in between, spans of one trace days apart."""
    with history() as store:
        for name in sorted(EXPECTED):
            store.take(recorded(name)[0])
        expected = store.tables()
    rng = random.Random(20)
    singles = [single for name in sorted(EXPECTED) for single in recorded(name)[1]]
    requests = list(parted(singles, rng))
    days = [requests[n::4] for n in range(4)]
    for number, of_day in enumerate(days):
        now = datetime(2026, 12, 1 + 3 * number, tzinfo=UTC)
        with history(tmp_path / "stepscope.duckdb", now) as store:
            for request in of_day:
                store.take(request)
            found = store.tables()
    assert found == expected


def test_children_carry_the_root_of_their_tree():
    """issue #5: child executions carry parent and root."""
    for name in ("dbos.child.json", "temporal-python-v1.success.json", "prefect.success.json"):
        with history() as store:
            store.take(recorded(name)[0])
            found = {row["execution_id"]: row for row in store.rows("select * from executions")}
        for execution_id, row in found.items():
            top = row
            while top["parent_execution_id"] in found:
                top = found[top["parent_execution_id"]]
            assert row["root_execution_id"] == (top["parent_execution_id"] or top["execution_id"])
            assert row["parent_execution_id"] or row["root_execution_id"] == execution_id

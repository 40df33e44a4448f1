"""Large traces are folded now and then: what comes out is the same, and nothing is forgotten."""

import random

import pytest

from stepscope_collector.store import fold_writer, large_traces
from stepscope_collector.store.large_traces import LargeTraces
from tests.unit.collector.mapping.histories import history, parted, recorded

NAMES = (
    "airflow.retry.json", "dbos.child.json", "celery.retry.json", "restate.retry.json",
    "temporal-python-v1.retry.json",
)  # fmt: skip


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        self.now_s += 1  # so that folding takes time
        return self.now_s


@pytest.fixture
def clock(monkeypatch):
    """A clock of its own for what is large, which is anything."""
    clock = Clock()
    monkeypatch.setattr(large_traces, "LARGE_SPANS", 0)
    monkeypatch.setattr(fold_writer, "LargeTraces", lambda sql: LargeTraces(sql, clock))
    return clock


def unfolded(store):
    return store.rows("select count(*) as n from stored.unfolded_traces")[0]["n"]


def fold_later(store, clock):
    clock.now_s += 10**6
    count = 0
    while store._committer.fold_later(store._now.replace(tzinfo=None), 1_796_083_200 * 10**9):
        count += 1
    assert not store._committer.has_unfolded
    return count


def at_once(name):
    with history() as store:
        store.take(recorded(name)[0])
        return store.tables()


@pytest.mark.parametrize("name", NAMES)
def test_what_was_folded_later_is_what_would_have_been_folded_at_once(name, clock):
    """issue #5: order and partition do not matter, however long a trace waits."""
    expected = at_once(name)
    rng = random.Random(name)
    waited = 0
    for _ in range(4):
        with history() as store:
            for request in parted(recorded(name)[1], rng):
                store.take(request)
            waiting = unfolded(store)
            assert store._committer.has_unfolded == bool(waiting)
            assert fold_later(store, clock) == waiting
            assert store.tables() == expected
            assert unfolded(store) == 0
            assert fold_later(store, clock) == 0
            waited += waiting
    assert waited


def test_a_restart_forgets_none(tmp_path, clock):
    """issue #5: a restart in between."""
    name = "dbos.retry.json"
    expected = at_once(name)
    path = tmp_path / "stepscope.duckdb"
    with history(path) as store:
        for single in recorded(name)[1]:
            store.take(single)
        assert unfolded(store) == 1
    with history(path) as store:
        assert store._committer.has_unfolded
        assert fold_later(store, clock) == 1
        assert store.tables() == expected


def test_a_transaction_that_fails_forgets_none(clock, monkeypatch):
    """ours: what was to be folded still is."""
    name = "dbos.retry.json"
    expected = at_once(name)
    with history() as store:
        for single in recorded(name)[1]:
            store.take(single)
        monkeypatch.setattr(fold_writer.FoldWriter, "done", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fold_later(store, clock)
        monkeypatch.undo()
        assert store._committer.has_unfolded
        clock.now_s += 10**6
        assert fold_later(store, clock) == 1
        assert store.tables() == expected


def test_others_do_not_wait(clock):
    """ours: a small trace in the same commit is folded at once; the large one's spans are stored."""
    large, small = "dbos.retry.json", "prefect.success.json"
    expected = at_once(small)
    with history() as store:
        singles = recorded(large)[1]
        for single in singles[:2]:
            store.take(single)
        assert unfolded(store) == 1
        store.take(recorded(small)[0], *singles[2:])
        assert unfolded(store) == 1
        for row in expected["executions"]:
            assert row in store.tables()["executions"]
        (spans,) = store.rows("select count(*) as n from spans")
        assert spans["n"] == len(singles) + len(recorded(small)[1])


def test_a_trace_whose_spans_are_gone_waits_no_longer(clock):
    """ours: what is noted of a trace must not outlive it, nor stop the others."""
    with history() as store:
        for single in recorded("dbos.retry.json")[1]:
            store.take(single)
        for table in ("spans", "traces", "executions", "attempts"):
            store.database.writer().execute(f"delete from stored.{table}")
        assert fold_later(store, clock) == 1
        assert unfolded(store) == 0
        assert store.rows("from executions") == []

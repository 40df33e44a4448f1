import random
import statistics

import pytest

from stepscope_collector.errors import NotFound
from stepscope_collector.query import estimate
from stepscope_collector.query.estimate import execution_estimate
from stepscope_collector.store import Database
from tests.unit.collector.query.history import NOW_NS, SECOND, add_execution


def fill(database: Database, durations: list[int], status: str = "success") -> None:
    for number, duration in enumerate(durations):
        start = NOW_NS - (10_000 - number) * SECOND
        add_execution(
            database.writer(), f"{status}-{number}", workflow_id="w", started_unix_nano=start,
            final_end_unix_nano=start + duration, status=status,
        )  # fmt: skip


def run(database: Database, execution_id: str = "now", **values: object) -> None:
    add_execution(
        database.writer(), execution_id, **{
            "workflow_id": "w", "started_unix_nano": NOW_NS, "silence_ns": 2**62, **values,
        },
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_what_is_left_are_quantiles_of_those_that_took_longer(
    database: Database, seed: int
) -> None:
    """issue #7: conditional quantiles of the workflow's successful history."""
    draw = random.Random(seed)
    durations = [draw.randrange(1, 100) for _ in range(draw.choice([0, 5, 10, 20]))]
    elapsed = draw.choice([0, 20, 60])
    fill(database, [each * SECOND for each in durations])
    fill(database, [50 * SECOND] * draw.randrange(3), "failed")
    run(database)
    found = execution_estimate(database, "now", now_ns=NOW_NS + elapsed * SECOND)
    longer = sorted(each - elapsed for each in durations if each > elapsed)
    assert (found.history_count, found.longer_count) == (len(durations), len(longer))
    assert found.elapsed_ns == elapsed * SECOND
    if len(longer) < 5:
        assert (found.left_p50_ns, found.left_p90_ns) == (None, None)
        assert found.reason is not None
        assert found.reason.startswith(f"too few: {len(longer)} of {len(durations)}")
        return
    cuts = statistics.quantiles(longer, n=10, method="inclusive")
    assert found.reason is None
    assert found.left_p50_ns == pytest.approx(statistics.median(longer) * SECOND, abs=1)
    assert found.left_p90_ns == pytest.approx(cuts[8] * SECOND, abs=1)


def test_only_the_newest_of_its_own_workflow_count(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """issue #7: workflows change, and others are others."""
    monkeypatch.setattr(estimate, "NEWEST", 6)
    fill(database, [1000 * SECOND] * 20 + [SECOND] * 6)
    run(database)
    found = execution_estimate(database, "now", now_ns=NOW_NS)
    assert (found.history_count, found.left_p90_ns) == (6, SECOND)
    run(database, "elsewhere", workflow_id="v")
    found = execution_estimate(database, "elsewhere", now_ns=NOW_NS)
    assert (found.history_count, found.left_p50_ns) == (0, None)


def test_nothing_is_said_of_what_does_not_go_on(database: Database) -> None:
    """issue #7: says nothing where nothing can be said, and why."""
    fill(database, [SECOND] * 9)
    found = execution_estimate(database, "success-3", now_ns=NOW_NS)
    assert (found.reason, found.left_p50_ns) == ("it does not go on", None)
    run(database, "queued", started_unix_nano=None, started_at=None, status="queued",
        first_unix_nano=NOW_NS)  # fmt: skip
    found = execution_estimate(database, "queued", now_ns=NOW_NS)
    assert (found.elapsed_ns, found.reason) == (None, "it has not started")
    with pytest.raises(NotFound):
        execution_estimate(database, "nobody", now_ns=NOW_NS)

"""Statistics per hour and day equal a recount in Python over the same rows."""

import math
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.schema.test_views_stats import quantile

HOUR = 3600 * 10**9
DAY = 24 * HOUR
T0 = 1_700_006_400 * 10**9  # 2023-11-15 00:00 UTC
OPEN = ("queued", "running", "waiting", "retrying")

statuses = st.sampled_from(["success", "failed", "timed_out", "cancelled", "partial"])
starts = st.builds(
    lambda hour, rest: T0 + hour * HOUR + rest,
    st.sampled_from([0, 1, 23, 24, 25, 100]),
    st.sampled_from([0, 1, HOUR - 1]),
)
durations = st.integers(0, 2**40) | st.just(7)
executions = st.lists(
    st.tuples(
        st.sampled_from(["w", "v"]),
        st.sampled_from(["p", None]),
        starts | st.none(),
        statuses,
        st.none() | durations | st.just(-1),  # None: not ended; -1: end before start
        st.booleans(),  # seen lately
    ),
    max_size=20,
)


def assert_row(row: dict, members: list[tuple]) -> None:
    """members: status, whether ended, duration, whether a retry."""
    found = [status for status, *_ in members]
    ended = [status for status, is_ended, *_ in members if is_ended]
    failed = sum(status in ("failed", "timed_out") for status in ended)
    assert row["count"] == len(members)
    assert row["success"] == found.count("success")
    assert row["failed"] == sum(status in ("failed", "timed_out") for status in found)
    assert row["running"] == sum(status in OPEN for status in found)
    assert row["other"] == row["count"] - row["success"] - row["failed"] - row["running"]
    assert row["success_rate"] == (ended.count("success") / len(ended) if ended else None)
    assert row["failure_rate"] == (failed / len(ended) if ended else None)
    assert row["precision"] == "exact"
    values = [duration for *_, duration, _ in members if duration is not None]
    if not values:
        assert {row[f"{name}_ns"] for name in ("total", "min", "mean", "max", "p50")} == {None}
        return
    assert (row["total_ns"], row["min_ns"], row["max_ns"]) == (
        sum(values),
        min(values),
        max(values),
    )
    assert math.isclose(row["mean_ns"], sum(values) / len(values), rel_tol=1e-12)
    for name, share in (("p50_ns", 0.5), ("p95_ns", 0.95), ("p99_ns", 0.99)):
        assert math.isclose(row[name], quantile(values, share), rel_tol=1e-12)


def floor_to(unit: int, time_ns: int | None) -> int | None:
    return None if time_ns is None else time_ns - time_ns % unit


@pytest.mark.parametrize(
    ("view", "key", "unit"),
    [
        ("workflow_hours", "workflow_id", HOUR),
        ("workflow_days", "workflow_id", DAY),
        ("project_days", "project", DAY),
    ],
)
@settings(max_examples=15)  # planning takes most of the time
@given(executions=executions)
def test_executions_per_hour_and_day_equal_a_recount(shared_history, view, key, unit, executions):
    """R022, R093: counts, rates and exact percentiles per workflow, project, day and hour."""
    shared_history.clear()
    now = shared_history.now()
    groups = defaultdict(list)
    for number, (workflow, project, start, status, duration, is_recent) in enumerate(executions):
        first = T0 if start is None else start
        end = None if duration is None else first + duration
        shared_history.add(
            "executions",
            execution_id=f"e{number}",
            workflow_id=workflow,
            project=project,
            started_unix_nano=start,
            first_unix_nano=0 if start is None else start,
            final_end_unix_nano=end,
            last_seen_unix_nano=now if is_recent else T0,
            status=None if end is None else status,
        )
        if end is None:
            status = "running" if is_recent else "lost"
        shown = duration if start is not None and duration is not None and duration >= 0 else None
        group = (workflow if key == "workflow_id" else project, floor_to(unit, start))
        groups[group].append((status, end is not None, shown, False))
    at = "hour_at" if unit == HOUR else "day_at"
    rows = shared_history.rows(f"select *, epoch_ns({at}) as at from {view}")
    assert len(rows) == len(groups)
    for row in rows:
        assert_row(row, groups[row[key], row["at"]])


tries = st.lists(
    st.tuples(
        st.sampled_from(["e1", "e2", "e3"]),
        st.sampled_from(["charge", "ship"]),
        st.integers(1, 3),
        starts,
        statuses,
        st.none() | durations,
        st.booleans(),
    ),
    max_size=20,
)


@pytest.mark.parametrize(("view", "unit"), [("step_hours", HOUR), ("step_days", DAY)])
@settings(max_examples=15)
@given(tries=tries)
def test_tries_per_hour_and_day_equal_a_recount(shared_history, view, unit, tries):
    """R131: error rate per step and hour, percentiles per step and day, over every try."""
    shared_history.clear()
    now = shared_history.now()
    for execution, workflow in (("e1", "w"), ("e2", "w"), ("e3", "v")):
        shared_history.add("executions", execution_id=execution, workflow_id=workflow)
    shown = {"e1": "w", "e2": "w", "e3": "v"}
    groups = defaultdict(list)
    for span_id, (execution, name, attempt, start, status, duration, late) in enumerate(tries, 1):
        common = {
            "execution_id": execution, "span_id": span_id, "step_name": name, "attempt": attempt,
            "start_time_unix_nano": start,
        }  # fmt: skip
        if duration is None:
            shared_history.add("open_spans", last_seen_unix_nano=now if late else T0, **common)
            status = "running" if late else "lost"
        else:
            shared_history.add(
                "spans", end_time_unix_nano=start + duration, status=status, **common
            )
        member = (status, duration is not None, duration, attempt > 1)
        groups[shown[execution], name, floor_to(unit, start)].append(member)
    at = "hour_at" if unit == HOUR else "day_at"
    rows = shared_history.rows(f"select *, epoch_ns({at}) as at from {view}")
    assert len(rows) == len(groups)
    for row in rows:
        members = groups[row["workflow_id"], row["step_name"], row["at"]]
        assert_row(row, members)
        assert row["retries"] == sum(is_retry for *_, is_retry in members)


@given(st.lists(st.integers(0, 2**62), min_size=1, max_size=40), st.sampled_from([0, 0.5, 0.95, 1]))
def test_quantiles_of_buckets_are_within_one_percent(shared_history, values, share):
    """issue #7: rollups with log buckets, which say when an answer is ±1 %."""
    ((found,),) = shared_history.connection.execute(
        "with cells as (select duration_bucket(unnest) as bucket, count(*) as n from unnest($values)"
        " group by 1), ranked as (select bucket, sum(n) over (order by bucket) as upto,"
        " sum(n) over () as total from cells)"
        " select bucket_quantile(bucket, upto, total, $share) from ranked",
        {"values": values, "share": share},
    ).fetchall()
    exact = quantile(values, share)
    assert abs(found - exact) <= exact * 0.0100001

"""Statistics equal a recount in Python over the same rows."""

import math
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

OLD = 1_700_000_000 * 10**9
OPEN = ("queued", "running", "waiting", "retrying")

durations = st.integers(0, 2**40) | st.integers(0, 2**62) | st.just(5)
executions = st.lists(
    st.tuples(
        st.sampled_from(["w", "v", None]),  # workflow_id
        st.sampled_from(["name", "other", None]),  # workflow_name
        st.sampled_from(["success", "failed", "timed_out", "cancelled", "running", "partial"]),
        st.none() | durations | st.just(-1),  # None: not ended; -1: end before start
        st.booleans(),  # seen lately
    ),
    max_size=25,
)


def quantile(values: list[int], share: float) -> float:
    """Linear interpolation between the two nearest, as quantile_cont does."""
    values = sorted(values)
    place = share * (len(values) - 1)
    low = math.floor(place)
    high = math.ceil(place)
    return values[low] + (values[high] - values[low]) * (place - low)


def assert_durations(row: dict, values: list[int]) -> None:
    if not values:
        assert {row[f"{n}_ns"] for n in ("min", "mean", "max", "p50", "p95", "p99")} == {None}
        return
    assert (row["min_ns"], row["max_ns"]) == (min(values), max(values))
    assert math.isclose(row["mean_ns"], sum(values) / len(values), rel_tol=1e-12)
    for name, share in (("p50_ns", 0.5), ("p95_ns", 0.95), ("p99_ns", 0.99)):
        assert math.isclose(row[name], quantile(values, share), rel_tol=1e-12)


def assert_counts(row: dict, statuses: list[str], ended: list[str]) -> None:
    assert row["count"] == len(statuses)
    assert row["success"] == statuses.count("success")
    assert row["failed"] == sum(status in ("failed", "timed_out") for status in statuses)
    expected = ended.count("success") / len(ended) if ended else None
    assert row["success_rate"] == expected


@given(executions)
def test_workflow_stats_equal_a_recount(shared_history, executions):
    """issue #2, R022, R093: count, success, failed, running, rate, min, mean, max, p50, p95, p99."""
    shared_history.clear()
    now = shared_history.now()
    groups = defaultdict(list)
    for number, (workflow_id, name, status, duration, is_recent) in enumerate(executions):
        end = None if duration is None else OLD + number + duration
        seen = now if is_recent else OLD
        shared_history.add(
            "executions",
            execution_id=f"e{number}",
            workflow_id=workflow_id,
            workflow_name=name,
            started_unix_nano=OLD + number,
            final_end_unix_nano=end,
            last_seen_unix_nano=seen,
            status=None if end is None else status,
        )
        if end is None:
            status = "running" if is_recent else "lost"
        shown = workflow_id or name or "unknown"
        groups[shown].append((status, end, duration, number, name or workflow_id or "unknown"))
    rows = {
        row["workflow_id"]: row
        for row in shared_history.rows(
            "select *, epoch_ns(first_started_at) as f, epoch_ns(last_started_at) as l from workflow_stats"
        )
    }
    assert rows.keys() == groups.keys()
    for workflow, members in groups.items():
        row = rows[workflow]
        statuses = [status for status, *_ in members]
        assert_counts(row, statuses, [s for s, end, *_ in members if end is not None])
        assert row["running"] == sum(status in OPEN for status in statuses)
        assert row["other"] == row["count"] - row["success"] - row["failed"] - row["running"]
        assert row["workflow_name"] == max(name for *_, name in members)
        numbers = [number for *_, number, _ in members]
        assert (row["f"], row["l"]) == (OLD + min(numbers), OLD + max(numbers))
        assert_durations(row, [d for _, _, d, *_ in members if d is not None and d >= 0])


steps = st.lists(
    st.tuples(
        st.sampled_from(["e1", "e2", "e3", "gone"]),
        st.sampled_from(["charge", "ship"]),
        st.integers(1, 3),
        st.sampled_from(["success", "failed", "timed_out", "skipped"]),
        st.none() | durations,
        st.booleans(),
    ),
    max_size=25,
)


@given(steps)
def test_step_stats_equal_a_recount(shared_history, steps):
    """issue #2, R131: statistics per workflow and step over attempts, the share of time among them."""
    shared_history.clear()
    now = shared_history.now()
    workflows = {"e1": ("w", None), "e2": ("w", "x"), "e3": (None, "v")}
    for execution, (workflow_id, name) in workflows.items():
        shared_history.add(
            "executions", execution_id=execution, workflow_id=workflow_id, workflow_name=name
        )
    groups = defaultdict(list)
    shown = {"e1": "w", "e2": "w", "e3": "v", "gone": "unknown"}
    for span_id, (execution, name, attempt, status, duration, is_recent) in enumerate(steps, 1):
        common = {
            "execution_id": execution,
            "span_id": span_id,
            "step_name": name,
            "attempt": attempt,
            "start_time_unix_nano": OLD,
        }
        if duration is None:
            seen = now if is_recent else OLD
            shared_history.add("open_spans", last_seen_unix_nano=seen, **common)
            status = "running" if is_recent else "lost"
        else:
            end = OLD + duration
            shared_history.add("spans", end_time_unix_nano=end, status=status, **common)
        groups[shown[execution], name].append((status, attempt, duration))
    rows = {
        (r["workflow_id"], r["step_name"]): r
        for r in shared_history.rows("select * from step_stats")
    }
    assert rows.keys() == groups.keys()
    for key, members in groups.items():
        row = rows[key]
        statuses = [status for status, *_ in members]
        assert_counts(row, statuses, [s for s, _, duration in members if duration is not None])
        assert row["running"] == statuses.count("running")
        assert row["retries"] == sum(attempt > 1 for _, attempt, _ in members)
        values = [duration for *_, duration in members if duration is not None]
        assert_durations(row, values)
        assert row["total_ns"] == (sum(values) if values else None)
        whole = sum(
            duration
            for (workflow, _), tries in groups.items()
            for *_, duration in tries
            if workflow == key[0] and duration is not None
        )
        share = sum(values) / whole if values and whole else None
        assert row["time_ratio"] == (share if share is None else pytest.approx(share))


def test_share_of_success_never_exceeds_one(shared_history):
    """issue #2: an end beyond int64 is a right answer, not an ended execution of its own kind."""
    shared_history.clear()
    for number, end in enumerate((OLD + 5, 2**64 - 1)):
        shared_history.add(
            "executions",
            execution_id=f"e{number}",
            workflow_id="w",
            started_unix_nano=OLD,
            final_end_unix_nano=end,
            status="success",
        )
        shared_history.add(
            "spans", execution_id=f"e{number}", start_time_unix_nano=OLD, end_time_unix_nano=end
        )
    for view in ("workflow_stats", "step_stats"):
        assert shared_history.ask(f"select count, success, success_rate from {view}") == [(2, 2, 1)]

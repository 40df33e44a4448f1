"""Statistics per project, user, version and bucket of duration equal a recount in Python."""

import math
from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.schema.test_views_stats import OLD, OPEN, assert_counts, durations, quantile

executions = st.lists(
    st.tuples(
        st.sampled_from(["w", "v"]),
        st.sampled_from(["p", "q", None]),
        st.sampled_from(["ann", "bob", None]),
        st.sampled_from(["1", "2", "3", None]),
        st.sampled_from(["success", "failed", "timed_out", "cancelled"]),
        st.none() | durations,
        st.booleans(),
    ),
    max_size=25,
)


def fill(history, executions) -> list[dict]:
    """The rows as the view executions must show them."""
    history.clear()
    now = history.now()
    shown = []
    for number, (workflow, project, user, version, status, duration, recent) in enumerate(
        executions
    ):
        end = None if duration is None else OLD + number + duration
        failed = status in ("failed", "timed_out")
        row = {
            "execution_id": f"e{number:02}", "workflow_id": workflow, "project": project,
            "user_id": user, "workflow_version": version, "started_unix_nano": OLD + number,
            "final_end_unix_nano": end, "status": None if end is None else status,
            "error_type": f"E{number}" if failed and end else None,
        }  # fmt: skip
        history.add("executions", last_seen_unix_nano=now if recent else OLD, **row)
        if end is None:
            status = "running" if recent else "lost"
        shown.append(row | {"status": status, "duration": duration})
    return shown


def assert_common(row: dict, members: list[dict]) -> None:
    ended = [member["status"] for member in members if member["duration"] is not None]
    assert_counts(row, [member["status"] for member in members], ended)
    assert row["running"] == sum(member["status"] in OPEN for member in members)
    assert row["other"] == row["count"] - row["success"] - row["failed"] - row["running"]
    values = [member["duration"] for member in members if member["duration"] is not None]
    for name, share in (("p50_ns", 0.5), ("p95_ns", 0.95), ("p99_ns", 0.99)):
        if values:
            assert math.isclose(row[name], quantile(values, share), rel_tol=1e-12)
        else:
            assert row[name] is None


def grouped(shown: list[dict], *keys: str) -> dict[tuple, list[dict]]:
    groups = defaultdict(list)
    for row in shown:
        groups[tuple(row[key] for key in keys)].append(row)
    return groups


@settings(max_examples=25)
@given(executions)
def test_projects_equal_a_recount(shared_history, executions):
    """R132, R134: most used workflow, longest execution, totals, last failure."""
    shown = fill(shared_history, executions)
    rows = {row["project"]: row for row in shared_history.rows("from project_stats")}
    groups = grouped(shown, "project")
    assert {(key,) for key in rows} == set(groups)
    for (project,), members in groups.items():
        row = rows[project]
        assert_common(row, members)
        counts = grouped(members, "workflow_id")
        most = max(counts, key=lambda key: (len(counts[key]), key))
        assert (row["workflow_count"], row["most_used_workflow"], row["most_used_count"]) == (
            len(counts), most[0], len(counts[most]),
        )  # fmt: skip
        timed = [m for m in members if m["duration"] is not None]
        longest = max(timed, key=lambda m: (m["duration"], m["execution_id"]), default=None)
        assert row["longest_execution_id"] == (longest and longest["execution_id"])
        assert row["longest_workflow"] == (longest and longest["workflow_id"])
        assert row["max_ns"] == (longest and longest["duration"])
        failed = [m for m in timed if m["status"] in ("failed", "timed_out")]
        last = max(
            failed, key=lambda m: (m["final_end_unix_nano"], m["execution_id"]), default=None
        )
        assert row["last_failed_execution_id"] == (last and last["execution_id"])
        assert row["last_error_type"] == (last and last["error_type"])


@settings(max_examples=25)
@given(executions)
def test_users_equal_a_recount(shared_history, executions):
    """R022: statistics per user are a recount."""
    shown = fill(shared_history, executions)
    rows = {(row["user_id"],): row for row in shared_history.rows("from user_stats")}
    groups = grouped(shown, "user_id")
    assert rows.keys() == groups.keys()
    for key, members in groups.items():
        assert_common(rows[key], members)
        assert rows[key]["workflow_count"] == len({m["workflow_id"] for m in members})


@settings(max_examples=25)
@given(executions)
def test_versions_are_compared_with_the_one_before(shared_history, executions):
    """R153: what a new version of a workflow changed in success and duration."""
    shown = [row for row in fill(shared_history, executions) if row["workflow_version"]]
    rows = {
        (row["workflow_id"], row["workflow_version"]): row
        for row in shared_history.rows("from version_stats")
    }
    groups = grouped(shown, "workflow_id", "workflow_version")
    assert rows.keys() == groups.keys()
    for key, members in groups.items():
        row = rows[key]
        assert_common(row, members)
        first = {
            other: min(m["started_unix_nano"] for m in groups[other])
            for other in groups
            if other[0] == key[0]
        }
        earlier = [other for other in first if first[other] < first[key]]
        if not earlier:
            assert {row[n] for n in ("previous_version", "p50_ratio", "success_rate_change")} == {
                None
            }
            continue
        before = rows[max(earlier, key=first.__getitem__)]
        assert row["previous_version"] == before["workflow_version"]
        if row["p50_ns"] is not None and before["p50_ns"]:
            assert math.isclose(row["p50_ratio"], row["p50_ns"] / before["p50_ns"])
        if row["success_rate"] is not None and before["success_rate"] is not None:
            assert row["success_rate_change"] == row["success_rate"] - before["success_rate"]


@settings(max_examples=25)
@given(st.lists(st.tuples(st.sampled_from("wv"), durations), max_size=25))
def test_histograms_hold_every_duration_once(shared_history, values):
    """issue #7: histograms of durations; each duration lies between the bounds of its bucket."""
    shared_history.clear()
    for number, (workflow, duration) in enumerate(values, 1):
        shared_history.add(
            "executions", execution_id=f"e{number}", workflow_id=workflow, started_unix_nano=OLD,
            final_end_unix_nano=OLD + duration, status="success",
        )  # fmt: skip
        shared_history.add(
            "spans", execution_id=f"e{number}", span_id=number, step_name="s",
            start_time_unix_nano=OLD, end_time_unix_nano=OLD + duration,
        )  # fmt: skip
    for view in ("workflow_histogram", "step_histogram"):
        rows = shared_history.rows(f"from {view} order by workflow_id, bucket")
        for workflow in "wv":
            mine = [row for row in rows if row["workflow_id"] == workflow]
            durations_of = sorted(d for w, d in values if w == workflow)
            assert sum(row["count"] for row in mine) == len(durations_of)
            for row in mine:
                members = [d for d in durations_of if row["min_ns"] <= d <= row["max_ns"]]
                assert len(members) == row["count"]
                # a bound and a duration may differ in the last digit of a double
                assert row["from_ns"] <= row["min_ns"] * (1 + 1e-12)
                assert row["max_ns"] <= row["to_ns"] * (1 + 1e-12)

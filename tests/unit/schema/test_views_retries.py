"""Retries: flaky steps, what they cost, and whether they were expected, as a recount in Python."""

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.schema.test_views_stats import OLD

FAILED = ("failed", "timed_out")
steps = st.lists(
    st.tuples(
        st.sampled_from(["e1", "e2", "e3"]),
        st.sampled_from(["charge", "ship"]),
        st.lists(
            st.tuples(
                st.sampled_from(["success", "failed", "timed_out", "cancelled"]),
                st.integers(0, 1000),  # duration
                st.integers(0, 1000),  # wait before it
                st.sampled_from([True, False, None]),
            ),
            min_size=1,
            max_size=4,
        ),
    ),
    max_size=8,
)


@settings(max_examples=30)
@given(steps)
def test_retries_equal_a_recount(shared_history, steps):
    """R116, R117: flaky steps, expected and unexpected retries, and the time they cost."""
    shared_history.clear()
    shown = {"e1": "w", "e2": "w", "e3": "v"}
    for execution, workflow in shown.items():
        shared_history.add("executions", execution_id=execution, workflow_id=workflow)
    groups = defaultdict(list)
    span_id = 0
    for number, (execution, name, tries) in enumerate(steps):
        start = OLD
        timed = []
        for attempt, (status, duration, wait, is_expected) in enumerate(tries, 1):
            span_id += 1
            start += wait
            shared_history.add(
                "spans", execution_id=execution, span_id=span_id, step_id=f"{name}-{number}",
                step_name=name, attempt=attempt, status=status, start_time_unix_nano=start,
                end_time_unix_nano=start + duration, is_expected_retry=is_expected,
            )  # fmt: skip
            timed.append((status, start, duration, is_expected))
            start += duration
        groups[shown[execution], name].append(timed)
    rows = {
        (row["workflow_id"], row["step_name"]): row
        for row in shared_history.rows("select *, epoch_ns(last_flaky_at) as f from step_retries")
    }
    assert rows.keys() == groups.keys()
    for key, members in groups.items():
        row = rows[key]
        retried = [tries for tries in members if len(tries) > 1]
        flaky = [
            tries
            for tries in retried
            if tries[-1][0] == "success" and any(status in FAILED for status, *_ in tries)
        ]
        failed = [one for tries in retried for one in tries if one[0] in FAILED]
        delay = sum(tries[-1][1] - tries[0][1] for tries in retried)
        failing = sum(duration for tries in retried for _, _, duration, _ in tries[:-1])
        assert (row["steps"], row["retried_steps"]) == (len(members), len(retried))
        assert (row["flaky_steps"], row["flaky_rate"]) == (len(flaky), len(flaky) / len(members))
        assert row["given_up_steps"] == sum(tries[-1][0] in FAILED for tries in retried)
        assert row["retries"] == sum(len(tries) - 1 for tries in members)
        assert row["expected_retries"] == sum(one[3] is True for one in failed)
        assert row["unexpected_retries"] == sum(one[3] is False for one in failed)
        assert (row["delay_ns"], row["failing_ns"]) == (delay, failing)
        assert row["waiting_ns"] == delay - failing
        assert row["f"] == max((t[-1][1] + t[-1][2] for t in flaky), default=None)


def test_a_step_that_failed_once_and_passed_is_flaky(history):
    """R116: a step that passes only after a retry, and what the retry cost."""
    history.add("executions", execution_id="e", workflow_id="w")
    for attempt, (start, end, status) in enumerate([(10, 20, "failed"), (50, 55, "success")], 1):
        history.add(
            "spans", span_id=attempt, step_id="s", step_name="s", attempt=attempt, status=status,
            start_time_unix_nano=start, end_time_unix_nano=end, is_expected_retry=attempt == 1,
        )  # fmt: skip
    assert history.ask(
        "select flaky_steps, flaky_rate, expected_retries, delay_ns, failing_ns, waiting_ns"
        " from step_retries"
    ) == [(1, 1.0, 1, 40, 10, 30)]


def test_a_step_counts_once_whichever_of_its_tries_are_there(history):
    """R116, R133: late and lost tries, and one told twice, make no step more or less."""
    history.add("executions", execution_id="e", workflow_id="w")
    told = [
        ("late", 2),
        ("twice", 1),
        ("twice", 1),
        ("twice", 2),
        ("whole", 1),
        ("whole", 2),
        ("one", 1),
    ]
    for number, (step, attempt) in enumerate(told, 1):
        history.add(
            "spans", span_id=number, step_id=step, step_name="s", attempt=attempt, status="failed",
            start_time_unix_nano=10 * number, end_time_unix_nano=10 * number + 5,
        )  # fmt: skip
    assert history.ask("select steps, retried_steps, retries from step_retries") == [(4, 3, 3)]

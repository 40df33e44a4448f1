"""What is late or missing, as starts say, and what has become slower, as durations say."""

import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

HOUR = 3600 * 10**9
MINUTE = HOUR // 60


def add(history, number, start, workflow="w", duration=10, **more):
    history.add(
        "executions", execution_id=f"{workflow}{number}", workflow_id=workflow, status="success",
        started_unix_nano=start, first_unix_nano=start, final_end_unix_nano=start + duration, **more,
    )  # fmt: skip


def cadence(history):
    (row,) = history.rows(
        "select *, epoch_ns(due_at) as due, epoch_ns(late_after_at) as late from workflow_cadence"
    )
    return row


@pytest.mark.parametrize("beyond", [5, 30, 55])
def test_a_workflow_that_starts_every_hour_is_missed_when_it_does_not(history, beyond):
    """issue #7: missing runs inferred from cadence, without being told a schedule."""
    now = history.now()
    for number in range(20):
        add(history, number, now - (22 - number) * HOUR + (number % 3 - beyond) * MINUTE)
    row = cadence(history)
    assert (row["is_regular"], row["is_late"], row["missing_count"]) == (True, True, 3)
    assert abs(row["interval_ns"] - HOUR) <= 2 * MINUTE
    gaps = history.ask("select missing_count, started_at from workflow_gaps")
    assert gaps == [(3, None)]


def test_a_workflow_that_is_on_time_is_not_late(history):
    """issue #7: late runs inferred from cadence: jitter is none."""
    now = history.now()
    for number in range(20):
        add(history, number, now - (19 - number) * HOUR - 30 * MINUTE + number % 3 * MINUTE)
    row = cadence(history)
    assert (row["is_regular"], row["is_late"], row["missing_count"]) == (True, False, 0)
    assert row["due"] < row["late"]
    assert history.ask("select count(*) from workflow_gaps") == [(0,)]


def test_a_gap_in_the_past_says_how_many_are_missing(history):
    """issue #7: missing and late runs of the past."""
    now = history.now()
    hours = [hour for hour in range(60) if hour not in (20, 21)]
    for number, hour in enumerate(hours):
        late = 20 * MINUTE if hour == 40 else 0
        add(history, number, now - (60 - hour) * HOUR + late)
    assert history.ask(
        "select missing_count, late_ns from workflow_gaps where started_at is not null order by after_at"
    ) == [(2, 2 * HOUR), (0, 20 * MINUTE)]


def test_weekends_of_a_workday_schedule_are_not_missing(history):
    """issue #7: robust: what happens every week is no gap."""
    now = history.now()
    days = [day for day in range(70) if day % 7 < 5]
    for number, day in enumerate(days):
        add(history, number, now - (69 - day) * 24 * HOUR)
    assert cadence(history)["is_regular"]
    assert history.ask("select count(*) from workflow_gaps where started_at is not null") == [(0,)]


def test_starts_by_hand_between_scheduled_ones_change_nothing(history):
    """issue #7: a schedule is seen through what people start beside it."""
    now = history.now()
    for number in range(20):
        add(history, number, now - (20 - number) * HOUR, trigger_type="schedule")
        add(history, 100 + number, now - (20 - number) * HOUR + number * number * 10**9,
            trigger_type="manual")  # fmt: skip
    row = cadence(history)
    assert (row["is_scheduled"], row["is_regular"], row["interval_ns"]) == (True, True, HOUR)


@settings(max_examples=30)
@given(st.lists(st.integers(1, 10**6), min_size=4, max_size=40))
def test_interval_and_spread_are_robust(shared_history, gaps):
    """issue #7: the median interval and its spread, over the newest starts."""
    shared_history.clear()
    start = 1_700_000_000 * 10**9
    add(shared_history, 0, start)
    for number, gap in enumerate(gaps, 1):
        start += gap
        add(shared_history, number, start)
    row = cadence(shared_history)
    middle = statistics.median(gaps)
    spread = 1.4826 * statistics.median([abs(gap - middle) for gap in gaps])
    assert abs(row["interval_ns"] - middle) <= 1
    assert abs(row["spread_ns"] - spread) <= 2
    assert row["is_regular"] == (row["spread_ns"] <= row["interval_ns"] / 5)
    assert row["start_count"] == len(gaps) + 1
    if row["is_regular"]:
        assert row["is_late"]  # the newest start was in 2023
    else:
        assert (row["is_late"], row["due"], row["missing_count"]) == (False, None, 0)


@pytest.mark.parametrize(
    ("newest", "change"),
    [
        ([100, 101, 99, 102, 98] * 4, "steady"),
        ([150, 151, 149, 152, 148] * 4, "slower"),
        ([60, 61, 59, 62, 58] * 4, "faster"),
        ([100] * 18 + [9000] * 2, "steady"),  # two slow ones are no regression
        ([105] * 20, "steady"),  # certain, but small
    ],
)
def test_a_regression_is_a_shift_of_the_median(history, newest, change):
    """R153: duration regressions, robust and without a threshold to set."""
    start = 1_700_000_000 * 10**9
    durations = [90, 95, 100, 105, 110] * 20 + newest
    for number, duration in enumerate(durations):
        begun = start + number * HOUR
        add(history, number, begun, duration=duration * 10**6)
        history.add("spans", execution_id=f"w{number}", span_id=number + 1, step_name="s",
                    start_time_unix_nano=begun, end_time_unix_nano=begun + duration * 10**6)  # fmt: skip
    columns = "change, recent_count, former_count, recent_ns, former_ns, ratio, epoch_ns(since_at)"
    middle = statistics.median(newest) * 10**6
    expected = (change, 20, 100, middle, 100 * 10**6, middle / (100 * 10**6), start + 100 * HOUR)
    assert history.ask(f"select {columns} from workflow_regressions") == [expected]
    assert history.ask(f"select {columns} from step_regressions") == [expected]


def test_too_few_executions_are_not_judged(history):
    """R153: nothing is said of what is not known."""
    for number in range(14):
        add(history, number, 1_700_000_000 * 10**9 + number * HOUR)
    assert history.ask("select count(*) from workflow_regressions") == [(0,)]

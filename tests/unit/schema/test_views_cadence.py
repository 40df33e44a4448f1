"""What is late or missing, as starts say, and what has become slower, as durations say."""

import math
import random
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

HOUR = 3600 * 10**9
MINUTE = HOUR // 60
T0 = 1_699_833_600 * 10**9  # Monday, 2023-11-13 00:00 UTC


def add(history, number, start, workflow="w", duration=10, **more):
    history.add(
        "executions", execution_id=f"{workflow}{number}", workflow_id=workflow, status="success",
        started_unix_nano=start, first_unix_nano=start, final_end_unix_nano=start + duration, **more,
    )  # fmt: skip


def add_many(history, workflow, starts, durations):
    """Executions as `add` makes them, in one statement."""
    add(history, "first", starts[0], workflow, durations[0])
    history.connection.execute(
        "insert into stored.executions by name select e.* replace ("
        "  execution_id || new.start as execution_id,"
        "  execution_key(execution_id || new.start) as execution_key,"
        "  new.start as started_unix_nano, make_timestamp_ns(new.start::bigint) as started_at,"
        "  new.start as first_unix_nano,"
        "  new.start + new.duration as final_end_unix_nano, new.duration::bigint as duration_ns, "
        "  make_timestamp_ns((new.start + new.duration)::bigint) as ended_at) "
        "from stored.executions e, (select unnest($starts::ubigint[]) as start,"
        "  unnest($durations::ubigint[]) as duration) new where e.execution_id = $first",
        {"starts": starts[1:], "durations": durations[1:], "first": f"{workflow}first"},
    )


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


def lognormal(draw, spread):
    return math.exp(draw.gauss(0, spread))


STEADY = {
    # what → hours between starts, and a duration from the start in hours and a source of chance
    "noisy": (1, lambda hour, draw: lognormal(draw, 1.2)),
    "sparse and noisy": (24, lambda hour, draw: lognormal(draw, 0.5)),
    "of two kinds": (1, lambda hour, draw: draw.choice((1, 3)) * lognormal(draw, 0.05)),
    "with a rare slow kind": (1, lambda hour, draw: 5 if draw.random() < 0.2 else 1),
    "slow by day, ten an hour": (
        0.1, lambda hour, draw: (1 + 0.8 * math.sin(hour / 12 * math.pi)) * lognormal(draw, 0.1),
    ),
    "slow by day, two an hour": (
        0.5, lambda hour, draw: (1 + 0.3 * math.sin(hour / 12 * math.pi)) * lognormal(draw, 0.1),
    ),
    "slow on workdays": (
        4, lambda hour, draw: (1.5 if hour // 24 % 7 < 5 else 1) * lognormal(draw, 0.1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", STEADY)
def test_what_has_always_been_so_is_no_regression(history, what):
    """R153: duration regression without a threshold: noise, few starts, days and weeks are none."""
    every, lasts = STEADY[what]
    draw = random.Random(11)
    kinds = 10
    for kind in range(kinds):
        begun, count = T0 + draw.randrange(168) * HOUR, 30 if every == 24 else 400
        starts = [begun + int(number * every * HOUR) for number in range(count)]
        durations = [int(10**9 * lasts((start - T0) / HOUR, draw)) for start in starts]
        add_many(history, f"w{kind}-", starts, durations)
    told = history.ask("select count(*), count_if(change <> 'steady') from workflow_regressions")
    assert told[0][0] == kinds
    assert told[0][1] == 0


def test_what_began_days_ago_is_still_told_in_spite_of_the_days(history):
    """R153: a change is seen beside the rhythm of the days, also where yesterday was slow, too."""
    draw = random.Random(3)
    starts = [T0 + number * HOUR for number in range(400)]
    durations = [
        int(
            10**9
            * (1.5 if number >= 370 else 1)
            * (1 + 0.2 * math.sin(number / 12 * math.pi))
            * lognormal(draw, 0.05)
        )
        for number in range(400)
    ]
    add_many(history, "w", starts, durations)
    ((change, share),) = history.ask("select change, longer_share from workflow_regressions")
    assert change == "slower"
    assert share > 0.9


def test_too_few_executions_are_not_judged(history):
    """R153: nothing is said of what is not known."""
    for number in range(14):
        add(history, number, 1_700_000_000 * 10**9 + number * HOUR)
    assert history.ask("select count(*) from workflow_regressions") == [(0,)]

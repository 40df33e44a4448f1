import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

OLD = 1_700_000_000_000_000_000
STATUSES = (
    "queued", "running", "waiting", "retrying", "success", "partial", "failed", "timed_out",
    "cancelled", "lost", "skipped", "superseded", "unknown",
)  # fmt: skip
EXTREMES = (0, 1, OLD, 2**63 - 2, 2**63 - 1, 2**63, 2**64 - 1)
VIEWS = (
    "executions", "attempts", "steps", "spans", "payloads", "execution_params", "execution_logs",
    "workflow_stats", "step_stats",
)  # fmt: skip


def status(history) -> str:
    ((found,),) = history.ask("select status from executions")
    return found


@pytest.mark.parametrize("final", STATUSES)
def test_status_of_the_final_span_counts_whenever_it_came(history, final):
    """issue #2: terminal beats live, however long ago."""
    history.add("executions", final_end_unix_nano=5, last_seen_unix_nano=5, status=final)
    assert status(history) == final


def test_final_span_without_a_status_is_unknown(history):
    """ours: a status is always one of the vocabulary."""
    history.add("executions", final_end_unix_nano=5, status=None)
    assert status(history) == "unknown"


@pytest.mark.parametrize("dialect", ["stepscope", "otel"])
def test_open_execution_runs_while_it_gives_signs_of_life(history, dialect):
    """issue #2: running ones included."""
    now = history.now()
    history.add("executions", dialect=dialect, started_unix_nano=OLD, last_seen_unix_nano=now)
    (row,) = history.rows("select status, ended_at, duration_ns from executions")
    assert row == {"status": "running", "ended_at": None, "duration_ns": None}


@pytest.mark.parametrize("dialect", ["stepscope", "otel"])
def test_open_execution_that_fell_silent_is_lost_without_an_invented_end(history, dialect):
    """ours: design, `lost` has a last_seen_at and never an invented end."""
    history.add(
        "executions", dialect=dialect, started_unix_nano=OLD, last_seen_unix_nano=OLD + 1000
    )
    (row,) = history.rows(
        "select status, ended_at, duration_ns, epoch_ns(last_seen_at) as seen from executions"
    )
    assert row == {"status": "lost", "ended_at": None, "duration_ns": None, "seen": OLD + 1000}


def test_foreign_trace_without_its_root_is_running_and_then_unknown(history):
    """ours: of a trace whose root was never sent nobody knows how it ended."""
    history.add("executions", dialect="otel", last_seen_unix_nano=history.now())
    assert status(history) == "running"
    history.clear()
    history.add("executions", dialect="otel", last_seen_unix_nano=OLD)
    assert status(history) == "unknown"


def test_silence_is_measured_with_the_limit_of_the_database(history):
    """ours: executions.lost_after_s replaces the macro."""
    history.add("executions", last_seen_unix_nano=history.now() - 60 * 10**9)
    assert status(history) == "running"
    history.connection.execute("create or replace macro lost_after_ns() as cast(30e9 as ubigint)")
    assert status(history) == "lost"
    history.connection.execute(
        f"create or replace macro lost_after_ns() as cast({2**62} as ubigint)"
    )
    assert status(history) == "running"


@pytest.mark.parametrize(
    ("workflow_id", "workflow_name", "expected"),
    [
        ("w", "name", ("w", "name")),
        ("w", None, ("w", "w")),
        (None, "name", ("name", "name")),
        (None, None, ("unknown", "unknown")),
    ],
)
def test_workflow_always_has_an_identity_and_a_name(history, workflow_id, workflow_name, expected):
    """ours: every execution can be grouped."""
    history.add("executions", workflow_id=workflow_id, workflow_name=workflow_name)
    assert history.ask("select workflow_id, workflow_name from executions") == [expected]


@pytest.mark.parametrize(
    ("tags", "expected"), [('["a","b"]', '["a","b"]'), ("[no json", None), (None, None)]
)
def test_tags_that_are_no_json_do_not_break_the_list(history, tags, expected):
    """ours: one bad sender must not hide all executions."""
    history.add("executions", tags=tags)
    assert history.ask("select tags from executions") == [(expected,)]


def test_start_is_the_executions_own_else_that_of_its_first_span(history):
    """ours: an execution whose own span has not come yet has a start."""
    history.add("executions", execution_id="a", started_unix_nano=OLD + 7, first_unix_nano=OLD)
    history.add("executions", execution_id="b", first_unix_nano=OLD, final_end_unix_nano=OLD + 9)
    assert history.ask(
        "select execution_id, epoch_ns(started_at), duration_ns from executions order by all"
    ) == [("a", OLD + 7, None), ("b", OLD, 9)]


@given(
    started=st.sampled_from((None, *EXTREMES)),
    first=st.sampled_from(EXTREMES),
    end=st.sampled_from((None, *EXTREMES)),
    seen=st.sampled_from(EXTREMES),
    dialect=st.sampled_from(["otel", "stepscope"]),
)
def test_extreme_times_of_executions_never_raise(
    shared_history, started, first, end, seen, dialect
):
    """issue #2: end before start, timestamps 0 and beyond int64 have right answers."""
    shared_history.clear()
    shared_history.add(
        "executions",
        started_unix_nano=started,
        first_unix_nano=first,
        final_end_unix_nano=end,
        last_seen_unix_nano=seen,
        status="success",
        dialect=dialect,
    )
    (row,) = shared_history.rows("select *, epoch_ns(started_at) as start from executions")
    start = first if started is None else started
    assert row["start"] == (start if 0 < start < 2**63 - 1 else None)
    is_measurable = end is not None and 0 < start <= end and end - start < 2**63
    assert row["duration_ns"] == (end - start if is_measurable else None)
    for view in VIEWS:
        shared_history.ask(f"select * from {view}")


def test_extreme_times_of_spans_and_logs_never_raise(shared_history):
    """issue #2: end before start, timestamps 0 and beyond int64 have right answers."""
    for start, end in itertools.product(EXTREMES, EXTREMES):
        shared_history.clear()
        shared_history.add("spans", start_time_unix_nano=start, end_time_unix_nano=end)
        shared_history.add(
            "open_spans", span_id=2, start_time_unix_nano=start, last_seen_unix_nano=end
        )
        shared_history.add(
            "log_records", time_unix_nano=start, observed_time_unix_nano=end, execution_id="e"
        )
        for view in VIEWS:
            shared_history.ask(f"select * from {view}")
        ((duration,),) = shared_history.ask("select duration_ns from spans")
        is_measurable = 0 < start <= end and end - start < 2**63
        assert duration == (end - start if is_measurable else None)
        assert shared_history.ask("select count(*) from steps") == [(1 if end == 0 else 2,)]

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.schema.conftest import NOW, TRACE

SECOND = 10**9
OLD = 1_700_000_000 * SECOND


def test_final_attempt_of_a_step_speaks_for_it(history):
    """R002: one row per step with its final attempt."""
    for attempt, status, error in ((2, "success", None), (1, "failed", "ValueError")):
        history.add(
            "spans",
            span_id=attempt,
            step_id="s",
            step_name="charge",
            attempt=attempt,
            status=status,
            error_type=error,
            start_time_unix_nano=OLD + attempt * SECOND,
            end_time_unix_nano=OLD + attempt * SECOND + 7,
        )
    (row,) = history.rows(
        "select step_name, attempt, attempt_count, status, error_type, duration_ns, "
        "epoch_ns(first_started_at) as first, epoch_ns(started_at) as start, step_index from steps"
    )
    assert row == {
        "step_name": "charge",
        "attempt": 2,
        "attempt_count": 2,
        "status": "success",
        "error_type": None,
        "duration_ns": 7,
        "first": OLD + SECOND,
        "start": OLD + 2 * SECOND,
        "step_index": 0,
    }


def test_step_that_runs_again_is_running(history):
    """issue #2: a retried step whose second try is open has not failed."""
    history.add("spans", span_id=1, step_id="s", attempt=1, status="failed")
    history.add("open_spans", span_id=2, step_id="s", attempt=2, last_seen_unix_nano=history.now())
    assert history.ask("select status, attempt, attempt_count, ended_at from steps") == [
        ("running", 2, 2, None)
    ]
    assert history.ask("select status from attempts order by attempt") == [
        ("failed",),
        ("running",),
    ]


def test_open_attempt_that_fell_silent_is_lost(history):
    """ours: no attempt runs for ever."""
    history.add("open_spans", last_seen_unix_nano=OLD)
    assert history.ask(
        "select status, ended_at, duration_ns, epoch_ns(last_seen_at) from steps"
    ) == [("lost", None, None, OLD)]


def test_live_markers_operations_and_unfinished_spans_are_no_attempts(history):
    """ours: a marker speaks of a span, it is none; the open span has its own row."""
    history.add("spans", span_id=1, live_phase="started")
    history.add("spans", span_id=2, role="operation")
    history.add("spans", span_id=3, role="execution")
    history.add("spans", span_id=4, end_time_unix_nano=0)
    history.add("open_spans", span_id=5, role="execution")
    assert history.ask("select * from attempts") == []
    assert history.ask("select count(*) from spans") == [(4,)]


def test_span_without_step_identity_is_its_own_step(history):
    """ours: absent step id: one attempt, and the span id is the identity."""
    history.add("spans", span_id=255, name="GET /", parent_span_id=16)
    assert history.ask(
        "select step_id, step_name, attempt, span_id, parent_span_id, trace_id from steps"
    ) == [
        (
            "00000000000000ff",
            "GET /",
            1,
            "00000000000000ff",
            "0000000000000010",
            "0af7651916cd43dd8448eb211c80319c",
        )
    ]


def test_error_stack_is_that_of_the_last_exception(history):
    """issue #2: a failure with its error and stack; what was caught and noted is no failure."""
    history.add("spans", span_id=1, status="failed")
    history.add("spans", span_id=3)
    history.connection.execute(
        "update stored.spans set events = ["
        "{time_unix_nano: 1, name: 'exception', attributes: map {'exception.stacktrace': 'first'}, "
        "attribute_types: null, dropped_attributes_count: 0}, "
        "{time_unix_nano: 2, name: 'exception', attributes: map {'exception.stacktrace': 'last'}, "
        "attribute_types: null, dropped_attributes_count: 0}, "
        "{time_unix_nano: 3, name: 'note', attributes: map {'exception.stacktrace': 'no'}, "
        "attribute_types: null, dropped_attributes_count: 0}]"
    )
    history.add("spans", span_id=2)
    assert history.ask("select error_stack from steps order by span_id") == [
        ("last",), (None,), (None,)
    ]  # fmt: skip


def test_steps_of_a_sender_without_positions_count_from_zero_in_order_of_start(history):
    """R002: step_index 0..n-1 per execution."""
    for execution in ("a", "b"):
        for number in (3, 1, 2):
            history.add(
                "spans",
                execution_id=execution,
                span_id=number,
                name=f"step {number}",
                start_time_unix_nano=OLD + number,
                end_time_unix_nano=OLD + 10,
            )
    assert history.ask("select execution_id, step_index, step_name from steps order by all") == [
        (e, n - 1, f"step {n}") for e in ("a", "b") for n in (1, 2, 3)
    ]


def test_position_the_sender_told_is_kept(history):
    """R002: the sender knows the order of parallel steps."""
    history.add("spans", span_id=1, step_index=1, start_time_unix_nano=OLD)
    history.add("spans", span_id=2, step_index=0, start_time_unix_nano=OLD + 1)
    assert history.ask("select span_id[-1:], step_index from steps order by all") == [
        ("1", 1),
        ("2", 0),
    ]


attempts = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),  # execution
        st.sampled_from(["s", "t", "u"]),  # step
        st.integers(1, 4),  # attempt
        st.integers(0, 5),  # start
        st.booleans(),  # still open
    ),
    max_size=12,
)


@given(attempts)
def test_steps_equal_a_recount(shared_history, attempts):
    """issue #2: final attempt of each step, positions 0..n-1, whatever came in whatever order."""
    shared_history.clear()
    expected: dict[tuple[str, str], list[tuple]] = {}
    for span_id, (execution, step, attempt, start, is_open) in enumerate(attempts, start=1):
        expected.setdefault((execution, step), []).append((attempt, start, span_id))
        shared_history.add(
            "open_spans" if is_open else "spans",
            execution_id=execution,
            step_id=step,
            attempt=attempt,
            span_id=span_id,
            start_time_unix_nano=OLD + start,
            **({} if is_open else {"end_time_unix_nano": OLD + 100}),
        )
    rows = []
    for execution in ("a", "b"):
        steps = [
            (min(start for _, start, _ in tries), max(tries), len(tries), step)
            for (e, step), tries in expected.items()
            if e == execution
        ]
        steps.sort(key=lambda s: (s[0], s[1][2]))
        rows += [
            (execution, index, step, final[0], count, OLD + first, OLD + final[1])
            for index, (first, final, count, step) in enumerate(steps)
        ]
    assert (
        shared_history.ask(
            "select execution_id, step_index, step_id, attempt, attempt_count, "
            "epoch_ns(first_started_at), epoch_ns(started_at) from steps "
            "order by execution_id, step_index"
        )
        == rows
    )


def test_a_step_waited_for_its_first_try(history):
    """issue #3: engines that tell when a try was queued; the wait is never negative."""
    told = {
        "execution_id": "e", "step_id": "s", "status": "failed", "dialect": "x",
        "last_seen_unix_nano": 0, "trace_id": TRACE, "span_id": 1, "parent_span_id": 0, "ingested_at": NOW,
    }  # fmt: skip
    for attempt, queued, started in ((2, 95, 90), (1, 30, 50), (3, None, 99)):
        row = {**told, "attempt": attempt, "queued_unix_nano": queued, "started_unix_nano": started}
        names = ", ".join(row)
        places = ", ".join(f"${name}" for name in row)
        history.connection.execute(f"insert into stored.attempts ({names}) values ({places})", row)
    assert history.ask("select epoch_ns(queued_at), wait_ns from attempts order by attempt") == [
        (30, 20),
        (95, None),
        (None, None),
    ]
    assert history.ask("select attempt, epoch_ns(queued_at), wait_ns from steps") == [(3, 30, 20)]

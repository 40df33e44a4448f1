"""The write path of spans on a real DuckDB: what becomes of executions, whatever the order."""

import random
import re
import time
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepscope_collector.store.statements import statement
from tests.strategies.workflows import execution, history, marker, span, step

FAMILY = [
    # one execution with a retried step, an HTTP client inside a step, and a child execution
    execution("order", "E1", start=0, end=100, attributes={"stepscope.params": '{"id":7}'}),
    step("reserve", "E1", parent="order", start=1, end=20),
    step(
        "charge",
        "E1",
        parent="order",
        start=20,
        end=30,
        outcome="failure",
        error="declined",
        identity="c1",
        attributes={"workflow.task.id": "c", "stepscope.step.attempt": 1},
    ),
    step(
        "charge",
        "E1",
        parent="order",
        start=35,
        end=50,
        identity="c2",
        attributes={"workflow.task.id": "c", "stepscope.step.attempt": 2},
    ),
    span("POST /pay", parent="c2", start=36, end=49, scope="http", attributes={"big": "x" * 9000}),
    span("connect", parent="POST /pay", start=37, end=38, scope="http"),
    execution(
        "ship",
        "E2",
        parent="reserve",
        start=5,
        end=15,
        attributes={"stepscope.execution.parent_id": "E1"},
    ),
    step("label", "E2", parent="ship", start=6, end=9),
    # a web request around it all, by another SDK
    span("GET /order", start=-5, end=110, scope="web"),
    # the same trace shape with no SDK at all
    span("job", trace="u", start=0, end=9, scope="x", error="boom"),
    span("load", trace="u", parent="job", start=1, end=5, scope="x"),
    span("deep", trace="u", parent="load", start=2, end=4, scope="x"),
]
RUNNING = [
    execution("sync", "E3", trace="r", start=0, end=500),
    step("pull", "E3", trace="r", parent="sync", start=3, end=400),
]
LIVE = [
    marker(RUNNING[0], at=1),
    marker(RUNNING[1], at=5),
    marker(RUNNING[0], at=50, phase="heartbeat"),
]


@cache
def _everything_at_once():
    with history() as store:
        store.write(FAMILY + RUNNING + LIVE)
        return store.tables()


@pytest.fixture(scope="module")
def family_tables():
    with history() as store:
        store.write(FAMILY)
        return store.tables()


def test_each_span_becomes_what_it_is_to_its_execution(family_tables):
    """issue #2: mapping of our own spans and of any unknown trace."""
    found = {
        row["name"]: (row["execution_id"], row["role"])
        for row in family_tables["spans"]
        if row["name"] != "charge"
    }
    t, u = (
        next(r["trace_id"].hex for r in family_tables["spans"] if r["name"] == n)
        for n in ("order", "job")
    )
    assert found == {
        "order": ("E1", "execution"),
        "reserve": ("E1", "step"),
        "POST /pay": ("E1", "operation"),
        "connect": ("E1", "operation"),
        "ship": ("E2", "execution"),
        "label": ("E2", "step"),
        "GET /order": (t, "execution"),
        "job": (u, "execution"),
        "load": (u, "step"),
        "deep": (u, "step"),
    }


def test_executions_are_folded_from_their_spans():
    """issue #2: executions by commutative merge."""
    with history() as store:
        store.write(FAMILY)
        found = {
            row["workflow_name"]: row
            for row in store.rows("select *, duration_ns // 1000000 as ms from executions")
        }
    assert set(found) == {"order", "ship", "GET /order", "job"}
    order = found["order"]
    assert (order["status"], order["ms"]) == ("success", 100)
    assert (order["attempt_count"], order["failed_attempt_count"]) == (3, 1)
    assert order["span_count"] == 6
    assert found["ship"]["parent_execution_id"] == "E1"
    job = found["job"]
    assert (job["status"], job["error_message"], job["service_name"]) == ("failed", "boom", "shop")


def test_attempts_of_a_step_are_one_step():
    """R007 A3.7: a step retried is one step with its attempts."""
    with history() as store:
        store.write(FAMILY)
        steps = store.rows("select * from steps where execution_id = 'E1' order by step_index")
        attempts = store.rows(
            "select attempt, status, error_message from attempts "
            "where execution_id = 'E1' and step_id = 'c' order by attempt"
        )
    assert [(s["step_name"], s["attempt_count"], s["status"]) for s in steps] == [
        ("reserve", 1, "success"),
        ("charge", 2, "success"),
    ]
    assert attempts == [
        {"attempt": 1, "status": "failed", "error_message": "declined"},
        {"attempt": 2, "status": "success", "error_message": None},
    ]


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32), commits=st.integers(1, 12), repeat=st.booleans())
@pytest.mark.timeout(180)
def test_order_partition_and_repetition_do_not_matter(seed, commits, repeat):
    """issue #2: duplicates stored once; late and out-of-order data right."""
    rng = random.Random(seed)
    sent = FAMILY + RUNNING + LIVE
    sent = sent + rng.sample(sent, len(sent) // 2 if repeat else 0)
    rng.shuffle(sent)
    cuts = sorted(rng.randrange(len(sent) + 1) for _ in range(commits - 1))
    with history() as store:
        for first, last in zip([0, *cuts], [*cuts, len(sent)], strict=True):
            if part := sent[first:last]:
                middle = rng.randrange(len(part) + 1)
                store.write(*[half for half in (part[:middle], part[middle:]) if half])
        assert store.tables() == _everything_at_once()


def test_the_same_spans_again_change_nothing(family_tables):
    """issue #2: the same spans sent twice change nothing."""
    with history() as store:
        assert store.write(FAMILY) == (len(FAMILY), 0)
        assert store.write(FAMILY, FAMILY) == (0, 2 * len(FAMILY))
        assert store.tables() == family_tables


def test_equal_ids_with_other_content_are_both_kept():
    """ours: Airflow gives every try of a task the same span id, so content decides."""
    first = step("load", "E1", start=0, end=5, outcome="failure")
    other = step("load", "E1", start=0, end=9)
    with history() as store:
        assert store.write([first]) == (1, 0)
        assert store.write([other], [first]) == (1, 1)


def test_an_open_execution_is_running_until_its_end_arrives():
    """design: running executions; the final span removes the open one."""
    now = time.time_ns()
    with history() as store:
        store.write(LIVE, now_ns=now)
        # signs of life as the collector sees them: last_seen is the marker's own time
        running = store.rows("select execution_id, started_at, ended_at from executions")
        assert [(r["execution_id"], r["ended_at"]) for r in running] == [("E3", None)]
        assert len(store.rows("from stored.open_spans")) == 2
        assert [r["step_name"] for r in store.rows("from steps")] == ["pull"]
        store.write(RUNNING, now_ns=now)
        assert store.rows("from stored.open_spans") == []
        (ended,) = store.rows("select status, duration_ns from executions")
        assert ended == {"status": "success", "duration_ns": 500_000_000}
        (pull,) = store.rows("select status, attempt_count from steps")
        assert pull == {"status": "success", "attempt_count": 1}


def test_a_late_marker_does_not_reopen_what_ended():
    """design: terminal beats live, in either order."""
    with history() as store:
        store.write(RUNNING)
        store.write(LIVE)
        assert store.rows("from stored.open_spans") == []
        assert [r["status"] for r in store.rows("select status from executions")] == ["success"]


def test_a_span_without_end_is_open():
    """OTLP checklist C16: end 0 is accepted; it is a span that has not ended."""
    with history() as store:
        store.write([span("job", end=None, scope="x")])
        (row,) = store.rows("select ended_at, duration_ns from executions")
        assert row == {"ended_at": None, "duration_ns": None}
        store.write([span("job", end=7, scope="x")])
        (row,) = store.rows("select status, duration_ns from executions")
        assert row == {"status": "success", "duration_ns": 7_000_000}


def test_a_later_final_span_wins():
    """design: later end wins among finals, so a resumed execution ends with its last part."""
    with history() as store:
        store.write([execution("w", "E", end=50, identity="b", outcome="success")])
        store.write([execution("w", "E", end=10, identity="a", outcome="failure", error="x")])
        (row,) = store.rows("select status, error_message, duration_ns from executions")
    assert row == {"status": "success", "error_message": None, "duration_ns": 50_000_000}


def test_an_execution_names_the_trace_of_the_span_that_ended_it():
    """ours: only what differs from the execution's own trace and start is stored, whatever comes first."""
    first, last = span("a", trace="1").span, span("a", trace="2").span
    least, greatest = sorted((first.trace_id, last.trace_id))
    ended = "select trace_id, span_id, duration_ns from executions"
    kept = "select final_trace_id, final_start_unix_nano from stored.executions"
    names = {first.trace_id: "1", last.trace_id: "2"}
    for ending, other in ((least, greatest), (greatest, least)):
        begun = [execution("w", "E", trace=names[ending], start=5, end=50)]
        begun += [step("s", "E", trace=names[ending], start=2)]
        resumed = [step("s", "E", trace=names[other], start=20)]
        answers = []
        for order in ((begun + resumed,), (begun, resumed), (resumed, begun)):
            with history() as store:
                for request in order:
                    store.write(request)
                answers.append((store.rows(ended), store.rows(kept)))
        assert answers[0] == answers[1] == answers[2]
        (row,), (stored,) = answers[0]
        assert row["trace_id"] == ending.hex()
        assert (stored["final_trace_id"] is None) == (ending == greatest)
        assert stored["final_start_unix_nano"] == begun[0].span.start_time_unix_nano


def test_cycles_and_missing_parents_end():
    """issue #2: hostile traces; a cycle among parents must not hang the writer."""
    cycle = [
        span("a", parent="b", scope="x", start=1),
        span("b", parent="a", scope="x", start=2),
        span("self", parent="self", scope="x", start=3),
        span("orphan", parent="never sent", scope="x", start=4),
        step("s", "E1", parent="a", start=5),
    ]
    with history() as store:
        assert store.write(cycle) == (5, 0)
        found = {r["name"]: r["role"] for r in store.rows("from stored.spans")}
    assert found == {"a": "step", "b": "step", "self": "step", "orphan": "step", "s": "step"}


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, 0), (0, 5), (5, 0), (7, 3), (2**64 - 1, 2**64 - 1), (1, 2**64 - 1), (2**63, 2**63 + 5)],
)
def test_any_times_are_stored_and_answered(start, end):
    """OTLP checklist C16: accepted, no negative duration, no error in any view."""
    sent = execution("w", "E")
    sent.span.start_time_unix_nano, sent.span.end_time_unix_nano = start, end
    inner = step("s", "E", parent="w")
    inner.span.start_time_unix_nano, inner.span.end_time_unix_nano = start, end
    with history() as store:
        store.write([sent, inner])
        (row,) = store.rows(
            "select start_time_unix_nano as s, "
            "end_of(start_time_unix_nano, duration_ns, odd_end_unix_nano) as e from stored.spans "
            "where role = 'execution'"
        )
        assert (row["s"], row["e"]) == (start, end)
        for view in ("executions", "attempts", "steps", "spans", "workflow_stats", "step_stats"):
            for answer in store.rows(f"from {view}"):
                assert (answer.get("duration_ns") or 0) >= 0


def test_payloads_of_a_marker_are_seen_until_the_span_ends():
    """ours: the params of what runs are visible, and not twice when it has ended."""
    whole = execution("sync", "E3", end=500, attributes={"stepscope.params": '{"id": 7}'})
    question = "select span_id, kind, body from payloads"
    with history() as store:
        store.write([marker(whole, at=1), marker(whole, at=20, phase="heartbeat")])
        running = store.rows(question)
        params = store.rows("select param_name, param_value from execution_params")
        store.write([whole])
        ended = store.rows(question)
    expected = [{"span_id": whole.span.span_id.hex(), "kind": "params", "body": '{"id": 7}'}]
    assert running == ended == expected
    assert params == [{"param_name": "id", "param_value": "7"}]


def test_executions_whose_ids_have_one_key_stay_apart():
    """issue #7: stored executions are looked for by a number; two ids may have the same one."""
    with history() as store:
        store.write([execution("order", "E1", start=0, end=100)])
        store.database.writer().execute(
            "update stored.executions set execution_key = execution_key('E2')"
        )
        store.write([execution("ship", "E2", trace="u", start=5, end=15)])
        store.write([step("label", "E2", trace="u", parent="ship", start=6, end=9)])
        found = store.rows("select execution_id, workflow_name, span_count from executions")
    assert sorted(tuple(row.values()) for row in found) == [("E1", "order", 1), ("E2", "ship", 2)]


def test_row_groups_are_not_skipped_by_ids_at_random():
    """issue #6: what the engine looks at for that in each row group it keeps, as long as the file is open."""
    with history() as store:
        store.write(FAMILY)
        writer = store.database.writer()
        writer.execute("create or replace temp table staged as from stored.spans")
        told = writer.execute(
            f"explain (analyze, format json) {statement('find_stored')}",
            {"first": 0, "last": 2**63},
        ).fetchall()
    filters = re.findall(r'"(?:Dynamic )?Filters": (?:"[^"]*"|\[[^]]*])', told[0][1])
    assert "start_time_unix_nano" in str(filters)
    assert "_id" not in str(filters)

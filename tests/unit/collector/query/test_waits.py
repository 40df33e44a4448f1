from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope_collector.errors import NotFound
from stepscope_collector.query.place import locate
from stepscope_collector.query.timeline import (
    ChildTime,
    Timeline,
    TreePlace,
    read_timeline,
    steps_above,
)
from stepscope_collector.query.waits import execution_waits, waits_of
from stepscope_collector.store import Database
from tests.unit.collector.query.history import (
    NOW_NS,
    SECOND,
    add_execution,
    add_open_span,
    add_span,
    insert,
)
from tests.unit.collector.query.timelines import timeline, timelines, try_of


def parts(row: Any) -> tuple[int, ...]:
    return tuple(getattr(row, name) for name in type(row).__slots__ if name.endswith("_ns"))[-6:]


def waits(database: Database, of: Timeline) -> Any:
    with database.read() as connection:
        return waits_of(connection, of)


def extent(of: Timeline, step: str) -> tuple[int, int]:
    tries = [row for row in of.tries if row.step_id == step]
    begins = [min(row.started_at, row.started_at if row.queued_at is None else row.queued_at)
              for row in tries]  # fmt: skip
    return min(begins), max(row.ended_at for row in tries)


def step_at(of: Timeline, step: str, at: int) -> str | None:
    """What a step did in the unit of time after `at`; None: nothing, it was not there."""
    begin, end = extent(of, step)
    if not begin <= at < end:
        return None
    tries = [row for row in of.tries if row.step_id == step]
    steps = {row.step_id for row in of.tries}
    if any(row.started_at <= at < row.ended_at for row in tries):
        inside = [each for each in steps if of.above.get(each) == step]
        if any(e[0] <= at < e[1] for e in (extent(of, each) for each in inside)):
            return "steps"
        own = [c for c in of.children if c.above == step]
        return "child" if any(c.begun_at <= at < c.ended_at for c in own) else "self"
    if any(row.queued_at is not None and row.queued_at <= at < row.started_at for row in tries):
        return "queue"
    return "back_off"


def whole_at(of: Timeline, at: int) -> str:
    """What an execution did in the unit of time after `at`."""
    doing = {step_at(of, step, at) for step in {row.step_id for row in of.tries}}
    if "self" in doing:
        return "self"
    if any(child.begun_at <= at < child.ended_at for child in of.children):
        return "child"
    for kind in ("queue", "back_off"):
        if kind in doing:
            return kind
    is_tangled = any(row.started_at <= at < row.ended_at for row in of.tries)
    return "self" if is_tangled else "gap"


@pytest.fixture(scope="module")
def empty() -> Any:
    from tests.unit.collector.query.history import open_memory

    with open_memory() as opened:
        yield opened


@given(of=timelines())
def test_every_nanosecond_counts_once(empty: Database, of: Timeline) -> None:
    """issue #7: the parts sum to the duration exactly, against looking at each unit of time."""
    whole, steps = waits(empty, of)
    expected = Counter(whole_at(of, at) for at in range(of.from_ns, of.until_ns))
    names = ("self", "child", "queue", "back_off", "gap")
    assert parts(whole)[1:] == tuple(expected[name] for name in names)
    assert whole.total_ns == of.until_ns - of.from_ns == sum(parts(whole)[1:])
    assert {row.step_id for row in steps} == {row.step_id for row in of.tries}
    for row in steps:
        begin, end = extent(of, row.step_id)
        of_step = Counter(step_at(of, row.step_id, at) for at in range(begin, end))
        names = ("self", "steps", "child", "queue", "back_off")
        assert parts(row)[1:] == tuple(of_step[name] for name in names)
        assert row.total_ns == end - begin == sum(parts(row)[1:])


def test_queue_back_off_children_and_gaps_are_told_apart(empty: Database) -> None:
    """R116: back-off is the time between the attempts of a step."""
    tries = [
        try_of("a", 2, 4, queued=1), try_of("a", 8, 9, attempt=2, queued=7),
        try_of("b", 10, 20),
    ]  # fmt: skip
    child = ChildTime("c", "w", "b", 12, 18)
    whole, steps = waits(empty, timeline(tries, 21, None, [child]))
    assert (whole.self_ns, whole.child_ns, whole.queue_ns, whole.back_off_ns, whole.gap_ns) == (
        2 + 1 + 4, 6, 1 + 1, 3, 1 + 1 + 1,
    )  # fmt: skip
    first = next(row for row in steps if row.step_id == "a")
    assert (first.total_ns, first.queue_ns, first.back_off_ns, first.self_ns) == (8, 2, 3, 3)
    assert first.attempt_count == 2


@given(
    st.lists(
        st.tuples(st.integers(1, 6), st.integers(0, 7), st.none() | st.sampled_from("abc")),
        max_size=7, unique_by=lambda each: each[0],
    )
)  # fmt: skip
def test_the_step_around_a_step_is_the_nearest_other_one(tree: list[Any]) -> None:
    """issue #7: through spans that are no steps, through tries of itself; circles and gaps end it."""
    by_id = {span_id: (parent, step) for span_id, parent, step in tree}

    def circles(span_id: int) -> bool:
        seen: set[int] = set()
        while span_id in by_id and span_id not in seen:
            seen.add(span_id)
            span_id = by_id[span_id][0]
        return span_id in seen

    def climb(span_id: int, own: str) -> str | None:
        while span_id in by_id:
            parent, step = by_id[span_id]
            if step is not None and step != own:
                return step
            span_id = parent
        return None

    found = steps_above([TreePlace("t", *each) for each in tree])
    assert all(found[step] != step for step in found)
    if any(circles(span_id) for span_id, *_ in tree):
        return
    for step in {step for *_, step in tree if step}:
        could = [climb(parent, step) for _, parent, own in tree if own == step]
        assert found.get(step) == next((each for each in could if each), None)


def test_a_long_chain_of_spans_is_climbed_once() -> None:
    """issue #7: 20,000 spans in each other, of one step and of many."""
    count = 20_000
    operations = [TreePlace("t", n + 1, n, "top" if n == 0 else None) for n in range(count)]
    steps = [TreePlace("t", count + n, count, f"s{n}") for n in range(1, 100)]
    assert set(steps_above([*operations, *steps]).values()) == {"top"}
    same = [TreePlace("t", n + 1, n, "same") for n in range(3000)]
    assert steps_above(same) == {}


def test_the_history_is_read_with_what_goes_on_and_what_lies_in_what(database: Database) -> None:
    """issue #7: running attempts and children last until now; a child hangs below its step."""
    writer = database.writer()
    add_execution(
        writer, "p", started_unix_nano=NOW_NS, last_start_unix_nano=NOW_NS + 5 * SECOND,
        last_seen_unix_nano=NOW_NS + 3600 * SECOND, queued_unix_nano=NOW_NS - SECOND,
        silence_ns=2**62,
    )  # fmt: skip
    add_span(writer, "p", 1, parent_span_id=9, step_id="a", name="first")
    add_span(writer, "p", 2, parent_span_id=1, role="operation", name="call")
    add_open_span(
        writer, "p", 3, parent_span_id=2, start_time_unix_nano=NOW_NS + 5 * SECOND, silence_ns=2**62,
        last_seen_unix_nano=NOW_NS + 6 * SECOND, step_id="b",
    )  # fmt: skip
    trace = locate_trace(database, "p")
    for name, end in (("c", NOW_NS + 9 * SECOND), ("d", None)):
        add_execution(
            writer, name, parent_execution_id="p", started_unix_nano=NOW_NS + 6 * SECOND,
            final_end_unix_nano=end, final_start_unix_nano=NOW_NS + 6 * SECOND,
            final_span_id=5 if end else None, final_trace_id=trace if end else None,
            last_seen_unix_nano=NOW_NS + 7 * SECOND, silence_ns=2**62,
        )  # fmt: skip
    add_span(
        writer, "c", 5, parent_span_id=2, role="execution", trace_id=trace,
        start_time_unix_nano=NOW_NS + 6 * SECOND,
    )  # fmt: skip
    add_open_span(writer, "d", 6, parent_span_id=3, role="execution", trace_id=trace)
    now = NOW_NS + 10 * SECOND
    with database.read() as connection:
        read = read_timeline(connection, "p", now)
    assert (read.from_ns, read.until_ns) == (NOW_NS, now)
    assert [(row.step_id, row.ended_at - NOW_NS) for row in read.tries] == [
        ("a", SECOND),
        ("b", 10 * SECOND),
    ]
    assert read.above == {"b": "a"}
    assert [(c.execution_id, c.above, c.ended_at - NOW_NS) for c in read.children] == [
        ("c", "a", 9 * SECOND),
        ("d", "b", 10 * SECOND),
    ]
    whole, _ = execution_waits(database, "p", now_ns=now)
    assert (whole.wait_ns, whole.total_ns) == (SECOND, 10 * SECOND)
    with pytest.raises(NotFound):
        execution_waits(database, "nobody", now_ns=now)


def test_what_is_lost_or_ended_does_not_last_until_now(database: Database) -> None:
    """issue #7: a lost attempt lasts until its last sign of life."""
    writer = database.writer()
    add_execution(
        writer, "e", started_unix_nano=NOW_NS, final_end_unix_nano=NOW_NS + 8 * SECOND,
        status="failed", last_start_unix_nano=NOW_NS + 9 * SECOND,
    )  # fmt: skip
    insert(
        writer, "attempts", execution_id="e", step_id="s", attempt=1, status="lost",
        started_unix_nano=NOW_NS + SECOND, last_seen_unix_nano=NOW_NS + 2 * SECOND,
        dialect="otel", trace_id=locate_trace(database, "e"), span_id=1, parent_span_id=0,
        ingested_at="2026-07-24 10:00:00",
    )  # fmt: skip
    whole, (step,) = execution_waits(database, "e", now_ns=NOW_NS + 100 * SECOND)
    assert (whole.total_ns, whole.self_ns, whole.gap_ns) == (8 * SECOND, SECOND, 7 * SECOND)
    assert step.total_ns == SECOND


def locate_trace(database: Database, execution_id: str) -> Any:
    with database.read() as connection:
        locate(connection, execution_id)
        return connection.execute(
            "select any_trace_id from stored.executions where execution_id = $id",
            {"id": execution_id},
        ).fetchall()[0][0]

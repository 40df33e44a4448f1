from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stepscope_collector.query.critical_path import critical_path
from stepscope_collector.query.timeline import ChildTime, Timeline, Try
from tests.unit.collector.query.timelines import timeline, timelines, try_of

Spans = list[tuple[int, int]]
spans_of_time = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 6)).map(lambda pair: (pair[0], sum(pair))),
    min_size=1, max_size=7,
)  # fmt: skip


def flat(spans: Spans, until: int) -> Timeline:
    return timeline([try_of(f"s{n}", begin, end) for n, (begin, end) in enumerate(spans)], until)


def end_with(spans: Spans, longer: int, by: int) -> int:
    """When the last of all ends if one takes longer: each begins as long after all that had ended
    before it as it did."""
    order = sorted(range(len(spans)), key=lambda n: (*spans[n], f"s{n}"))
    ends: dict[int, int] = {}
    for place, n in enumerate(order):
        begin, end = spans[n]
        before = [m for m in order[:place] if spans[m][1] <= begin]
        if before:
            begin += max(ends[m] for m in before) - max(spans[m][1] for m in before)
        ends[n] = begin + (end - spans[n][0]) + (by if n == longer else 0)
    return max(ends.values())


@given(spans_of_time, st.integers(0, 5))
def test_slack_is_how_much_longer_a_step_could_have_taken(spans: Spans, more: int) -> None:
    """issue #7: critical path with slack, against trying every longer duration."""
    last = max(end for _, end in spans)
    _, _, slacks = critical_path(flat(spans, last + more))
    for row in slacks:
        number = int(str(row.step_id)[1:])
        could = max(by for by in range(last + 2) if end_with(spans, number, by) == last)
        assert row.slack_ns == could
        assert row.slack_ns == 0 or not row.is_critical


@given(spans_of_time, st.integers(0, 5))
def test_the_path_is_as_long_as_the_duration_without_what_is_idle(spans: Spans, more: int) -> None:
    """issue #7: path length equals duration minus idle; each step of it ended last before the next."""
    last = max(end for _, end in spans)
    whole, _, slacks = critical_path(flat(spans, last + more))
    order = sorted((*spans[n], f"s{n}") for n in range(len(spans)))
    critical = {row.step_id for row in slacks if row.is_critical}
    on_path = [each for each in order if each[2] in critical]
    assert whole.critical_ns == sum(end - begin for begin, end, _ in on_path)
    assert whole.critical_ns == last + more - whole.gap_ns
    assert on_path[-1][1] == last
    for place, each in enumerate(on_path):
        before = [end for _, end, _ in order[: order.index(each)] if end <= each[0]]
        assert before[:1] == [] if place == 0 else on_path[place - 1][1] == max(before)


@given(timelines())
def test_the_pieces_follow_each_other_from_start_to_end(given_timeline: Timeline) -> None:
    """issue #7: nested steps, retries, queues, children, circles and missing parents."""
    whole, segments, slacks = critical_path(given_timeline)
    at = given_timeline.from_ns
    for segment in segments:
        assert (segment.started_at, segment.duration_ns > 0) == (at, True)
        at = segment.ended_at
    assert at == given_timeline.until_ns or not segments
    assert sum(segment.duration_ns for segment in segments) == whole.total_ns
    parts = (whole.self_ns, whole.child_ns, whole.queue_ns, whole.back_off_ns, whole.gap_ns)
    assert sum(parts) == whole.total_ns
    own: dict[Any, int] = {}
    for segment in segments:
        key = (segment.step_id, segment.child_execution_id)
        own[key] = own.get(key, 0) + segment.duration_ns
    for row in slacks:
        assert row.critical_ns == own.get((row.step_id, row.child_execution_id), 0)
        assert row.slack_ns is None or row.slack_ns >= 0
        assert not row.is_critical or row.slack_ns == 0


def test_a_step_that_waits_for_those_inside_it_is_told_by_them() -> None:
    """R153: critical path and self time of nested and retried steps and of child executions."""
    tries = [
        try_of("outer", 0, 10), try_of("a", 1, 3), try_of("a", 5, 6, attempt=2, queued=4),
        try_of("aside", 1, 2), try_of("last", 12, 14),
    ]  # fmt: skip
    child = ChildTime("c", "w", "outer", 7, 9)
    above = {"a": "outer", "aside": "outer"}
    whole, segments, slacks = critical_path(timeline(tries, 15, above, [child]))
    assert [(s.kind, s.step_id or s.child_execution_id, s.duration_ns) for s in segments] == [
        ("self", "outer", 1), ("self", "a", 2), ("back_off", "a", 1), ("queue", "a", 1),
        ("self", "a", 1), ("self", "outer", 1), ("child", "c", 2), ("self", "outer", 1),
        ("gap", None, 2), ("self", "last", 2), ("gap", None, 1),
    ]  # fmt: skip
    assert (whole.critical_ns, whole.self_ns, whole.gap_ns) == (12, 8, 3)
    assert {s.step_id: s.slack_ns for s in slacks if s.step_id} == {
        "outer": 0, "a": 0, "aside": 4, "last": 0,
    }  # fmt: skip
    assert [s.above_step_id for s in slacks if s.child_execution_id] == ["outer"]


def test_ten_thousand_steps_in_each_other_or_in_a_row_are_no_trouble() -> None:
    """issue #7: no recursion, nothing quadratic."""
    count = 10_000
    deep = [try_of(str(n), n, 2 * count - n) for n in range(count)]
    above = {str(n): str(n - 1) for n in range(1, count)}
    whole, segments, _ = critical_path(timeline(deep, 2 * count, above))
    assert (whole.self_ns, len(segments)) == (2 * count, 2 * count - 1)
    row = [Try(str(n), "s", 1, None, n, n + 1) for n in range(count)]
    assert critical_path(timeline(row, count))[0].self_ns == count
    instant = [Try(str(n), "s", 1, None, 5, 5) for n in range(count)]
    assert critical_path(timeline(instant, 6))[0].gap_ns == 6
    circle = {**above, "0": str(count - 1)}
    assert critical_path(timeline(row, count, circle))[0].self_ns == count

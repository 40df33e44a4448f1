from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stepscope_collector.query.error_path import TreeSpan, find_error_step
from stepscope_collector.store import Database

NO_ERROR = (None, None)


def span(number: int, parent: int | None = None, **values: Any) -> TreeSpan:
    return TreeSpan(**{
        "trace_id": "t", "span_id": str(number),
        "parent_span_id": None if parent is None else str(parent), "role": "step",
        "status": "failed", "step_id": str(number), "step_name": f"step {number}", "attempt": 1,
        "error_type": "E", "error_message": "m", "ended_at": number, **values,
    })  # fmt: skip


def found(spans: list[TreeSpan], error: tuple[str | None, str | None] = ("E", "m")) -> str | None:
    step = find_error_step(spans, error)
    return None if step is None else step.step_id


def test_no_failed_step_means_none() -> None:
    """R033: an execution may fail in code outside its steps."""
    assert found([]) is None
    assert found([span(1, status="success"), span(2, role="execution"), span(3, role=None)]) is None


def test_the_innermost_failure_is_meant() -> None:
    """R033: not the parent that re-raised, also across operations and a child without its parent."""
    assert found([span(1), span(2, 1), span(3, 2, role="operation"), span(4, 3)]) == "4"
    assert found([span(9, 77)]) == "9"


def test_a_failure_that_a_retry_made_good_broke_nothing() -> None:
    """R033: the first step that failed un-retried."""
    tries = [span(1, step_id="a"), span(2, step_id="a", attempt=2, status="success")]
    assert found([*tries, span(3)]) == "3"
    below_a_try = span(5, 1, ended_at=0)
    assert found([*tries, below_a_try, span(6)]) == "6"
    assert found(tries) is None


def test_of_several_failures_the_one_with_the_executions_error_is_meant() -> None:
    """R033: an earlier failure that the workflow handled is not on the error path."""
    spans = [span(1, error_message="handled"), span(2), span(3)]
    assert found(spans) == "2"
    assert found(spans, ("Wrapped", "m")) == "1"


def test_a_failure_inside_a_step_that_succeeded_was_handled_there() -> None:
    """R033: the error path is broken by a step that caught the error."""
    assert found([span(1, status="success"), span(2, 1), span(3, 2)]) is None
    assert found([span(1, status="success"), span(2, 1), span(3, ended_at=9)]) == "3"


def test_equal_span_ids_of_two_traces_are_two_spans() -> None:
    """ours: a span is (trace_id, span_id), never span_id alone."""
    other = span(1, trace_id="u", status="success", step_id="u1")
    assert found([span(2, 1), other]) == "2"


@given(
    st.lists(
        st.tuples(
            st.integers(0, 8), st.none() | st.integers(0, 8), st.sampled_from(["step", "operation"]),
            st.sampled_from(["failed", "success"]),
        ),
        max_size=12,
    )
)  # fmt: skip
def test_any_tangle_of_spans_ends_in_a_failed_step_or_none(tangle: list[Any]) -> None:
    """issue #2: missing parents and cycles never hang."""
    spans = [
        span(n, parent, role=role, status=status, step_id=str(place))
        for place, (n, parent, role, status) in enumerate(tangle)
    ]
    step = find_error_step(spans, NO_ERROR)
    failed = {s.step_id for s in spans if s.role == "step" and s.status == "failed"}
    assert step is None or step.step_id in failed


def test_a_chain_of_ten_thousand_steps_is_climbed_once() -> None:
    """issue #2: 10,000 spans in a trace."""
    assert found([span(n, n - 1 if n else None) for n in range(10_000)]) == "9999"


def test_the_last_exception_of_a_span_is_read_by_its_key(database: Database) -> None:
    """R035: of several exceptions the last, of none nothing; other events do not count."""
    event = "{'name': ?, 'attributes': map {'exception.type': ?}}"
    rows = [
        ([("exception", "A"), ("exception", "B"), ("retry", "C")], "B"),
        ([("retry", "C")], None),
    ]
    writer = database.writer()
    for events, expected in rows:
        listed = "[" + ", ".join([event] * len(events)) + "]"
        values = [value for pair in events for value in pair]
        asked = f"select last_exception({listed}, 'exception.type')"
        assert writer.execute(asked, values).fetchone() == (expected,)
    nothing = "null::struct(name varchar, attributes map(varchar, varchar))[]"
    asked = f"select last_exception({nothing}, 'exception.type')"
    assert writer.execute(asked).fetchone() == (None,)

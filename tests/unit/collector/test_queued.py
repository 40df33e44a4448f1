"""issue #3: when work was queued and how long it waited, in SQL, however it arrives."""

import pytest

from stepscope_collector.query.executions import execution_detail
from stepscope_collector.query.otlp import read_traces
from stepscope_collector.remap import Remapper
from tests.strategies.canonical import canonical_spans
from tests.strategies.workflows import T0, execution, marker, request, span, step
from tests.unit.collector.mapping.histories import history, recorded
from tests.unit.collector.taking import MAPPING, payload, taking

MS = 1_000_000
KEY = "stepscope.execution.enqueued_unix_nano"
TIMES = (
    "select execution_id, epoch_ns(queued_at), wait_ns from executions where execution_id = 'e-1'"
)


def order(**changes):
    """The end of an execution that was queued 7 ms before it began."""
    queued = changes.pop("queued", T0 - 7 * MS)
    return execution("order", "e-1", attributes={KEY: queued}, **changes)


SENT = (
    marker(order(end=None), at=5),
    order(),
    step("pay", "e-1", parent="order", start=2, end=4),
    span("SELECT", parent="pay", start=3, end=4, scope="db"),
    span("task", parent="pay", start=3, end=4, scope="dbos-tracer", attributes={"operationUUID": "w"}),
)  # fmt: skip


@pytest.mark.parametrize("count", [2, 4, 5])
def test_the_wait_of_an_execution_is_told_in_any_order(count):
    """issue #3: enqueued_at_ns; alone, and in a trace that holds another engine's spans."""
    sent = SENT[:count]
    turned = [(*sent[n:], *sent[:n]) for n in range(count)]
    for arriving in (*turned, sent[::-1]):
        with taking() as take:
            for each in arriving:
                take.take(payload(each))
            assert take.rows(TIMES) == [("e-1", T0 - 7 * MS, 7 * MS)]
            again = Remapper(lambda run, take=take: run(take.committer, MAPPING.plan))
            again.begin()
            while again.step().state == "running":
                pass
            assert take.rows(TIMES) == [("e-1", T0 - 7 * MS, 7 * MS)]
            with take.database.read() as connection:
                found = canonical_spans(read_traces(connection))
            assert found == canonical_spans(request(sent))


@pytest.mark.parametrize(
    ("queued", "row"),
    [
        (0, (None, None)),
        (-5, (None, None)),
        ("soon", (None, None)),
        (str(T0 - MS), (T0 - MS, MS)),
        (T0 + MS, (T0 + MS, None)),
        (T0, (T0, 0)),
    ],
)
def test_a_time_that_cannot_be_is_taken_as_far_as_it_makes_sense(queued, row):
    """ours: hostile input; a wait is never negative."""
    with taking() as take:
        take.take(payload(order(queued=queued)))
        assert take.rows(TIMES) == [("e-1", *row)]


def test_the_answer_for_one_execution_tells_it_too():
    """issue #3: what is readable in SQL and in the API is the same."""
    with taking() as take:
        take.take(payload(*SENT[1:3]))
        found = execution_detail(take.database, "e-1", ("steps", "attempts"))
    assert (found.execution.queued_at, found.execution.wait_ns) == (T0 - 7 * MS, 7 * MS)
    assert [(s.queued_at, s.wait_ns) for s in found.steps] == [(None, None)]
    assert [(a.queued_at, a.wait_ns) for a in found.attempts] == [(None, None)]


def test_an_engine_that_tells_when_a_run_was_queued_is_understood():
    """issue #5: Airflow tells it as an attribute of the run."""
    with history() as store:
        store.take(recorded("airflow.success.json")[0])
        rows = store.rows("select queued_at::varchar as queued_at, wait_ns from executions")
    assert rows[0] == {"queued_at": "2026-11-20 15:25:13.772328", "wait_ns": 724_591_000}

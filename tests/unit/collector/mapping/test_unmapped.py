"""Traces that no profile knows: the root is the execution, what stands below it are steps."""

import itertools

import pytest

from tests.strategies.workflows import T0, request, span, trace_id
from tests.unit.collector.mapping.histories import history

ROOT = span("GET /pay", trace="h", scope="http", end=100)
CALL = span("POST bank", trace="h", parent="GET /pay", scope="http", start=30, end=90,
            error="no route")  # fmt: skip
READ = span("SELECT", trace="h", parent="GET /pay", scope="db", start=5, end=20,
            attributes={"db.system.name": "postgresql"})  # fmt: skip
WORK = span("book", trace="h", parent="POST bank", scope="bank", start=35, end=80)
EXECUTIONS = """
select execution_id, workflow_name, dialect, status, duration_ns, attempt_count, span_count,
    failed_attempt_count, parent_execution_id, error_message
from executions order by execution_id
"""
STEPS = "select step_name, step_type, status, step_index from steps order by step_index"


def taken(*commits):
    """What is found after each commit's spans came in a request of their own."""
    with history() as store:
        for sent in commits:
            store.take(request(sent))
        executions = [tuple(row.values()) for row in store.rows(EXECUTIONS)]
        steps = [tuple(row.values()) for row in store.rows(STEPS)]
        tables = store.tables()
    return executions, steps, tables


def test_a_trace_is_one_execution_with_its_spans_as_steps():
    """issue #5: unmapped traces are still useful (root = execution, descendants = steps)."""
    executions, steps, _ = taken([ROOT, CALL, READ, WORK])
    assert executions == [
        (trace_id("h").hex(), "GET /pay", "otel", "success", 100_000_000, 3, 4, 1, None, None)
    ]
    assert steps == [
        ("SELECT", "db.postgresql", "success", 0),
        ("POST bank", "internal", "failed", 1),
        ("book", "internal", "success", 2),
    ]


def test_a_root_may_come_last_or_anywhere():
    """issue #5: order does not matter; late roots."""
    _, _, wanted = taken([ROOT, CALL, READ, WORK])
    for order in itertools.islice(itertools.permutations([ROOT, CALL, READ, WORK]), 1, None, 5):
        _, _, found = taken(*([one] for one in order))
        assert found == wanted


def test_without_its_root_it_is_there_with_what_is_known():
    """issue #5: an execution exists as soon as anything speaks of it, and runs while that goes on."""
    executions, steps, _ = taken([WORK], [CALL, READ])
    assert executions == [
        (trace_id("h").hex(), "unknown", "otel", "running", None, 3, 3, 1, None, None)
    ]
    assert [name for name, *_ in steps] == ["SELECT", "POST bank", "book"]
    with history() as store:
        store.take(request([WORK]))
        (row,) = store.rows("select started_at, last_seen_at from executions")
        (nanoseconds,) = store.rows("select epoch_ns(last_seen_at) as at from executions")
    assert row["started_at"] is not None
    assert nanoseconds["at"] == T0 + 80_000_000


def test_a_parent_between_that_never_comes_costs_nothing_else():
    """issue #5: parents that never arrive."""
    executions, steps, _ = taken([ROOT, READ], [WORK])
    assert [row[1:4] for row in executions] == [("GET /pay", "otel", "success")]
    assert [name for name, *_ in steps] == ["SELECT", "book"]


@pytest.mark.parametrize("is_late", [False, True])
def test_two_roots_of_one_trace_are_one_execution(is_late):
    """ours: senders that lose the context make such traces; the execution lasts until the last end."""
    other = span("GET /pay", trace="h", identity="again", scope="http", start=200, end=300,
                 error="too late")  # fmt: skip
    first, second = ([other], [ROOT, CALL]) if is_late else ([ROOT, CALL], [other])
    executions, _, _ = taken(first, second)
    assert [(row[3], row[4]) for row in executions] == [("failed", 300_000_000)]


def test_a_failed_root_is_a_failed_execution():
    """issue #5: status told right."""
    root = span("job", trace="f", scope="x", end=50, error="disk full")
    executions, steps, _ = taken([root])
    assert [(row[1], row[3], row[-1]) for row in executions] == [("job", "failed", "disk full")]
    assert steps == []

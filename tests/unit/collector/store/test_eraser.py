"""Whole executions are removed from every table, and what comes late does not bring them back."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepscope_collector.mapping.group import NewDimensions
from stepscope_collector.store.survey import Starts, survey
from tests.strategies.workflows import NOW, execution, history, marker, span, step
from tests.unit.collector.store.test_span_writer import FAMILY, LIVE, RUNNING

UNTIL = NOW + timedelta(days=30)
SECRET = [
    execution(
        "secret",
        "SECRET-1",
        trace="s",
        end=None,
        attributes={"stepscope.params": '{"name":"Zoë"}', "workflow.user.id": "zoë"},
    ),
    step("open", "SECRET-1", trace="s", parent="secret", start=1, end=5),
    span("POST /pay", trace="s", parent="open", start=2, end=3, scope="http"),
    execution(
        "child",
        "C1",
        trace="s",
        parent="open",
        start=2,
        end=4,
        attributes={"stepscope.execution.parent_id": "SECRET-1", "note": "SECRET-1"},
    ),
    step("within", "C1", trace="s", parent="child", start=3, end=4),
]
DONE = execution("secret", "SECRET-1", trace="s", end=50)
LATE = [
    DONE,
    step("close", "SECRET-1", trace="s", parent="secret", start=6, end=9),
    span("PUT /late", trace="s", parent="open", start=3, end=4, scope="http"),
    span("deeper", trace="s", parent="PUT /late", start=3, end=4, scope="http"),
]


def cells(store, text):
    """Tables in which the text stands in any cell, be it text, a list or bytes."""
    found = []
    tables = store.rows("select table_name as t from duckdb_tables() where schema_name = 'stored'")
    for (name,) in ([row["t"]] for row in tables):
        found.extend(
            name
            for row in store.rows(f"select * from stored.{name}")
            if any(
                text in str(value) or text.encode().hex() in str(value) for value in row.values()
            )
        )
    return sorted(set(found))


def delete(store, *execution_ids):
    generation = store._committer.generation
    erased = store._committer.delete(list(execution_ids), NOW, UNTIL)
    assert store._committer.generation > generation
    store._dimensions = NewDimensions()  # as Ingest does when the generation is another
    return erased


def test_nothing_of_a_deleted_execution_stands_anywhere():
    """R017: after delete no row with that id in any table (runs, steps, logs, params, payloads)."""
    with history() as store:
        store.write(FAMILY, SECRET, [marker(SECRET[0], at=1)])
        assert {"executions", "open_spans", "payloads", "spans", "traces"} <= set(
            cells(store, "SECRET-1")
        ) | set(cells(store, "Zoë"))
        erased = delete(store, "SECRET-1")
        assert (erased.executions, erased.spans, erased.payloads) == (1, 4, 2)
        assert cells(store, "SECRET-1") == []
        assert cells(store, "Zoë") == []
        child = store.rows("from executions where execution_id = 'C1'")
        assert [
            (row["status"], row["parent_execution_id"], row["span_count"]) for row in child
        ] == [("success", None, 2)]
        assert store.rows("select count(*) as n from executions where workflow_id = 'order'") == [
            {"n": 1}
        ]


def test_late_spans_do_not_bring_it_back():
    """R017: tombstone so late spans do not resurrect it; also those that name no execution."""
    with history() as store:
        store.write(SECRET)
        delete(store, "SECRET-1")
        before = store.tables()
        for late in LATE:
            store.write([late])
        store.write(SECRET[:3], [marker(SECRET[0], at=70, phase="heartbeat")])
        assert store.tables() == before
        assert cells(store, "SECRET-1") == []
        store.write([step("more", "C1", trace="s", parent="child", start=3, end=4)])
        assert store.rows("select span_count as n from executions") == [{"n": 3}]


def test_a_trace_of_another_sdk_does_not_come_back():
    """R017: an execution without an id of its own is its trace."""
    with history() as store:
        job = [span("job", trace="u", scope="x"), span("load", trace="u", parent="job", scope="x")]
        store.write(job, RUNNING)
        (found,) = store.rows("select execution_id as e from executions where workflow_id = 'job'")
        delete(store, found["e"])
        before = store.tables()
        store.write([span("deep", trace="u", parent="load", scope="x")], job)
        assert store.tables() == before
        assert cells(store, found["e"]) == []


def test_what_was_deleted_may_come_again_when_its_tombstone_has_ended():
    """ours: ids are the sender's; nobody keeps a list of them for ever."""
    with history() as store:
        store.write(SECRET)
        delete(store, "SECRET-1")
        store._committer.forget_deleted(UNTIL - timedelta(seconds=1))
        assert store.write([DONE]) == (0, 0)
        store._committer.forget_deleted(UNTIL)
        assert store.write([DONE]) == (1, 0)


@settings(max_examples=6)
@given(st.randoms(use_true_random=False), st.integers(0, len(FAMILY)))
def test_others_stay_as_if_it_had_never_been(rng: random.Random, cut: int):
    """R017: whatever has come when it is deleted, what stays is what would be without it."""
    with history() as store, history() as without:
        sent = FAMILY + RUNNING + LIVE
        rng.shuffle(sent)
        own = [each for each in sent if _named(each) == "E3"]
        others = [each for each in sent if _named(each) != "E3"]
        store.write(sent[:cut])
        delete(store, "E3")
        store.write(sent[cut:])
        without.write(others[:1])
        without.write(others[1:])
        assert own
        assert store.tables() == without.tables()


@settings(max_examples=6)
@given(st.randoms(use_true_random=False), st.booleans(), st.booleans())
def test_a_round_takes_what_is_its_own_and_nothing_else(
    rng: random.Random, are_most: bool, is_checked: bool
):
    """R019: of whole executions every row goes, and no row of another is changed, also in one trace."""
    with history() as store:
        sent = FAMILY + SECRET + RUNNING + LIVE
        rng.shuffle(sent)
        store.write(sent[:9])
        store.write(sent[9:])
        known_ids = {row["execution_id"] for row in store.rows("from stored.executions")}
        chosen = rng.sample(sorted(known_ids), rng.randint(1, len(known_ids)))
        before = _rows_by_execution(store)
        with store.database.read() as reader:
            # as of before the commits of this test: then the writer has to look at what they wrote
            asked_at = NOW if is_checked else NOW + timedelta(seconds=1)
            known = replace(survey(reader, chosen, Starts(), asked_at), are_most=are_most)
        erased = store._committer.prune(chosen, Starts(), NOW, NOW, known)
        assert erased.executions == len(chosen)
        traces = {row["execution_id"] for row in store.rows("from stored.traces")}
        assert not traces & set(chosen)
        assert _rows_by_execution(store) == {
            table: [row for row in rows if row["execution_id"] not in chosen]
            for table, rows in before.items()
        }


def _rows_by_execution(store):
    tables = ("executions", "spans", "payloads", "traces", "open_spans", "attempts")
    found = {table: store.rows(f"from stored.{table} order by all") for table in tables}
    # spans that went to their ancestor's execution leave a row of their former one; it goes with the trace
    executions = {row["execution_id"] for row in found["executions"]}
    former = {row["execution_id"] for row in found["traces"]} - executions
    assert not former & {row["execution_id"] for table in tables[:3] for row in found[table]}
    found["traces"] = [row for row in found["traces"] if row["execution_id"] not in former]
    return found


def _named(sent):
    return next(
        (a.value.string_value for a in sent.span.attributes if a.key == "workflow.execution.id"), ""
    )


@pytest.mark.parametrize("execution_id", ["", "no such", "E1' or 1=1"])
def test_what_is_not_stored_can_be_deleted(execution_id):
    """ours: deleting twice is no error of the store; nothing else goes."""
    with history() as store:
        store.write(FAMILY)
        before = store.tables()
        assert delete(store, execution_id).executions == 0
        assert store.tables() == before

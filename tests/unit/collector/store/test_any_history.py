"""Random histories of several executions over several traces: the way they arrive cannot matter."""

import random
import re
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepscope_collector.decode.spans import decode_spans
from stepscope_collector.mapping.group import NewDimensions, group_of
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.statements import statement
from tests.strategies.recount import NOT_DERIVED, NOT_OPEN, NOT_RECOUNTED
from tests.strategies.workflows import (
    MAPPING,
    NOW,
    NOW_NS,
    execution,
    history,
    marker,
    request,
    span,
    step,
)


def forest(rng):
    """Spans of some traces: executions and steps that name their execution, and others that do not,
    with any parents, missing ones and cycles included."""
    sent = []
    for trace in "abc"[: rng.randint(1, 3)]:
        names = [f"s{n}" for n in range(rng.randint(1, 8))]
        for name in names:
            start = rng.randint(-50, 100)
            common = {
                "trace": trace,
                "parent": rng.choice([*names, *names, None, "never sent"]),
                "start": start,
                "end": start + rng.randint(0, 60),
            }
            owner = rng.choice(["E1", "E2"])
            kind = rng.choice(["execution", "step", "step", "other", "other", "other"])
            if kind == "other":
                one = span(name, scope="http", **common)
                if rng.random() < 0.15:
                    sent.append(span(name, scope="http", **{**common, "end": None}))
            else:
                make = execution if kind == "execution" else step
                outcome = rng.choice(["success", "failure"])
                one = make(name, owner, outcome=outcome, **common)
                if rng.random() < 0.3:
                    sent.append(marker(one, at=start + 1))
                if rng.random() < 0.1:
                    sent.append(marker(one, at=start + 9, phase="heartbeat"))
            if rng.random() < 0.9:
                sent.append(one)
    return sent


def parted(rng, sent):
    """The spans in any order, some twice, cut into commits of one or more requests."""
    arriving = sent + rng.sample(sent, rng.randint(0, len(sent)))
    rng.shuffle(arriving)
    while arriving:
        requests = []
        for _ in range(rng.randint(1, 2)):
            n = rng.randint(1, 6)
            requests.append(arriving[:n])
            arriving = arriving[n:]
        yield [each for each in requests if each]


@settings(max_examples=settings.default.max_examples // 5)
@given(seed=st.integers(0, 2**32))
@pytest.mark.timeout(180)
def test_any_way_of_arriving_gives_the_same_history(seed):
    """issue #2: duplicates stored once; late and out-of-order data right."""
    rng = random.Random(seed)
    sent = forest(rng)
    with history() as once, history() as often:
        once.write(sent)
        for requests in parted(rng, sent):
            often.write(*requests)
        assert often.tables() == once.tables()
        assert once.rows(NOT_RECOUNTED) == []
        assert once.rows(NOT_OPEN) == []
        assert once.rows(NOT_DERIVED) == []


def test_an_execution_keeps_spans_it_was_given_far_from_its_own_ones():
    """ours: an execution folded anew, for another of its traces, counts all its spans."""
    first = [
        step("pull", "E", trace="a", start=10, end=20),
        span("before", trace="a", parent="pull", start=-900, end=1, scope="http"),
        span("after", trace="a", parent="pull", start=900, end=901, scope="http"),
    ]
    second = [
        step("push", "E", trace="b", start=30, end=40),
        span("GET", trace="b", parent="push", start=31, end=32, scope="http"),
    ]
    with history() as store:
        store.write(first)
        store.write(second)
        assert store.rows("select execution_id, span_count, attempt_count from executions") == [
            {"execution_id": "E", "span_count": 5, "attempt_count": 2}
        ]


def test_a_span_given_to_an_execution_takes_only_its_own_payloads_along():
    """ours: Airflow gives every try of a task the same span id."""
    large = {"big": "x" * 9000}
    own = step("w", "E1", identity="same", start=1, attributes=large)
    other = span("w", identity="same", start=2, parent="s", scope="http", attributes=large)
    above = step("s", "E2", start=0)
    with history() as store:
        store.write([own, other])
        store.write([above])
        assert store.rows(
            "select execution_id from stored.payloads order by start_time_unix_nano"
        ) == [{"execution_id": "E1"}, {"execution_id": "E2"}]


@pytest.mark.parametrize("is_same", [True, False])
def test_one_id_thousands_of_times_is_no_burden(is_same):
    """ours: a broken sender that uses one id for all its spans must not take all memory."""
    sent = [span("a" if is_same else f"a{n}", identity="a", scope="x") for n in range(4000)]
    with history() as store:
        assert store.write(sent) == ((1, 3999) if is_same else (4000, 0))
        assert store.write(sent) == (0, 4000)


def test_a_chain_of_thousands_below_a_step_belongs_to_it():
    """issue #2: 10,000 spans in a trace."""
    names = [f"s{n}" for n in range(3000)]
    chain = [
        span(name, parent=above, scope="x")
        for above, name in zip(["top", *names], names, strict=False)
    ]
    with history() as store:
        store.write([step("top", "E")], chain)
        assert store.rows("select execution_id, span_count from executions") == [
            {"execution_id": "E", "span_count": 3001}
        ]


def test_repeated_spans_are_told_by_the_same_columns_inside_and_across_commits():
    """ours: drop_repeated lists what same_span and same_home compare."""
    same = (statement("same_span") + statement("same_home")).replace(
        "end_of(a.start_time_unix_nano, a.duration_ns, a.odd_end_unix_nano)",
        "a.end_time_unix_nano",
    )
    same = same.replace("restored(a.short_workflow_name, a.name)", "a.workflow_name")
    compared = re.findall(r"\ba\.(\w+)", same)
    partition = statement("drop_repeated").partition("partition by")[2].partition("order by")[0]
    listed = re.findall(r"\b[mb]\.(\w+)", partition)
    assert sorted(listed) == sorted([*compared, "trace_id", "span_id", "start_time_unix_nano"])


def test_an_execution_folded_anew_keeps_the_time_of_its_first_commit():
    """ours: executions.ingested_at says when the first of it was committed."""
    sent = [step("pull", "E"), span("GET", parent="pull", scope="http"), step("push", "E")]
    with history() as store:
        committer = Committer(store.database.writer(), MAPPING)
        for number, one in enumerate(sent):
            batch = decode_spans(request([one]), MAPPING.plan)
            streams = group_of([batch], [], [], NewDimensions())
            committer.commit(streams, NOW + timedelta(seconds=number), NOW_NS)
        (found,) = store.rows("select span_count, ingested_at, updated_at from executions")
    assert found == {
        "span_count": 3,
        "ingested_at": NOW,
        "updated_at": NOW + timedelta(seconds=2),
    }

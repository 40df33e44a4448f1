"""Why a span became what it is."""

from dataclasses import replace

import pytest

from stepscope_collector.errors import BadRequest, NotFound
from stepscope_collector.mapping.compile import compile_profiles
from stepscope_collector.mapping.explain import decision_of
from stepscope_collector.mapping.profile import load_shipped, parse, with_own
from stepscope_collector.query.explain import explain_span
from stepscope_collector.store.evidence import Evidence
from tests.strategies.workflows import execution, span, span_id, step, trace_id
from tests.unit.collector.mapping.histories import CAPTURES, MAPPING, history, recorded
from tests.unit.collector.taking import payload, taking

JOBS = """
name = "jobs"
description = "our jobs"
priority = 70
detect = "scope_name = 'x' and attr('job.part') is not null"
execution_by = "topmost"
[fields]
execution_id = "attr('job.id')"
[[rules]]
name = "whole"
when = "attr('job.part') = 'job'"
role = "execution"
nested_role = "step"
workflow_name = "upper(attr('job.name'))"
[[rules]]
name = "any"
when = "true"
role = "step"
step_id = "'part-' || attr('job.part')"
"""


@pytest.fixture(scope="module")
def take():
    mapping = compile_profiles(with_own(load_shipped(), [parse(JOBS, "jobs.toml")]))
    with taking(mapping=mapping) as history:
        history.mapping = mapping
        history.take(payload(
            span("top", scope="x", attributes={"job.part": "job", "job.id": "J", "job.name": "n"}),
            span("below", parent="top", scope="x", attributes={"job.part": "job"}),
            span("part", parent="top", scope="x", start=1, attributes={"job.part": "load"}),
            span("part again", parent="top", scope="x", start=5, attributes={"job.part": "load"}),
            span("plain", parent="part", scope="y"),
            span("orphan", trace="o", parent="never came", scope="y"),
            span("root", trace="r", scope="y"),
            execution("own", "E", trace="e"), step("step", "E", trace="e", parent="own"),
        ))  # fmt: skip
        yield history


def explained(take, name, trace="t", mapping=None):
    (found,) = explain_span(
        take.database,
        mapping or take.mapping,
        trace_id(trace).hex(),
        span_id(f"{trace}/{name}").hex(),
    )
    return found


def test_detection_names_every_candidate_with_its_reason(take):
    """issue #5: which profile decided; every candidate with what it read."""
    found = explained(take, "top")
    assert (found.dialect, found.detected_by, found.stored_execution_id) == ("jobs", "jobs", "J")
    candidates = {each.dialect: each for each in found.candidates}
    assert set(candidates) == set(take.mapping.profiles)
    assert candidates["jobs"].is_match
    assert candidates["jobs"].reads == {"scope_name": "x", "attr('job.part')": "job"}
    assert candidates["otel"].reason == "it detects the span, too, but jobs is asked before"
    assert not candidates["celery"].is_match
    assert candidates["celery"].reads["attr('celery.action')"] is None
    assert [each.dialect for each in found.candidates][:2] == ["stepscope", "jobs"]


def test_rules_and_fields_are_told_with_expression_and_value(take):
    """issue #5: which profile and rule decided each field."""
    found = explained(take, "part")
    assert [(each.name, each.is_match, each.is_chosen) for each in found.rules] == [
        ("whole", False, False), ("any", True, True),
    ]  # fmt: skip
    fields = {each.field: each for each in found.fields}
    assert (fields["step_id"].value, fields["step_id"].by) == ("part-load", "rule any")
    assert fields["step_id"].expression == "'part-' || attr('job.part')"
    assert (fields["status"].value, fields["status"].by) == ("success", "default")
    top = explained(take, "top")
    fields = {each.field: each for each in top.fields}
    assert (fields["workflow_name"].value, fields["workflow_name"].by) == ("N", "rule whole")
    assert (fields["execution_id"].value, fields["execution_id"].by) == ("J", "profile")
    assert [(each.is_match, each.is_chosen) for each in top.rules] == [(True, True), (True, False)]


def test_where_the_fold_put_a_span_is_told_with_the_reason(take):
    """issue #5: the execution, step and attempt it went to and why."""
    top = explained(take, "top")
    assert (top.role, top.role_reason) == ("execution", "role of rule whole")
    assert top.execution_reason == "the span names it: field execution_id"
    assert {"status", "started_at", "workflow_name"} <= set(top.decides)
    below = explained(take, "below")
    above = span_id("t/top").hex()
    assert (below.role, below.role_reason) == (
        "step", f"nested_role of rule whole: span {above} of jobs stands above",
    )  # fmt: skip
    assert below.execution_reason == f"span {above} names it, the topmost span of jobs above"
    again = explained(take, "part again")
    assert (again.step_id, again.attempt) == ("part-load", 2)
    assert again.attempt_reason == "by time among the 2 of its step"
    plain = explained(take, "plain")
    assert (plain.dialect, plain.role, plain.execution_id) == ("otel", "operation", "J")
    assert plain.role_reason == "no profile detects it; plain_spans of jobs, which stands above"
    assert plain.execution_reason.startswith("the span names none: that of its parent")


def test_spans_that_say_everything_themselves_are_explained_too(take):
    """issue #5: works for direct and folded spans."""
    found = explained(take, "step", "e")
    assert (found.dialect, found.role, found.execution_id) == ("stepscope", "step", "E")
    assert found.role_reason == "the span says so itself"
    assert found.execution_reason == "the span names it: field execution_id"
    fields = {each.field: each for each in found.fields}
    assert fields["step_name"].expression == "attr('workflow.task.name')"
    root, orphan = explained(take, "root", "r"), explained(take, "orphan", "o")
    assert root.execution_id == trace_id("r").hex()
    assert root.execution_reason.endswith("is the root of its trace: the trace id")
    assert orphan.execution_id == trace_id("o").hex()
    assert orphan.execution_reason.endswith("its parent has not arrived: the trace id")


def test_a_profile_that_changed_since_is_seen(take):
    """issue #5: what is stored stays as it was mapped until a remap."""
    without = compile_profiles(load_shipped())
    found = explained(take, "top", mapping=without)
    assert (found.dialect, found.detected_by) == ("jobs", "otel")
    assert found.rules == []
    jobs = take.mapping.profiles["jobs"]
    other = compile_profiles([*load_shipped(), replace(jobs, detect="attr('job.id') = 'J'")])
    assert explained(take, "part", mapping=other).detected_by == "otel"


def test_slips_are_told(take):
    """ours: what was wrong, and what would be right."""
    with pytest.raises(BadRequest, match="trace_id='x' is no id"):
        explain_span(take.database, take.mapping, "x", "0" * 16)
    with pytest.raises(NotFound, match="no span 00000000000000aa in trace"):
        explain_span(take.database, take.mapping, trace_id("t").hex(), "00000000000000AA")


def test_what_is_told_is_what_is_stored():
    """ours: an explanation that decides otherwise than the writer would be worse than none."""
    names = sorted(path.name for path in CAPTURES.glob("*.json") if path.name != "expected.json")
    seen = 0
    with history() as store:
        store.take(*(recorded(name)[0] for name in names))
        stored = {
            (row["trace_id"], row["span_id"]): row
            for row in store.rows(
                "select trace_id, span_id, dialect, execution_id, role from spans"
            )
        }
        with store.database.read() as connection:
            for trace in sorted({trace for trace, _ in stored}):
                evidence = Evidence(connection, MAPPING)
                folded = evidence.load(trace)
                for (of_trace, one), row in stored.items():
                    if of_trace == trace:
                        for found in evidence.rows_of(trace, one):
                            told = decision_of(folded, found["span_number"], MAPPING.profiles)
                            assert told.execution_id == row["execution_id"], row
                            seen += 1
        for name in names[::9]:
            sent = recorded(name)[0].resource_spans[0].scope_spans[0].spans[0]
            for told in explain_span(
                store.database, MAPPING, sent.trace_id.hex(), sent.span_id.hex()
            ):
                assert told.detected_by == told.dialect
                assert told.stored_execution_id == told.execution_id
    assert seen >= len(stored) > 200

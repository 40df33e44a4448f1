"""The dialects of the history, and what an engine does not emit."""

import pytest

from stepscope_collector.mapping.compile import compile_profiles
from stepscope_collector.mapping.profile import load_shipped, parse, with_own
from stepscope_collector.query.dialects import dialect_list
from stepscope_collector.query.executions import execution_detail
from tests.strategies.workflows import NOW, execution, span, step
from tests.unit.collector.taking import payload, taking

JOBS = """
name = "jobs"
description = "our jobs"
priority = 70
detect = "attr('job.id') is not null"
[not_emitted]
input = "jobs have none"
output = "it is a secret"
user_id = "nobody asks"
workflow_name = "only some have one"
status = "it is a guess"
[[rules]]
name = "job"
when = "true"
role = "execution"
execution_id = "attr('job.id')"
workflow_name = "attr('job.name')"
user_id = "attr('job.user')"
"""
IDLE = JOBS.replace('"jobs"', '"idle"', 1).replace("70", "69")


@pytest.fixture(scope="module")
def take():
    own = [parse(JOBS, "mine/jobs.toml"), parse(IDLE, "idle.toml")]
    mapping = compile_profiles(with_own(load_shipped(), own))
    with taking(mapping=mapping) as history:
        history.ingest.between_commits(lambda c, _: c.note_profiles(mapping.told(), NOW))
        history.take(payload(
            span("a", trace="a", scope="x", attributes={"job.id": "A"}),
            span("b", trace="b", scope="x", attributes={"job.id": "B", "job.user": "ann"}),
            span("c", trace="c", scope="x"),
            execution("w", "E", trace="d"), step("s", "E", trace="d", parent="w"),
        ))  # fmt: skip
        yield history


def test_every_profile_is_listed_with_what_it_mapped(take):
    """issue #5: lists profiles, what they fill and how many executions each mapped."""
    found = {each.dialect: each for each in dialect_list(take.database)}
    assert set(found) == {"jobs", "idle", *(each.name for each in load_shipped())}
    jobs = found["jobs"]
    assert (jobs.execution_count, jobs.span_count, jobs.origin) == (2, 2, "own")
    assert (jobs.description, jobs.source, jobs.priority) == ("our jobs", "mine/jobs.toml", 70)
    assert jobs.fills == ["execution_id", "role", "user_id", "workflow_name"]
    assert jobs.not_emitted["output"] == "it is a secret"
    assert (found["otel"].execution_count, found["otel"].span_count) == (1, 1)
    assert (found["stepscope"].execution_count, found["stepscope"].span_count) == (1, 2)
    assert (found["idle"].execution_count, found["idle"].span_count) == (0, 0)
    assert (found["celery"].origin, found["celery"].version) == ("shipped", "0.1.0")


def test_sql_can_ask_what_an_engine_does_not_emit(take):
    """design, section 1: every number on every surface comes from a documented view."""
    rows = take.rows(
        "select e.execution_id, d.not_emitted['user_id'] from executions e join dialects d "
        "using (dialect) where dialect in ('jobs', 'otel') order by d.dialect, 1"
    )
    assert [row[1] for row in rows] == ["nobody asks", "nobody asks", None]


def test_what_is_there_all_the_same_is_not_said_to_be_missing(take):
    """issue #5: "not emitted" is an answer, and only where something is missing."""
    missing = {
        name: {each.field: each for each in execution_detail(take.database, name).not_emitted}
        for name in ("A", "B", "E")
    }
    # the view names a workflow without a name, too
    assert set(missing["A"]) == {"input", "output", "status", "user_id"}
    assert set(missing["B"]) == {"input", "output", "status"}
    assert missing["E"] == {}
    told = missing["A"]["input"]
    assert (told.reason, told.dialect, told.engine) == ("jobs have none", "jobs", "our jobs")


def test_a_profile_that_went_stays_as_a_dialect_of_the_history():
    """ours: executions of it are in the history, and the list adds up."""
    with taking(mapping=compile_profiles([parse(JOBS, "jobs.toml"), *load_shipped()])) as take:
        ingest = take.ingest
        ingest.between_commits(lambda c, _: c.note_profiles(c.mapping.told(), NOW))
        take.take(payload(span("a", scope="x", attributes={"job.id": "A"})))
        ingest.use(compile_profiles(load_shipped()))
        ingest.between_commits(lambda c, _: c.note_profiles(c.mapping.told(), NOW))
        found = {each.dialect: each for each in dialect_list(take.database)}
        loaded = take.rows("select distinct loaded_at from stored.profiles")
    assert (found["jobs"].origin, found["jobs"].execution_count) == ("none", 1)
    assert found["jobs"].fills is None
    assert loaded == [(NOW,)]  # what did not change was not written again

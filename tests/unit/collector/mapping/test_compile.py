"""Compiled profiles on real batches: who maps which span, several dialects in one batch."""

import pytest

from stepscope_collector.config import StoreConfig
from stepscope_collector.decode.spans import decode_spans
from stepscope_collector.errors import ConfigError
from stepscope_collector.mapping.compile import compile_profiles
from stepscope_collector.mapping.group import NewDimensions, group_of
from stepscope_collector.mapping.profile import DIRECT_FIELDS, load_shipped, parse
from stepscope_collector.store.database import Database
from tests.strategies.workflows import T0, execution, history, marker, request, span, step
from tests.unit.collector.taking import payload, taking

JOBS = parse(
    """
    name = "jobs"
    description = "a scheduler with attributes of its own"
    priority = 50
    direct = true
    detect = "attr('job.id') is not null"
    [fields]
    role = "case when attr('job.part') is null then 'execution' else 'step' end"
    execution_id = "attr('job.id')"
    step_name = "attr('job.part')"
    attempt = "try_cast(attr('job.try') as integer)"
    workflow_name = "coalesce(attr('job.name'), resource('service.name'))"
    status = "case attr('job.state') when 'ok' then 'success' else 'failed' end"
    """,
    "jobs.toml",
)
RIVAL = parse(
    """
    name = "rival"
    description = "wants the same spans, and comes later"
    priority = 40
    direct = true
    detect = "attr('job.id') is not null or name = 'rival'"
    [fields]
    role = "'operation'"
    """,
    "rival.toml",
)

SENT = [
    execution("ours", "E", trace="a"),
    step("part", "E", trace="a", parent="ours"),
    span("job", trace="b", scope="x", attributes={"job.id": "J", "job.name": "night", "job.state": "ok"}),
    span("part", trace="b", parent="job", scope="x",
         attributes={"job.id": "J", "job.part": "copy", "job.try": 3, "job.state": "bad"}),
    span("rival", trace="c", scope="x"),
    span("plain", trace="d", scope="x", error="boom"),
]  # fmt: skip


def test_several_dialects_in_one_batch_map_each_span_once():
    """design, section 4: detect first, then only the statements of the dialects present."""
    mapping = compile_profiles([RIVAL, *load_shipped(), JOBS])
    with taking(mapping=mapping) as take:
        take.take(payload(*SENT))
        found = take.rows(
            "select name, dialect, role, execution_id, step_name, attempt, status, "
            "restored(short_workflow_name, name) as workflow_name "
            "from stored.spans where name <> 'plain' order by trace_id, dialect, role, name"
        )
        plain = take.rows("select dialect, role, status from stored.spans where name = 'plain'")
    rival_trace = next(row for row in found if row[0] == "rival")[3]
    assert sorted(found) == sorted([
        ("ours", "stepscope", "execution", "E", None, None, "success", "ours"),
        ("part", "stepscope", "step", "E", "part", None, "success", None),
        ("job", "jobs", "execution", "J", None, None, "success", "night"),
        ("part", "jobs", "step", "J", "copy", 3, "failed", "shop"),
        ("rival", "rival", "operation", rival_trace, None, None, None, None),
    ])  # fmt: skip
    assert plain == [("otel", "execution", "failed")]


def test_a_batch_of_one_dialect_is_mapped_as_in_a_batch_of_many():
    """ours: the statement for one dialect and the union for several say the same."""
    mapping = compile_profiles([RIVAL, *load_shipped(), JOBS])
    columns = (
        "name, dialect, role, execution_id, step_name, attempt, status, "
        "restored(short_workflow_name, name) as workflow_name"
    )
    question = f"select {columns} from stored.spans order by all"
    with taking(mapping=mapping) as together, taking(mapping=mapping) as alone:
        together.take(payload(*SENT))
        for one in SENT:
            alone.take(payload(one))
        assert alone.rows(question) == together.rows(question)


def test_every_field_has_its_type_whatever_the_profile_fills():
    """ours: the columns of the statements of two dialects have to fit together."""
    mapping = compile_profiles([JOBS, RIVAL, *load_shipped()])
    batch = decode_spans(request(SENT), mapping.plan)
    spans = group_of([batch], [], [], NewDimensions()).spans
    with Database.open(None, StoreConfig()) as database:
        connection = database.writer()
        connection.register("incoming_spans", spans.rows)
        dialects = [
            row[0] for row in connection.execute(mapping.detect_sql(spans.columns)).fetchall()
        ]
        assert dialects == ["jobs", "otel", "rival", "stepscope"]
        types, rows = [], 0
        for dialect in dialects:
            for is_only in (True, False):
                mapped = mapping.select(dialect, spans.columns, is_only=is_only)
                described = connection.execute(f"describe {mapped}").fetchall()
                types.append({row[0]: row[1].lower() for row in described})
            rows += len(connection.execute(mapped).fetchall())
        connection.unregister("incoming_spans")
    assert rows == len(SENT)
    assert all(each == types[0] for each in types)
    assert {field: types[0][field] for field in DIRECT_FIELDS} == DIRECT_FIELDS


def test_two_profiles_of_one_name_are_refused():
    """issue #2: helpful errors."""
    with pytest.raises(ConfigError, match="two profiles are named 'jobs'; rename one"):
        compile_profiles([JOBS, *load_shipped(), JOBS])


def test_a_live_marker_stands_for_the_open_span_it_names():
    """design, section 3: a zero-length child span carries the identity of the open span."""
    whole = execution("w", "E", start=3, end=900)
    part = step("s", "E", parent="w", start=7, end=800)
    with history() as store:
        store.write([marker(whole, at=10), marker(part, at=20, phase="heartbeat")])
        found = store.rows(
            "select span_id, parent_span_id, start_time_unix_nano as start, role, execution_id, "
            "last_seen_unix_nano as seen from stored.open_spans order by start"
        )
        stored = store.rows("select live_phase from stored.spans order by start_time_unix_nano")
    assert [(row["role"], row["execution_id"]) for row in found] == [
        ("execution", "E"),
        ("step", "E"),
    ]
    assert [row["span_id"] for row in found] == [
        int.from_bytes(one.span.span_id) for one in (whole, part)
    ]
    assert [row["parent_span_id"] for row in found] == [0, int.from_bytes(whole.span.span_id)]
    assert [row["start"] - T0 for row in found] == [3_000_000, 7_000_000]
    assert [row["seen"] - T0 for row in found] == [10_000_000, 20_000_000]
    assert [row["live_phase"] for row in stored] == ["started", "heartbeat"]


@pytest.mark.parametrize(
    "key", ["stepscope.live.parent_span_id", "stepscope.live.start_time_unix_nano"]
)
@pytest.mark.parametrize("value", ["", "not hex", "f" * 17, "-1", "1.5", "9" * 30])
def test_a_marker_that_says_nonsense_is_taken_as_far_as_it_makes_sense(key, value):
    """issue #2: nothing lost silently; a strange value must not fail the batch."""
    one = marker(execution("w", "E", parent="above", start=3, end=900), at=10)
    for attribute in one.span.attributes:
        if attribute.key == key:
            attribute.value.string_value = value
    with history() as store:
        assert store.write([one]) == (1, 0)
        assert len(store.rows("from stored.open_spans")) == 1

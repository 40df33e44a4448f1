import json

import pytest

OLD = 1_700_000_000 * 10**9
OTHER_TRACE = "00000000-0000-0000-0000-00000000000f"


def params(history) -> list[tuple]:
    return history.ask(
        "select execution_id, param_name, param_value from execution_params order by all"
    )


def test_every_param_is_a_row(history):
    """R064: parameters of an execution by name."""
    body = {"customer": "42", "n": 7, "deep": {"a": [1, None]}, "none": None, "ok": True, "": "x"}
    history.add("payloads", body=json.dumps(body))
    history.add("payloads", kind="input", key="stepscope.input", body='{"not": "a param"}')
    assert params(history) == [
        ("e", "", "x"),
        ("e", "customer", "42"),
        ("e", "deep", '{"a":[1,null]}'),
        ("e", "n", "7"),
        ("e", "none", None),
        ("e", "ok", "true"),
    ]


@pytest.mark.parametrize("body", ["", "{", "[1, 2]", '"text"', "7", "null", "no json", "{}"])
def test_params_that_are_no_object_give_no_rows_and_break_nothing(history, body):
    """issue #2: one bad sender must not hide the params of all others."""
    history.add("payloads", execution_id="bad", body=body)
    history.add("payloads", execution_id="good", body='{"a": 1}')
    assert params(history) == [("good", "a", "1")]


def logs(history) -> list[tuple]:
    return history.ask(
        "select execution_id, sequence, body, step_id, step_name from execution_logs order by all"
    )


def test_log_records_are_ranked_by_time_where_the_sender_gave_no_position(history):
    """R065: logs of an execution in order, from 0."""
    for number, (time, observed) in enumerate([(30, 99), (10, 99), (0, 20)]):
        history.add(
            "log_records",
            body=f"log {number}",
            time_unix_nano=time,
            observed_time_unix_nano=observed,
            execution_id="e",
        )
    assert logs(history) == [
        ("e", 0, "log 1", None, None),
        ("e", 1, "log 2", None, None),
        ("e", 2, "log 0", None, None),
    ]
    assert history.ask("select epoch_ns(logged_at) from execution_logs order by all") == [
        (10,),
        (20,),
        (30,),
    ]


def test_position_of_the_sender_is_kept(history):
    """R065: two records may have the same time."""
    for sequence in (7, 3):
        history.add("log_records", body=f"{sequence}", execution_id="e", sequence=sequence)
    assert [(row[1], row[2]) for row in logs(history)] == [(3, "3"), (7, "7")]


def test_record_belongs_to_the_execution_it_names_else_to_that_of_its_span(history):
    """ours: logs of the stock OTel SDK know trace and span only."""
    history.add("spans", span_id=1, execution_id="e", step_id="s", step_name="charge")
    history.add("spans", span_id=2, execution_id="e", role="operation")
    history.add("spans", span_id=3, execution_id="e", name="plain step")
    trace = history.ask("select distinct trace_id from stored.spans")[0][0]
    history.add("log_records", body="of its span", trace_id=trace, span_id=1)
    history.add("log_records", body="of an operation", trace_id=trace, span_id=2)
    history.add("log_records", body="of a plain step", trace_id=trace, span_id=3)
    history.add("log_records", body="named", trace_id=trace, span_id=1, execution_id="e")
    history.add("log_records", body="named other", trace_id=trace, span_id=1, execution_id="f")
    history.add("log_records", body="no span", trace_id=trace, span_id=9)
    history.add("log_records", body="other trace", trace_id=OTHER_TRACE, span_id=1)
    history.add("log_records", body="nothing")
    assert sorted((body, e, step, name) for e, _, body, step, name in logs(history)) == [
        ("named", "e", "s", "charge"),
        ("named other", "f", None, None),
        ("of a plain step", "e", "0000000000000003", "plain step"),
        ("of an operation", "e", None, None),
        ("of its span", "e", "s", "charge"),
    ]


def test_record_of_a_span_id_that_was_used_again_is_one_row(history):
    """ours: Airflow gives every try of a task the same span id; markers share it with nobody."""
    for attempt in (1, 2):
        history.add("spans", span_id=1, attempt=attempt, step_id="s", start_time_unix_nano=attempt)
    history.add("spans", span_id=1, live_phase="started", step_id="other")
    trace = history.ask("select distinct trace_id from stored.spans")[0][0]
    history.add("log_records", body="once", trace_id=trace, span_id=1)
    history.add("log_records", body="named", trace_id=trace, span_id=1, execution_id="e")
    assert sorted((body, step) for _, _, body, step, _ in logs(history)) == [
        ("named", "s"),
        ("once", "s"),
    ]


def test_span_shows_its_resource_and_scope(history):
    """ours: a span says who sent it; one whose resource is missing is still there."""
    history.connection.execute(
        "insert into stored.resources values (1, map {'service.name': 'shop'}, null, 0, null, '', 'shop')"
    )
    history.connection.execute(
        "insert into stored.scopes values (1, 'lib', '1.0', null, null, 0, null, '')"
    )
    history.add("spans", span_id=1)
    history.add("spans", span_id=2, resource_id=8, scope_id=9)
    assert history.ask(
        "select span_id[-1:], service_name, resource_attributes['service.name'], scope_name, "
        "scope_version from spans order by all"
    ) == [("1", "shop", "shop", "lib", "1.0"), ("2", None, None, None, None)]

"""Statements of users near the ways to keep the engine busy: those people write pass."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope_collector.errors import QueryRefused
from stepscope_collector.query.endless import pattern_parts
from stepscope_collector.query.guard import check_statement
from stepscope_collector.store import Connection, Database
from tests.unit.collector.query.history import open_memory

HONEST = [
    "select regexp_replace(error_message, '\\d+', '#', 'g') as kind, count(*) from executions group by 1",
    "select regexp_extract(error_message, '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}') as id from executions",
    "select string_agg(distinct regexp_replace(error_message, '\\d+', '#', 'g'), '; ') from executions",
    "select workflow_name, list(execution_id) from executions where error_message ~ 'time.?out' group by all",
    "select regexp_extract(workflow_name, '^\\w+') as team, string_agg(workflow_name, ', ') from executions group by 1",
    "with e as (select * from executions where regexp_matches(error_message, $p)) select list(status) from e",
    "with s as (select execution_id, list(step_name) as path from steps group by all) "
    "select workflow_name, path from executions join s using (execution_id) where left(error_message, 500) ~ 'x'",
    "select error_message similar to '%a%' from executions",
    "select regexp_split_to_array(version, '\\.')[1], count(*) from executions group by 1",
    "select mode(status) from executions group by workflow_name",
    "select mode(status) over (partition by workflow_name) from executions",
    "select mode(status) over (order by started_at rows between 100 preceding and current row) from executions",
    "select median(duration_ns) over (order by started_at rows between 100 preceding and current row) from executions",
    "select list_aggregate(list(duration_ns), 'quantile_cont', 0.9) from executions",
    "select list_sum([1, 2]), list_distinct(list(distinct status)), array_length(list(status)) from executions",
    "select list_distinct(list(status)) from executions group by workflow_name",
    "select list_has_any(list(status), ['failed']) from executions group by all",
    "with s as (select execution_id, list(step_name) as path from steps group by 1) "
    "select * from s where list_has_any(path, ['charge', 'ship']) and path @> ['charge']",
    "with s as (select execution_id, string_agg(step_name, ' > ' order by step_index) as path from steps group by all) "
    "select workflow_name || ': ' || path from executions join s using (execution_id)",
    "select string_agg(workflow_name, ', ') || ' and no others', concat('n: ', count(*)) from executions",
    "with n as (select string_agg(distinct status, ', ') as all_statuses from executions) "
    "select workflow_name || ' of ' || all_statuses from executions, n",
    "with n as (select list(execution_id) as ids from executions where status = 'failed') "
    "select step_name || ' of ' || len(ids) from steps, n where list_contains(ids, execution_id)",
    "with n as (select string_agg(workflow_name, ', ') as names from executions) "
    "select step_name || ': ' || left(names, 200) from steps, n",
    "select map(list(step_name), list(duration_ns)) from steps group by execution_id",
    "select map_from_entries(list({'k': step_name, 'v': duration_ns})) from steps group by execution_id",
    "select list(distinct step_name) over (partition by execution_id) && ['a'] from steps",
    "select workflow_name, levenshtein(workflow_name, 'invoice') as d from executions order by d",
    "select jaro_similarity(left(error_message, 1000), left($text, 1000)) from executions",
    "select jaro_similarity(left(a.error_message, 500), left(b.error_message, 500)) from executions a, executions b",
    "select (select count(*) from steps), (select count(*) from executions), exists (select 1 from spans)",
]  # fmt: skip


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    with open_memory() as database, database.read_user_sql() as opened:
        assert isinstance(database, Database)
        yield opened


@pytest.mark.parametrize("statement", HONEST)
def test_what_people_write_passes(connection: Connection, statement: str) -> None:
    """issue #7: the guard refuses nothing that history needs."""
    assert check_statement(connection, statement).kind == "select"


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("select regexp_matches(name, '(a{100}){100}') from spans", "10000 parts"),
        ("select name ~ trace_id from spans", "no literal"),
        ("select mode(name) over (order by name) from spans", "window that moves"),
        ("select list_mode(list(name)) from spans", "mode of a list"),
        ("select regexp_matches(string_agg(name, ''), 'a') from spans", "puts together"),
        ("select levenshtein(name, '" + "x" * 101 + "') from spans", "texts of any length"),
        ("select list_distinct(list(name)) from spans", "list of all rows"),
        (
            "select s.name || x.t from spans s, (select string_agg(name, '') as t from spans) x",
            "into each row",
        ),
        (
            "with a as (select string_agg(name, '') as t from spans), b as (select t as u from a) "
            "select u ~ 'a' from b",
            "puts together",
        ),
    ],
)
def test_what_goes_on_is_refused_with_a_remedy(
    connection: Connection, statement: str, message: str
) -> None:
    """issue #7: each refusal says what was wrong and what to write instead."""
    with pytest.raises(QueryRefused, match=message) as refused:
        check_statement(connection, statement)
    assert refused.value.hint


def test_a_bound_pattern_is_looked_at_too(connection: Connection) -> None:
    """issue #7: the same automaton as a parameter."""
    statement = "select regexp_matches(name, $a) from spans where name ~ $b"
    assert check_statement(connection, statement, {"a": "a+", "b": 7}).kind == "select"
    for params in ({"a": "(a{100}){100}", "b": "a"}, {"a": "a", "b": "(a{100}){100}"}):
        with pytest.raises(QueryRefused, match="10000 parts"):
            check_statement(connection, statement, params)
    with pytest.raises(QueryRefused, match="10000 parts"):
        check_statement(connection, "select name ~ $1 from spans", {"1": "(a{100}){100}"})


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [
        ("", 0), ("abc", 3), ("a{3}", 3), ("(ab){2,5}", 10), ("((a{10}){10}){10}", 1000), (r"\d{4}-\d{2}", 7),
        ("[a{9}]{3}", 3), (r"\(a{2}\)", 4), ("[]a]{4}", 4), ("[[:alpha:]]{6}", 6), ("a{2,}", 2),
    ],
)  # fmt: skip
def test_the_parts_of_a_pattern_are_counted(pattern: str, parts: float) -> None:
    """ours: with its counted repetitions written out."""
    assert pattern_parts(pattern) == parts


@given(st.text(alphabet="ab(){}[]\\,0123456789*|^-:", max_size=40))
def test_any_pattern_has_a_number_of_parts(pattern: str) -> None:
    """ours: DuckDB says what is wrong with a pattern that is none."""
    assert pattern_parts(pattern) >= 0

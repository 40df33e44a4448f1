"""User SQL cannot make one value so large that no limit of DuckDB sees it."""

import duckdb
import pytest

from stepscope_collector.config import StoreConfig
from stepscope_collector.errors import QueryRefused
from stepscope_collector.query.guard import check_statement
from stepscope_collector.store import Database

BOMBS = (
    "select list_sum(range(1000000000))",
    "select generate_series(1, 1000000000)",
    "select length(repeat('x', 2000000000))",
    "select repeat(repeat('x', 10000), 10000)",
    "select repeat('x', span_count) from executions",
    "select lpad('x', 2000000000, 'y')",
    "select list_resize([1], 1000000000)",
    "select printf('%2000000000d', 7)",
    "select printf('%*d', span_count, 7) from executions",
    "select format('{:>2000000000}', 'x')",
    "select list_transform(range(9999), lambda x: repeat('a', 9999))",
    "select replace(repeat('x', 9999), 'x', repeat('y', 9999))",
    "with recursive t as (select 'x' as s union all select repeat(s, 2) from t) select s from t",
)
ORDINARY = (
    "select replace(workflow_name, 'a', 'b') from executions",
    "select format('{} took {}', workflow_name, duration_ns) from executions",
    "select printf('%05d', span_count), lpad(workflow_id, 12, ' ') from executions",
    "select list_transform([1, 2], lambda x: x + 1)",
    "select * from range(1000000) limit 5",
    "select string_agg(step_name, ', ' order by step_index) from steps group by execution_id",
    "select workflow_name || ' ' || status from executions",
    "select repeat('=', 40)",
    "with recursive t as (select 1 as n union all select n + 1 from t where n < 9) select n from t",
)


@pytest.fixture(scope="module")
def connection():
    with Database.open(None, StoreConfig()) as database, database.read() as connection:
        yield connection


@pytest.mark.parametrize("statement", BOMBS)
def test_a_value_that_would_outgrow_memory_is_refused(connection, statement):
    """ours: what a scalar function makes is neither counted nor interrupted by DuckDB."""
    with pytest.raises(QueryRefused):
        check_statement(connection, statement)


@pytest.mark.parametrize("statement", ORDINARY)
def test_ordinary_functions_are_allowed(connection, statement):
    """ours: the limit on growth is not felt by questions."""
    assert check_statement(connection, statement).kind == "select"


def has_backticks(connection):
    """Names in backticks came with DuckDB 2.0."""
    try:
        connection.extract_statements("select 1 as `a`")
    except duckdb.ParserException:
        return False
    return True


def test_a_backtick_name_hides_no_second_statement():
    """issue #2: the text that is checked is the text that runs."""
    attack = "select 1 as `/*`, '*/` ; commit; delete from stored.schema_version --'"
    with Database.open(None, StoreConfig()) as database:
        with database.read_user_sql() as connection:
            if not has_backticks(connection):
                with pytest.raises(QueryRefused, match="at or near"):
                    check_statement(connection, attack)
                return
            checked = check_statement(connection, attack)
            rows = connection.execute(checked.sql).fetchall()
        with database.read() as connection:
            (kept,) = connection.execute("select count(*) from stored.schema_version").fetchone()
    assert rows == [(1, "*/` ; commit; delete from stored.schema_version --")]
    assert kept == 1

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stepscope_collector.config import SqlConfig, StoreConfig
from stepscope_collector.errors import QueryRefused, QueryTimeout
from stepscope_collector.query.adhoc import run_sql
from stepscope_collector.query.guard import check_statement
from stepscope_collector.query.tokens import without_comments
from stepscope_collector.store import Database
from tests.unit.collector.query.history import add_execution

CONFIG = SqlConfig(timeout_s=20)

ATTACKS = [
    # files
    "select * from read_text('/etc/passwd')",
    "select * from read_blob('/etc/passwd')",
    "select * from read_csv('/etc/passwd')",
    "select * from read_csv_auto('/etc/passwd', header=false)",
    "select * from read_json('/etc/passwd')",
    "select * from read_parquet('/etc/*')",
    "select * from parquet_metadata('/etc/passwd')",
    "select * from glob('/etc/*')",
    "select * from sniff_csv('/etc/passwd')",
    "select * from read_duckdb('other.duckdb')",
    "select * from '/etc/passwd'",
    "from 'https://127.0.0.1:1/x.parquet'",
    "select * from read_csv('https://127.0.0.1:1/x.csv')",
    "copy executions to 'stolen.csv'",
    "copy (select 1) to '/dev/stdout'",
    "copy stored.executions from 'evil.csv'",
    "export database 'stolen'",
    "import database 'evil'",
    # other databases, extensions, settings
    "attach ':memory:' as m",
    "attach 'other.duckdb'",
    "detach stepscope",
    "use memory",
    "install httpfs",
    "load httpfs",
    "force install httpfs",
    "set memory_limit = '100GB'",
    "set lock_configuration = false",
    "reset lock_configuration",
    "pragma enable_profiling",
    "pragma version",
    "call pragma_version()",
    "set variable x = 1",
    "create secret s (type s3)",
    # writing
    "insert into stored.executions select * from stored.executions",
    "update stored.executions set status = 'success'",
    "delete from stored.executions",
    "truncate stored.executions",
    "drop table stored.executions",
    "drop view executions",
    "alter table stored.executions add column x integer",
    "create table t as select 1",
    "create temp table t as select 1",
    "create temp view v as select 1",
    "create or replace view executions as select 1",
    "create or replace macro lost_after_ns() as 0",
    "create sequence s",
    "create schema s",
    "create index i on stored.executions (execution_id)",
    "merge into stored.executions e using (select 1) s on true when matched then delete",
    "with gone as (delete from stored.executions returning *) select * from gone",
    "WITH x AS (INSERT INTO stored.schema_version VALUES (9, 'x', now()) RETURNING *) FROM x",
    "with x as (update stored.executions set status = 'x' returning *) select count(*) from x",
    "explain analyze delete from stored.executions",
    "explain analyze select 1",
    "explain (analyze) select 1",
    "explain /* */ analyze select count(*) from executions",
    "explain delete from stored.executions",
    "vacuum",
    "analyze",
    "checkpoint",
    "force checkpoint",
    "comment on view executions is 'x'",
    # around the check
    "",
    "  ;  ",
    "-- nothing",
    "select 1; delete from stored.executions",
    "select 1; select 2",
    "begin transaction",
    "commit",
    "rollback; delete from stored.executions",
    "prepare p as delete from stored.executions",
    "execute p",
    "select * from checkpoint()",
    "select * from force_checkpoint()",
    "select * from CheckPoint /* */ ()",
    'select * from "checkpoint"()',
    "select * from query('select 1')",
    "select * from query('delete from stored.executions')",
    "select * from json_execute_serialized_sql(json_serialize_sql('select 1'))",
    "select * from truncate_duckdb_logs()",
    "select write_log('x')",
    "select sleep_ms(100000)",
    "select * from arrow_scan(1, 2, 3)",
    "select * from create_external_resource('x', map {}, 'y')",
    "pivot executions on status",
    # words that DuckDB reads otherwise than a reader of text would
    "from `query`('select 42')",
    "from query\u200b('select 42')",
    "from `force_checkpoint`()",
    "select pg_sleep(100)",
    "select 1) as t(c0); delete from stored.executions; select * from (select 1",
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    path = tmp_path_factory.mktemp("guard") / "secret place" / "stepscope.duckdb"
    with Database.open(path, StoreConfig(threads=1)) as opened:
        add_execution(opened.writer(), "e", started_unix_nano=1)
        yield opened


def answer(database: Database, statement: str, config: SqlConfig = CONFIG) -> list[list[object]]:
    with run_sql(database, config, statement) as running:
        return [row for batch in running.batches() for row in batch]


@pytest.mark.parametrize("statement", ATTACKS)
def test_user_sql_can_do_nothing_but_read(
    store: Database, statement: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """issue #2: read-only guard as in design.md section 5; the history and the process stay as they were."""
    facts = """
        select (select count(*) from stored.executions), (select count(*) from duckdb_tables()),
            (select count(*) from duckdb_views()), (select count(*) from duckdb_databases()),
            (select count(*) from duckdb_functions()), (select count(*) from duckdb_schemas()),
            (select string_agg(value order by name) from duckdb_settings()
                where name not like '%profil%')
    """
    before = answer(store, facts)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(QueryRefused) as caught:
        answer(store, statement)
    assert "secret place" not in caught.value.message
    assert answer(store, facts) == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "statement",
    [
        "select 1",
        "select 1;",
        "select 1; -- the end",
        "/* why */ select ';' as x -- ; delete",
        "from executions",
        "table executions",
        "values (1), (2)",
        "(select 1) union all (select 2) order by 1",
        "with recursive r(n) as (select 1 union all select n + 1 from r where n < 9) from r",
        "describe executions",
        "show tables",
        "summarize executions",
        "explain select * from executions",
        "Explain\n from executions;",
        "select count(*) from stored.spans",
        "select 'delete from x; query(1)' as quoted",
        "select * from executions qualify row_number() over (order by started_at) = 1",
        "select status, count(*) from executions group by all",
        "unpivot (select 1 as a, 2 as b) on a, b",
    ],
)
def test_reading_in_every_form_is_allowed(store: Database, statement: str) -> None:
    """ours: the guard refuses no question."""
    answer(store, statement)


def test_a_refusal_says_what_is_allowed(store: Database) -> None:
    """issue #2: helpful errors."""
    with store.read() as connection:
        with pytest.raises(QueryRefused, match="DELETE statements are not allowed") as caught:
            check_statement(connection, "delete from stored.spans")
        assert "SELECT" in (caught.value.hint or "")
        with pytest.raises(QueryRefused, match="2 statements, limit 1"):
            check_statement(connection, "select 1; select 2")


@pytest.mark.parametrize(
    ("statement", "hint"),
    [
        ("select workflow from executions", 'Candidate bindings: "workflow_id"'),
        ("select * from execution", 'Did you mean "executions"?'),
        ("selec 1", 'syntax error at or near "selec"'),
        ("select strtftime('a', 1)", 'Did you mean "strftime"?'),
        ("select $x", "parameter"),
        ("select 'a'::integer", "Could not convert string 'a' to INT32"),
        ("select error('so')", "so"),
        ("select " + "(" * 20_000 + "1" + ")" * 20_000, ""),
    ],
)
def test_what_duckdb_says_is_passed_on(store: Database, statement: str, hint: str) -> None:
    """issue #2: errors of DuckDB are answers for the one who asked, its hints kept."""
    with pytest.raises(QueryRefused) as caught:
        answer(store, statement)
    assert hint in caught.value.message


@pytest.mark.parametrize(
    "statement",
    [
        "select count(*) from range(10000000) a, range(10000000) b",
        "select * from range(100000000000)",
        "with recursive r(n) as (select 1 union all select n + 1 from r) select max(n) from r",
    ],
)
def test_a_statement_that_takes_too_long_is_stopped(store: Database, statement: str) -> None:
    """issue #2: limits on time; the error names the limit and the store lives on."""
    with pytest.raises(QueryTimeout, match=r"longer than 0\.2 s"):
        answer(store, statement, SqlConfig(timeout_s=0.2))
    assert answer(store, "select 1") == [[1]]


def test_a_statement_that_needs_too_much_memory_is_refused(tmp_path: Path) -> None:
    """issue #2: limits on memory; the store lives on."""
    config = StoreConfig(threads=1, memory_limit_bytes=64 * 2**20, temp_limit_bytes=2**20)
    with Database.open(tmp_path / "x.duckdb", config) as database:
        add_execution(database.writer(), "e", started_unix_nano=1)
        for statement in (
            "select list(range) from range(100000000)",
            "select max(len(l)) from (select list(range) as l from range(100000000))",
        ):
            with pytest.raises(QueryRefused, match="Out of Memory") as caught:
                answer(database, statement)
            assert str(tmp_path) not in caught.value.message
            assert "SET memory_limit" not in caught.value.message
        assert answer(database, "select count(*) from executions") == [[1]]
        add_execution(database.writer(), "f", started_unix_nano=1)


def test_comments_are_told_from_literals_and_names() -> None:
    """ours: a comment within quotes is none."""
    text = "select 'it''s -- /*' /* b */, E'\\'--', $$--$$, $t$ '$t$, \"a--b\", `a--b` -- end"
    assert without_comments(text).split() == (
        "select 'it''s -- /*' , E'\\'--', $$--$$, $t$ '$t$, \"a--b\", `a--b`".split()
    )


@pytest.mark.parametrize(
    "hidden",
    [
        "commit; delete from stored.executions",
        "commit; delete from stored.executions; begin; select 1 as x",
        "commit; create table evil as select 1 as x; select 1",
    ],
)
@pytest.mark.parametrize("opening", ["`/*`", "\u200b`/*`", "$a$/*$a$", '"/*"', "/* /* */ '"])
def test_no_statement_hides_behind_another(store: Database, opening: str, hidden: str) -> None:
    """ours: found by attack: text was left out as a comment that DuckDB read as a name."""
    before = answer(
        store, "select count(*), (select count(*) from duckdb_tables()) from executions"
    )
    for statement in (
        f"select 1 as {opening}, '*/` ; {hidden} --'",
        f"select {opening}, '*/ ; {hidden} --'",
        f"select 1 {opening} */ ; {hidden} --'",
    ):
        with contextlib.suppress(QueryRefused):
            answer(store, statement)
    assert before == answer(
        store, "select count(*), (select count(*) from duckdb_tables()) from executions"
    )


def test_the_file_of_the_database_is_not_read_and_stays_locked(store: Database) -> None:
    """issue #2: one process owns the file; to open and close it again would give up its lock."""
    for function in ("read_blob", "read_text", "read_csv"):
        for suffix in ("", ".wal"):
            with pytest.raises(QueryRefused, match="is not allowed"):
                answer(store, f"select count(*) from {function}('{store.path}{suffix}')")
    other = subprocess.run(
        [sys.executable, "-c", f"import duckdb; duckdb.connect({str(store.path)!r})"],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert "Conflicting lock" in other.stderr


@pytest.mark.parametrize(
    ("statement", "hint"),
    [
        ("install quack", "DuckDB of your own"), ("load quack", "DuckDB of your own"),
        ("attach 'x.db'", "stepscope backup"), ("copy executions to 'x.csv'", "csv or parquet"),
        ("export database 'x'", "stepscope export"), ("set threads = 1", "settings are those of the server"),
        ("reset threads", "settings are those of the server"), ("pragma threads = 4", "allowed: one SELECT"),
        ("explain analyze set threads = 3", ""), ("set worker_threads = 4", "settings are those of the server"),
        ("delete from executions", "stepscope delete"), ("update executions set status = 'x'", "allowed: one SELECT"),
    ],
)  # fmt: skip
def test_what_is_refused_comes_with_what_to_do_instead(
    store: Database, statement: str, hint: str
) -> None:
    """R113: a remedy for each kind of statement that people try."""
    with store.read_user_sql() as connection, pytest.raises(QueryRefused) as caught:
        check_statement(connection, statement)
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("statement", "hint"),
    [("select $x", "-p NAME=VALUE"), ("from nothing_of_that_name", "show tables")],
)
def test_what_duckdb_says_without_a_remedy_gets_one(
    store: Database, statement: str, hint: str
) -> None:
    """R113: newcomers forget parameters and guess names."""
    with pytest.raises(QueryRefused) as caught, run_sql(store, SqlConfig(), statement):
        pass
    assert hint in (caught.value.hint or "")

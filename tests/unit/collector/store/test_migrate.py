import subprocess
import sys
import threading
from dataclasses import replace

import duckdb
import pytest

from stepscope_collector.config import StoreConfig
from stepscope_collector.errors import ConfigError, NewerSchema, NotFound, StoreUnavailable
from stepscope_collector.store import Database, migrate
from stepscope_schema.columns import relations
from stepscope_schema.load import Migration, Schema, Statement, load_schema

CONFIG = StoreConfig(memory_limit_bytes=512 << 20, threads=2)
OLD = load_schema()
ADD_COLUMN = "-- More.\nalter table stored.requests add column sender varchar;"


def newer(sql: str, name: str = "more") -> Schema:
    """The schema of a later version, whose ddl/tables has the result of `sql` too."""
    statements = tuple(
        Statement(
            "tables", s.name, s.sql.replace(" -- UTC\n", ", -- UTC\n    sender varchar -- who\n")
        )
        if s.name == "requests" and s.kind == "tables"
        else s
        for s in OLD.statements
    )
    return Schema(statements, (*OLD.migrations, Migration(OLD.version + 1, name, sql)))


def columns(path) -> list[str]:
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute(
            "select column_name from duckdb_columns() where table_name = 'requests' "
            "order by column_index"
        ).fetchall()
    return [name for (name,) in rows]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "stepscope.duckdb"
    with Database.open(path, CONFIG) as database:
        database.writer().execute(
            "insert into stored.requests select uuid(), '2026-01-01' from range(1000)"
        )
    return path


def all_rows(path) -> tuple:
    with duckdb.connect(str(path), read_only=True) as connection:
        return (
            connection.execute("select * from stored.requests order by all").fetchall(),
            connection.execute("select * from stored.schema_version order by all").fetchall(),
            connection.execute("select * from duckdb_tables() order by table_oid").fetchall(),
        )


def test_new_database_records_every_version():
    """issue #2, R023, R068, R083: a first start makes the schema; migrations are recorded in schema_version."""
    with Database.open(None, CONFIG, schema=newer(ADD_COLUMN)) as database:
        rows = (
            database.writer()
            .execute(
                "select version, name, abs(epoch_ns(applied_at) - epoch_ns(current_timestamp)) < 60e9 "
                "from stored.schema_version order by version"
            )
            .fetchall()
        )
    assert rows == [(1, "initial", True), (2, "more", True)]


def test_opening_again_changes_neither_rows_nor_versions(path):
    """issue #2: idempotent; R023, R106: a setup that is repeated destroys nothing."""
    before = all_rows(path)[:2]
    for _ in range(2):
        Database.open(path, CONFIG).close()
    assert all_rows(path)[:2] == before


def test_views_are_made_anew_where_the_file_holds_others(path):
    """ours: a start makes hundreds of views and comments only when they are others."""
    present = load_schema()
    other = Statement(
        "views", "executions", "-- x\ncreate or replace view executions as select 1 as one"
    )
    rest = tuple(one for one in present.statements if one.kind != "views")
    changed = replace(present, statements=(*rest, other))
    with Database.open(path, CONFIG, schema=changed) as database:
        writer = database.writer()
        assert writer.execute("select one from executions").fetchall() == [(1,)]
    for lost_after_s in (10, 20):
        with Database.open(path, CONFIG, lost_after_s=lost_after_s) as database:
            writer = database.writer()
            assert writer.execute("select count(*) from executions").fetchall() == [(0,)]
            assert writer.execute("select lost_after_ns()").fetchall() == [(lost_after_s * 10**9,)]
            writer.execute("create or replace view dialects as select 'kept' as mark")
    with Database.open(path, CONFIG) as database:
        kept = database.writer().execute("select mark from dialects").fetchall()
    assert kept == [("kept",)]


def other_build() -> Schema:
    """The schema of this version as another build has it: the same number, other tables."""
    statements = tuple(
        replace(one, sql=one.sql.replace("sender varchar ", "sender_address varchar "))
        for one in OLD.statements
        if one.kind != "views"
    )
    (first,) = OLD.migrations
    sql = first.sql.replace("sender varchar ", "sender_address varchar ")
    assert sql != first.sql
    return Schema(statements, (replace(first, sql=sql),))


@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_of_another_build_is_named_as_one(tmp_path, read_only):
    """ours: a version that is not released changes in place; no error of the engine tells of it."""
    path = tmp_path / "stepscope.duckdb"
    Database.open(path, CONFIG, schema=other_build()).close()
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="another build") as refused:
        Database.open(path, CONFIG, read_only=read_only)
    assert refused.value.message.endswith("stored.rejections differs in sender, sender_address")
    assert "stepscope export --format bundle" in (refused.value.hint or "")
    assert path.read_bytes() == before
    Database.open(path, CONFIG, schema=other_build()).close()  # its own build opens it


def test_a_file_of_another_build_is_not_migrated(tmp_path):
    """ours: a migration is written for the tables that the versions before it make."""
    path = tmp_path / "stepscope.duckdb"
    Database.open(path, CONFIG, schema=other_build()).close()
    with pytest.raises(ConfigError, match="another build"):
        Database.open(path, CONFIG, schema=newer(ADD_COLUMN))
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_older_file_is_migrated_after_a_verified_copy(path):
    """issue #2, R084, R085: a verified copy is made before a migration."""
    before = all_rows(path)
    with Database.open(path, CONFIG, schema=newer(ADD_COLUMN)) as database:
        assert database.writer().execute(
            "select count(*), count(sender) from stored.requests"
        ).fetchone() == (1000, 0)
    copy = path.with_name("stepscope.duckdb.before-v2")
    assert all_rows(copy) == before
    assert copy.stat().st_mode & 0o777 == 0o600
    assert [version for version, *_ in all_rows(path)[1]] == [1, 2]
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name, copy.name]


def test_migrated_file_equals_a_new_one(path, tmp_path):
    """issue #2: a new file and a migrated one have the same tables."""
    schema = newer(ADD_COLUMN)
    Database.open(path, CONFIG, schema=schema).close()
    Database.open(tmp_path / "new.duckdb", CONFIG, schema=schema).close()
    assert columns(path) == columns(tmp_path / "new.duckdb")


def test_log_of_a_killed_process_is_in_the_copy(path):
    """ours: the copy is consistent: the write-ahead log is part of the database."""
    code = (
        "import duckdb, os, sys\n"
        "c = duckdb.connect(sys.argv[1])\n"
        "c.execute(\"insert into stored.requests select uuid(), '2026-01-02' from range(500)\")\n"
        "os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=30)
    assert path.with_name(f"{path.name}.wal").exists()
    Database.open(path, CONFIG, schema=newer(ADD_COLUMN)).close()
    copy = path.with_name("stepscope.duckdb.before-v2")
    assert len(all_rows(copy)[0]) == 1500


def test_empty_file_is_migrated_without_a_copy(tmp_path):
    """ours: there is nothing to keep."""
    path = tmp_path / "stepscope.duckdb"
    Database.open(path, CONFIG).close()
    Database.open(path, CONFIG, schema=newer(ADD_COLUMN)).close()
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert columns(path)[-1] == "sender"


@pytest.mark.parametrize(
    "sql",
    [
        f"{ADD_COLUMN} select * from no_such_table;",
        f"{ADD_COLUMN} update stored.requests set sender = 'x'; delete from stored.requests; drop "
        "table stored.payloads; select error('disk on fire');",
        "drop table stored.requests; this is no sql",
    ],
)
def test_failed_migration_leaves_the_file_as_it_was(path, sql):
    """issue #2, R085: migrations run in one transaction."""
    before = all_rows(path)
    with pytest.raises(
        StoreUnavailable, match="migration 0002_more failed, the database has not been"
    ):
        Database.open(path, CONFIG, schema=newer(sql))
    assert all_rows(path) == before
    Database.open(path, CONFIG).close()


def test_failing_view_leaves_the_file_as_it_was(path):
    """issue #2: tables, views and their record belong to one transaction."""
    before = all_rows(path)
    schema = newer(ADD_COLUMN)
    broken = Statement("views", "broken", "-- x\ncreate or replace view broken as select no_such")
    with pytest.raises(duckdb.Error, match="no_such"):
        Database.open(path, CONFIG, schema=replace(schema, statements=(*schema.statements, broken)))
    assert all_rows(path) == before


MIGRATOR = """
import pathlib, sys
from stepscope_collector.config import StoreConfig
from stepscope_collector.store import Database
from stepscope_schema.load import Migration, Schema, load_schema
old = load_schema()
sql = sys.argv[2] + "select count(*) from range(1000000000) a, range(1000000000) b;"
schema = Schema(old.statements, (*old.migrations, Migration(old.version + 1, "endless", sql)))
Database.open(pathlib.Path(sys.argv[1]), StoreConfig(), schema=schema)
"""


def test_process_killed_in_a_migration_leaves_the_file_as_it_was(path):
    """issue #2: migrations run in one transaction; a restart needs no repair."""
    before = all_rows(path)
    copy = path.with_name("stepscope.duckdb.before-v2")
    sql = f"{ADD_COLUMN} update stored.requests set sender = 'x';"
    with subprocess.Popen([sys.executable, "-c", MIGRATOR, str(path), sql]) as process:
        bound = threading.Event()
        for _ in range(1500):  # 30 s
            if copy.exists() or process.poll() is not None:
                break
            bound.wait(0.02)
        assert copy.exists()
        process.kill()
    assert all_rows(path) == before
    Database.open(path, CONFIG, schema=newer(ADD_COLUMN)).close()
    assert columns(path)[-1] == "sender"


def test_failed_attempt_is_followed_by_a_good_one(path):
    """ours: the copy of a failed attempt is in nobody's way."""
    with pytest.raises(StoreUnavailable):
        Database.open(path, CONFIG, schema=newer("select * from no_such_table"))
    Database.open(path, CONFIG, schema=newer(ADD_COLUMN)).close()
    assert columns(path)[-1] == "sender"


def test_copy_that_is_not_complete_stops_the_migration(path, monkeypatch):
    """issue #2: the copy is verified."""
    before = all_rows(path)

    def lose_some(connection):
        counts = {"requests": 1000}
        is_copy = connection.execute(
            "select path from duckdb_databases() where path like '%partial'"
        )
        return {"requests": 999} if is_copy.fetchall() else counts

    monkeypatch.setattr(migrate, "row_counts", lose_some)
    with pytest.raises(StoreUnavailable, match=r"copy of .* is not complete"):
        Database.open(path, CONFIG, schema=newer(ADD_COLUMN))
    assert all_rows(path) == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_migration_without_space_for_the_copy_is_refused(path, monkeypatch):
    """ours: a full disk must not end in half a copy."""
    usage = migrate.shutil.disk_usage(path.parent)._replace(free=1000)
    monkeypatch.setattr(migrate.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(StoreUnavailable, match="1000 bytes free"):
        Database.open(path, CONFIG, schema=newer(ADD_COLUMN))
    assert columns(path)[-1] != "sender"


@pytest.mark.parametrize("read_only", [False, True])
def test_file_of_a_newer_version_is_refused_with_the_remedy(path, read_only):
    """issue #2: a file from a newer version is refused with the remedy."""
    Database.open(path, CONFIG, schema=newer(ADD_COLUMN)).close()
    before = path.read_bytes()
    with pytest.raises(
        NewerSchema, match="has schema version 2, this version of Stepscope knows 1"
    ) as e:
        Database.open(path, CONFIG, read_only=read_only)
    assert str(path) in str(e.value)
    assert "pip install --upgrade stepscope-collector" in e.value.hint
    assert path.read_bytes() == before


def test_older_file_is_not_migrated_by_a_reader(path):
    """ours: looking changes nothing."""
    with pytest.raises(ConfigError, match="has schema version 1, this version needs 2"):
        Database.open(path, CONFIG, schema=newer(ADD_COLUMN), read_only=True)
    assert columns(path)[-1] != "sender"


@pytest.mark.parametrize("read_only", [False, True])
def test_database_of_another_program_is_left_alone(tmp_path, read_only):
    """ours: a mistyped --data must not fill somebody's database with our tables."""
    path = tmp_path / "sales.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table sales as select 1 as amount")
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=r"database of another program: it holds main\.sales"):
        Database.open(path, CONFIG, read_only=read_only)
    assert path.read_bytes() == before


def test_empty_database_has_nothing_to_read(tmp_path):
    """ours: a reader does not make tables."""
    path = tmp_path / "empty.duckdb"
    duckdb.connect(str(path)).close()
    with pytest.raises(NotFound, match="holds no history"):
        Database.open(path, CONFIG, read_only=True)
    with Database.open(path, CONFIG) as database, database.read() as connection:
        assert connection.execute("select count(*) from executions").fetchone() == (0,)


def test_silence_that_counts_as_lost_comes_from_the_settings(path):
    """ours: executions.lost_after_s."""
    for seconds, expected in ((300, 300 * 10**9), (0.5, 5 * 10**8), (1e30, 2**62)):
        with Database.open(path, CONFIG, lost_after_s=seconds) as database:
            row = database.writer().execute("select lost_after_ns()").fetchone()
        assert row == (expected,)


def test_meanings_stand_in_the_database():
    """ours: who looks with a SQL client sees what a column means."""
    with Database.open(None, CONFIG) as database, database.read() as connection:
        found = connection.execute(
            "select schema_name, table_name, column_name, comment from duckdb_columns() "
            "where not internal"
        ).fetchall()
        views = connection.execute(
            "select view_name, comment from duckdb_views() where not internal"
        ).fetchall()
    assert sorted(found) == sorted(
        (r.schema, r.name, c.name, c.meaning) for r in relations() for c in r.columns
    )
    assert sorted(views) == sorted((r.name, r.meaning) for r in relations() if r.kind == "view")

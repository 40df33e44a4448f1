"""Registry, DDL, migrations and a new database say the same."""

import duckdb
import pytest

from stepscope_schema.attributes import ATTRIBUTES
from stepscope_schema.columns import relations
from stepscope_schema.load import load_schema

STRUCTURE = """
    select schema_name, table_name, column_name, column_index, data_type, is_nullable, column_default
    from duckdb_columns() where not internal order by all
"""


@pytest.fixture(scope="module")
def fresh():
    with duckdb.connect() as connection:
        for statement in load_schema().statements:
            connection.execute(statement.sql)
        yield connection


@pytest.mark.parametrize("relation", relations(), ids=lambda r: f"{r.schema}.{r.name}")
def test_registry_describes_the_columns_of_a_new_database(fresh, relation):
    """issue #2: a contract test holds registry, DDL and a fresh database together."""
    columns = fresh.execute(
        "select column_name, lower(replace(data_type, '\"', '')), is_nullable from duckdb_columns() "
        "where schema_name = $schema and table_name = $name order by column_index",
        {"schema": relation.schema, "name": relation.name},
    ).fetchall()
    assert columns == [(c.name, c.type, c.is_nullable) for c in relation.columns]


def test_registry_knows_every_table_and_view(fresh):
    """issue #2: a contract test holds registry, DDL and a fresh database together."""
    present = fresh.execute(
        "select schema_name, table_name from duckdb_tables() where not internal "
        "union all select schema_name, view_name from duckdb_views() where not internal"
    ).fetchall()
    assert sorted(present) == sorted((r.schema, r.name) for r in relations())


def test_file_name_is_the_name_of_the_object(fresh):
    """ours: an object is found by the name of its file."""
    names = fresh.execute(
        "select schema_name from duckdb_schemas() union all select table_name from duckdb_tables() "
        "union all select if(schema_name = 'main', '', schema_name || '.') || view_name "
        "from duckdb_views() "
        "union all select function_name from duckdb_functions() where function_type = 'macro'"
    ).fetchall()
    assert {statement.name for statement in load_schema().statements} <= {name for (name,) in names}


def test_new_schema_equals_all_migrations_applied(fresh):
    """issue #2: a new file and a migrated one have the same tables."""
    schema = load_schema()
    with duckdb.connect() as migrated:
        for migration in schema.migrations:
            migrated.execute(migration.sql)
        for statement in schema.of("macros") + schema.of("views"):
            migrated.execute(statement.sql)
        assert migrated.execute(STRUCTURE).fetchall() == fresh.execute(STRUCTURE).fetchall()


def test_views_hold_no_numbers_of_the_storage(fresh):
    """ours: people see times and hex ids, never raw nanoseconds or binary ids."""
    found = fresh.execute(
        "select table_name, column_name from duckdb_columns() where schema_name = 'main' "
        "and (column_name like '%unix_nano' or data_type in ('UUID', 'BLOB'))"
    ).fetchall()
    assert found == []


def test_attributes_with_a_column_name_one_that_exists():
    """ours: an attribute that leaves the map stands in stored.spans."""
    (spans,) = (r for r in relations() if r.schema == "stored" and r.name == "spans")
    named = {attribute.column for attribute in ATTRIBUTES if attribute.column is not None}
    assert named <= {column.name.removeprefix("short_") for column in spans.columns}

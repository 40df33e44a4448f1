import pytest

from stepscope_schema.columns import Column, relations, relations_of
from stepscope_schema.load import Migration, Schema, Statement

TABLE = """-- One row
-- per thing.
create table if not exists stored.things (
    thing_id uuid not null,       -- Span.trace_id
    -- a heading
    parts struct(
        name varchar, attributes map(varchar, varchar)
    )[],                          -- Span.events, null: none
    size_bytes decimal(10, 2),    -- how large
    seen_unix_nano ubigint not null -- when
)
"""
VIEW = """-- Things.
create or replace view things as
with a as (select 1) -- not a column
select
    t.thing_id,                  -- varchar: identity; in hex
    case when true
        then 1 end as size_ns,   -- decimal(10, 2): how large
    attributes,                  -- map(varchar, varchar): the rest
    parts                        -- struct(a varchar)[]: parts
from stored.things t
"""


def schema_of(*statements: Statement) -> Schema:
    return Schema(statements, (Migration(1, "initial", "select 1"),))


def test_columns_of_a_table_are_read_from_its_comments():
    """ours: the DDL is the only place where a column is explained."""
    (things,) = relations_of(schema_of(Statement("tables", "things", TABLE)))
    assert (things.kind, things.schema, things.meaning) == (
        "table",
        "stored",
        "One row per thing.",
    )
    assert things.columns == (
        Column("thing_id", "uuid", "Span.trace_id", False),
        Column(
            "parts",
            "struct(name varchar, attributes map(varchar, varchar))[]",
            "Span.events, null: none",
        ),
        Column("size_bytes", "decimal(10, 2)", "how large"),
        Column("seen_unix_nano", "ubigint", "when", False),
    )


def test_columns_of_a_view_are_read_from_its_comments():
    """ours: the DDL is the only place where a column is explained."""
    (things,) = relations_of(schema_of(Statement("views", "things", VIEW)))
    assert things.columns == (
        Column("thing_id", "varchar", "identity; in hex"),
        Column("size_ns", "decimal(10, 2)", "how large"),
        Column("attributes", "map(varchar, varchar)", "the rest"),
        Column("parts", "struct(a varchar)[]", "parts"),
    )


def test_table_column_without_comment_is_an_error():
    """ours: every column is explained."""
    sql = TABLE.replace("    -- how large", "")
    with pytest.raises(ValueError, match=r"column size_bytes of ddl/tables/things\.sql"):
        relations_of(schema_of(Statement("tables", "things", sql)))


def test_unit_follows_from_the_name():
    """ours: docs/conventions.md, a name says its unit."""
    units = {
        name: Column(name, "bigint", "").unit
        for name in ("start_time_unix_nano", "duration_ns", "size_bytes", "ended_at", "name")
    }
    assert units == {
        "start_time_unix_nano": "ns since 1970-01-01 UTC",
        "duration_ns": "ns",
        "size_bytes": "By",
        "ended_at": "UTC",
        "name": "",
    }


def test_otlp_fields_are_those_the_meaning_names():
    """ours: comments name the OTLP field as Message.field."""
    column = Column("x", "integer", "ExponentialHistogramDataPoint.positive, Buckets.offset")
    assert column.otlp == ("ExponentialHistogramDataPoint.positive", "Buckets.offset")
    assert Column("x", "integer", "stored.resources, service.name").otlp == ()


def test_every_relation_of_the_package_says_what_it_is():
    """ours: every table and view has a purpose and columns."""
    assert [r.name for r in relations() if not (r.meaning and r.columns)] == []

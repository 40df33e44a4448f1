"""How the text of user SQL may look, before DuckDB's parser sees it."""

import pytest

from stepscope_collector.errors import QueryRefused
from stepscope_collector.query.shape import check_shape


@pytest.mark.parametrize(
    "statement",
    [
        "with a as (with b as (with c as (with d as (select 1) from d) from c) from b) from a",
        "with a as (select 1), b as (select 2) select * from a, b where x in (with c as (select 1) from c)",
        "select " + ", ".join(["now()::timestamp with time zone"] * 20),
        "select 'with ' || '(((((' || $$ with with with with with with $$, \"with\" -- with with with",
        "select " + "(" * 199 + "1" + ")" * 199,
        "select 'ü', " + "- " * 199 + "1",
        "values " + ", ".join(["(1)"] * 5000),
    ],
)
def test_what_people_write_is_let_through(statement):
    """issue #7: the guard is hardened, and plain statements run."""
    check_shape(statement)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("with a as (" * 5, "WITH within WITH, more than 4 deep"),
        ("with time as (" * 5, "WITH within WITH, more than 4 deep"),
        # what looks like the end of a bracket and is none does not hide the next
        ("with a as (select ')' from (" * 5, "WITH within WITH"),
        ("with a as (select e'\\')' from (" * 5, "WITH within WITH"),
        ("with a as (select $x$)$x$ /* ) */ from (" * 5, "WITH within WITH"),
        ("select " + "a(1, " * 201, "nested too deeply: over 200 brackets"),
        ("select " + "{'a': [" * 101, "nested too deeply: over 200 brackets"),
        ("select " + "+" * 201 + "1", "more than 200 operators in a row"),
        ("select " + "- /* */ " * 201, "more than 200 operators in a row"),
    ],
)
def test_what_the_parser_does_not_end_with_is_refused(statement, message):
    """issue #7: time and memory exhaustion: DuckDB's parser has no limit of its own."""
    with pytest.raises(QueryRefused, match=message):
        check_shape(statement)

"""Expressions of profiles, read by DuckDB before a span meets them."""

import pytest

from stepscope_collector.config import StoreConfig
from stepscope_collector.errors import ConfigError
from stepscope_collector.mapping.compile import compile_profiles
from stepscope_collector.mapping.profile import load_shipped, parse
from stepscope_collector.store.database import Database
from stepscope_collector.store.profile_check import check_expressions

JOBS = """
name = "jobs"
description = "jobs of the night"
priority = 50
detect = "attr('job.id') is not null"
[maps.state]
ok = "success"
[fields]
execution_id = "attr('job.id')"
status = "mapped('state', attr('job.state'))"
[[rules]]
name = "job"
when = "s.name like 'job %'"
role = "execution"
started_unix_nano = "unix_nano(attr('job.began'))"
"""


@pytest.fixture(scope="module")
def database():
    with Database.open(None, StoreConfig()) as opened:
        yield opened


def check(database, *profiles):
    with database.read() as connection:
        check_expressions(connection, compile_profiles(profiles).checks())


def test_shipped_profiles_are_right(database):
    """issue #5: profiles are checked at load."""
    check(database, *load_shipped())
    check(database, parse(JOBS, "jobs.toml"))


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("attr('job.id') is not null", "scope_nam = 'x'", "jobs.toml: detect is not right: Binder Error"),
        ("s.name like", "s.nam like", "jobs.toml: rule job: when is not right: Binder Error"),
        ("unix_nano(attr('job.began'))", "epoch_nanos(1)", "rule job: started_unix_nano is not right"),
        ("\"attr('job.id')\"", "\"attr('job.id') ||\"", "jobs.toml: execution_id is not right: Parser Error"),
    ],
)  # fmt: skip
def test_a_wrong_expression_is_named_with_what_duckdb_says(database, right, wrong, says):
    """issue #5: errors that name file, key and the nearest valid one."""
    assert right in JOBS
    with pytest.raises(ConfigError) as refused:
        check(database, parse(JOBS.replace(right, wrong, 1), "jobs.toml"))
    assert says in refused.value.message

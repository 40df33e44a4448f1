"""Profiles of users: what is wrong with one is told, and none can do harm."""

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from stepscope_collector.config import StoreConfig, load
from stepscope_collector.decode.batch import column_of
from stepscope_collector.errors import ConfigError
from stepscope_collector.mapping.compile import compile_profiles
from stepscope_collector.mapping.profile import load_folder, load_shipped, parse, with_own
from stepscope_collector.profiles import check_profiles, load_mapping
from stepscope_collector.store.database import Database
from tests.strategies.workflows import span
from tests.unit.collector.taking import payload, taking

SHIPPED = load_shipped()
JOBS = """
name = "jobs"
description = "jobs of the night"
version = "3"
priority = 70
detect = "attr('job.id') is not null"

[not_emitted]
input = "jobs have none"

[maps.state]
ok = "success"

[fields]
execution_id = "attr('job.id')"
attempt = "attr('job.try')"

[[rules]]
name = "job"
when = "s.name like 'job %'"
role = "execution"
status = "mapped('state', attr('job.state'))"
"""
DIRECT = """
name = "lines"
description = "says everything itself"
priority = 70
direct = true
detect = "attr('line.id') is not null"
[fields]
role = "'execution'"
execution_id = "attr('line.id')"
attempt = "attr('line.try')"
"""


def settings(folder: Path, **environ: str):
    environ = {"STEPSCOPE_DATA_DIR": str(folder), **environ}
    return load(environ=environ, cwd=folder).settings


@pytest.fixture(scope="module")
def check():
    """Checks profiles beside the shipped ones."""
    with Database.open(None, StoreConfig()) as database:
        yield lambda *own: check_profiles(database.writer(), own, SHIPPED)


@pytest.fixture(scope="module")
def refused(check):
    """What is said of a profile that is refused."""

    def said(text: str) -> str:
        with pytest.raises(ConfigError) as error:
            check(parse(text, "jobs.toml"))
        assert "jobs.toml" in error.value.message
        return f"{error.value.message} {error.value.hint}"

    return said


def changed(old: str, new: str) -> str:
    assert old in JOBS
    return JOBS.replace(old, new, 1)


def test_files_of_a_directory_stand_beside_the_shipped_ones(tmp_path):
    """issue #5: users' own files in a configured directory, one replaces the shipped of its name."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/jobs.toml").write_text(JOBS)
    (tmp_path / "profiles/.jobs.toml.swp.toml").write_text("not a profile")
    (tmp_path / "profiles/notes.txt").write_text("not a profile")
    mapping = load_mapping(settings(tmp_path))
    assert set(mapping.profiles) == {"jobs", *(each.name for each in SHIPPED)}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine.toml").write_text(JOBS.replace('"jobs"', '"celery"', 1))
    mapping = load_mapping(settings(tmp_path, STEPSCOPE_PROFILES_DIR="elsewhere"))
    assert set(mapping.profiles) == {each.name for each in SHIPPED}
    assert mapping.profiles["celery"].source == str(elsewhere / "mine.toml")
    assert not mapping.profiles["celery"].is_shipped
    assert mapping.profiles["temporal"].is_shipped


def test_a_directory_that_was_named_must_be_there(tmp_path):
    """issue #5: errors at load."""
    with pytest.raises(ConfigError, match="no directory"):
        load_mapping(settings(tmp_path, STEPSCOPE_PROFILES_DIR="nowhere"))
    assert set(load_mapping(settings(tmp_path)).profiles) == {each.name for each in SHIPPED}


@pytest.mark.parametrize("name", ["stepscope", "otel"])
def test_what_every_history_rests_on_cannot_be_replaced(name):
    """ours: attributes with homes would be lost, or spans of no dialect refused."""
    with pytest.raises(ConfigError, match="cannot be replaced"):
        with_own(SHIPPED, [parse(JOBS.replace('"jobs"', f'"{name}"', 1), "mine.toml")])


def test_two_files_of_one_name_are_both_named():
    """issue #5: errors that name the file."""
    with pytest.raises(ConfigError, match=r"a\.toml, b\.toml"):
        with_own(SHIPPED, [parse(JOBS, "a.toml"), parse(JOBS, "b.toml")])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (changed("priority = 70", "priority = true"), "priority is a bool, must be a int"),
        (changed("priority = 70", "priority = 1000000000000000000000"), "out of range; 0 to 1000"),
        (changed("priority = 70", "priority = 70\ncontinues = 1"), "continues is a int, must be a bool"),
        (changed('version = "3"', "version = 3"), "version is a int, must be a str"),
        (changed('role = "execution"', 'role = "execution"\nnested_role = [1]'), "nested_role is a list"),
        (changed('role = "execution"', 'role = "execution"\nadopt = "yes"'), "adopt is a str"),
        (changed('role = "execution"', 'role = "exection"'), "did you mean 'execution'"),
        (changed('name = "job"', "name = {}"), "lacks name, a text"),
        (changed("[[rules]]", "[rules]"), "rules is a dict, must be a list"),
        (changed('ok = "success"', "ok = {again = {again = {}}}"), "values of maps.state must be texts"),
        (changed("input =", "inputs ="), "unknown not_emitted 'inputs'; did you mean 'input'"),
        (changed('"jobs have none"', "7"), "not_emitted.input is a int"),
        (changed('"jobs of the night"', '"a\\u0000b"'), "holds a NUL character"),
        (changed("jobs of the night", "x") + "deep = " + "[" * 100_000, "not valid TOML"),
    ],
)  # fmt: skip
def test_wrong_types_are_told(text, says):
    """issue #5: errors that name file, key and the nearest valid one."""
    with pytest.raises(ConfigError) as error:
        parse(text, "jobs.toml")
    assert error.value.message.startswith("profile jobs.toml")
    assert says in error.value.message


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("(select max(name) from evidence)", "subquery is not allowed"),
        ("exists(from stored.spans)", "subquery is not allowed"),
        ("s.name in (select name from stored.spans)", "subquery is not allowed"),
        ("max(s.name)", "function max is not allowed"),
        ("row_number() over ()", "window is not allowed"),
        ("unnest(['a'])", "function unnest is not allowed"),
        ("read_text('/etc/passwd')", "function read_text is not allowed"),
        ("getenv('HOME')", "function getenv is not allowed"),
        ("current_setting('temp_directory')", "function current_setting is not allowed"),
        ("getvariable('x')", "function getvariable is not allowed"),
        ("nextval('x')", "function nextval is not allowed"),
        ("write_log('x')", "function write_log is not allowed"),
        ("random()::varchar", "function random is not allowed"),
        ("now()::varchar", "function now is not allowed"),
        ("ago(interval 1 day)::varchar", "function ago is not allowed"),
        ("pg_sleep(3600)", "function pg_sleep is not allowed"),
        ("sleep_ms(3600)", "function sleep_ms is not allowed"),
        ("current_timestamp::varchar", "unknown column 'current_timestamp'"),
        ("current_user", "unknown column 'current_user'"),
        ("json_serialize_plan('from read_text(''/etc/passwd'')')", "json_serialize_plan is not allowed"),
        ("query('select 1')", "function query is not allowed"),
        ("error('stop')", "function error is not allowed"),
        ("*", "star is not allowed"),
        ("columns('.*')", "star is not allowed"),
        ("$now", "parameter is not allowed"),
        ("?", "parameter is not allowed"),
        ("1; drop table stored.spans", "2 statements, must be one expression"),
        ("'a'); drop table stored.spans; select ('a'", "syntax error"),
        ("'a' from stored.spans", "syntax error"),
        ("'a' as x", "syntax error"),
        ("'a', 'b'", "must be one value"),
        ("'a') + ('b'", "syntax error"),
        ("'a' end, 'b' as role --", "syntax error"),
        ("'a' -- the rest", "syntax error"),
        ("'a' union select 'b'", "must be one value"),
        ("'a' limit 0", "syntax error"),
        ("", "SELECT clause without selection list"),
        ("repeat(s.name, 1000000000)", "sizes in the statement multiply"),
        ("list_sum(range(s.kind::bigint))::varchar", "argument 1 of range is no literal number"),
        ("upper(" * 2000 + "'a'" + ")" * 2000, "jobs.toml"),
        ("s.nam", "unknown column 'nam' did you mean 'name'?"),
        ("nam", "unknown column 'nam'"),
        ("attr('" + "k" * 30_000 + "')", "characters with its macros, limit"),
    ],
)  # fmt: skip
def test_an_expression_can_do_nothing_but_make_a_value(refused, expression, says):
    """issue #5: SQL over the columns of the batch; no files, no side effects, no other rows."""
    assert says in refused(changed("\"s.name like 'job %'\"", f'"""{expression}"""'))
    assert says in refused(changed("[fields]", f'[fields]\nworkflow_name = """{expression}"""'))


@pytest.mark.parametrize(
    "expression",
    [
        "true then 'stepscope' when true",
        "dialect = 'otel'",
        "exists(from stored.spans)",
        "read_text('/etc/passwd') is null",
        "true) = (true",
        "'no truth'",
    ],
)
def test_what_detects_is_held_to_the_columns_of_the_batch(refused, expression):
    """ours: detection runs over every span there is; what fails there would refuse them all."""
    refused(changed("\"attr('job.id') is not null\"", f'"""{expression}"""'))
    refused(DIRECT.replace("\"attr('line.id')\"", f'"""{expression} || dialect"""'))


def test_odd_keys_of_attributes_are_only_keys(check):
    """ours: a key is data, whatever is in it."""
    text = changed("attr('job.id') is not null", "attr('Job\\\"; drop', 'it''s', 'JOB.ID') = 'a'")
    profile = parse(text, "jobs.toml")
    check(profile)
    plan = compile_profiles([profile]).plan
    assert plan.span_keys == ("JOB.ID", 'Job"; drop', "it's")


def test_keys_that_differ_in_case_are_different_attributes():
    """ours: DuckDB knows no case in the names of columns, and gave the value of the other one."""
    one = parse(changed("attr('job.id') is not null", "attr('Job.Id') = 'a'"), "one.toml")
    two = parse(
        changed("attr('job.id') is not null", "attr('job.id') = 'b'").replace('"jobs"', '"two"', 1),
        "two.toml",
    )
    sent = [span(f"s{n}", scope="x", attributes={key: "b" if key == "job.id" else "a"})
            for n, key in enumerate(["Job.Id", "job.id"])]  # fmt: skip
    with taking(mapping=compile_profiles([one, two, *SHIPPED])) as take:
        take.take(payload(*sent))
        found = take.rows("select name, dialect from stored.spans order by name")
    assert found == [("s0", "jobs"), ("s1", "two")]
    names = [column_of("attr", key) for key in ("a", "A", "a~1", "aA", "Aa", "A~1", "1", "é", "É")]
    assert len({name.casefold() for name in names}) == 9 - 1  # DuckDB folds ASCII only: é, É


def test_a_value_that_an_expression_cannot_take_costs_only_the_field(check):
    """ours: one span of a user's engine must not cost the whole request."""
    own = [parse(JOBS, "jobs.toml"), parse(DIRECT, "lines.toml")]
    own.append(replace(own[0], name="lengths", priority=71, detect="cast(attr('n') as int) > 5"))
    check(*own)
    with taking(mapping=compile_profiles(with_own(SHIPPED, own))) as take:
        take.take(payload(
            span("job 1", scope="x", attributes={"job.id": "J", "job.try": "first", "job.state": "OK"}),
            span("line", scope="x", attributes={"line.id": "L", "line.try": "first"}),
            span("other", scope="x", attributes={"n": "many"}),
        ))  # fmt: skip
        found = take.rows("select name, dialect, execution_id from stored.spans order by name")
        assert found[:2] == [("job 1", "jobs", "J"), ("line", "lines", "L")]
        assert found[2][:2] == ("other", "otel")
        status = take.rows("select status from executions where execution_id = 'J'")
        assert status == [("success",)]


def test_only_small_files_of_text_are_read(tmp_path):
    """ours: a pipe would be waited for, for ever."""
    os.mkfifo(tmp_path / "a.toml")
    errors = []

    def read():
        try:
            load_folder(tmp_path)
        except ConfigError as error:
            errors.append(error.message)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(30)
    assert "a.toml is no file" in errors[0]
    (tmp_path / "a.toml").unlink()
    (tmp_path / "b.toml").write_text("#" * 300_000)
    with pytest.raises(ConfigError, match="300000 bytes long, limit 262144"):
        load_folder(tmp_path)
    (tmp_path / "b.toml").write_bytes(b'name = "\xff"')
    with pytest.raises(ConfigError, match=r"b\.toml: 'utf-8' codec"):
        load_folder(tmp_path)

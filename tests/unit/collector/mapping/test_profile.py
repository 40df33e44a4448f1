"""Profiles: what their files may say, and what a mistake in one is told."""

import pytest

from stepscope_collector.errors import ConfigError
from stepscope_collector.mapping.compile import compile_profiles
from stepscope_collector.mapping.macros import expand_columns
from stepscope_collector.mapping.profile import DIRECT_FIELDS, load_shipped, parse

GOOD = """
name = "batch-jobs"
description = "jobs of the night"
priority = 50
direct = true
detect = "attr('job.id', 'job_id') is not null"
[fields]
role = "'execution'"
workflow_name = " coalesce(attr('job.name'), resource('service.name', 'host.name')) "
"""


def changed(old, new):
    assert old in GOOD
    return GOOD.replace(old, new)


def test_a_file_becomes_a_profile():
    """design, section 4: each profile is a TOML file whose fields are SQL expressions."""
    profile = parse(GOOD, "jobs.toml")
    assert (profile.name, profile.priority, profile.source) == ("batch-jobs", 50, "jobs.toml")
    assert profile.fields == {
        "role": "'execution'",
        "workflow_name": "coalesce(attr('job.name'), resource('service.name', 'host.name'))",
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (changed("priority", "priorty"), "unknown key 'priorty'; did you mean 'priority'"),
        (changed("workflow_name", "workflow_nam"), "unknown field 'workflow_nam'; did you mean 'workflow_name'"),
        (changed("role =", "zzz ="), "unknown field 'zzz'"),
        (changed("priority = 50", 'priority = "50"'), "priority is a str, must be a int"),
        (changed("\"'execution'\"", "7"), "field role must be SQL text in quotes"),
        (changed('description = "jobs of the night"', ""), "lacks description"),
        (changed("batch-jobs", "Batch Jobs"), "name 'Batch Jobs' must be lower-case"),
        (changed("batch-jobs", "x' or 1=1 --"), "must be lower-case"),
        ("name = ", "is not valid TOML"),
        ("", "lacks name, description, priority, detect"),
    ],
)  # fmt: skip
def test_a_mistake_names_the_file_the_key_and_the_nearest_right_one(text, says):
    """issue #2: helpful errors."""
    with pytest.raises(ConfigError) as refused:
        parse(text, "jobs.toml")
    assert refused.value.message.startswith("profile jobs.toml")
    assert says in refused.value.message


@pytest.mark.parametrize(
    ("expression", "expanded"),
    [
        ("attr('a')", '"attr:a"'),
        ("attr( 'a' , 'b.c' )", 'coalesce("attr:a", "attr:b.c")'),
        ("resource('service.name') || attr('x')", '"resource:service.name" || "attr:x"'),
        ("lower(attr('a'))", 'lower("attr:a")'),
        ("xattr('a')", "xattr('a')"),
        ("name", "name"),
    ],
)
def test_macros_become_columns_of_the_batch(expression, expanded):
    """ours: an attribute without a column is reached by its key."""
    assert expand_columns(expression) == expanded


def test_the_plan_asks_for_what_some_profile_reads():
    """ours: only attributes that a profile asks for cost a column."""
    plan = compile_profiles([parse(GOOD, "jobs.toml")]).plan
    assert plan.span_keys == ("job.id", "job.name", "job_id")
    assert plan.resource_keys == ("host.name", "service.name")


def test_the_shipped_profiles_are_whole_and_in_order():
    """ours: our own spans before any OpenTelemetry trace, which takes what is left."""
    shipped = load_shipped()
    assert shipped[0].name == "stepscope"
    assert shipped[-1].name == "otel"
    assert shipped[-1].detect == "true"
    assert all(set(profile.fields) <= set(DIRECT_FIELDS) for profile in shipped if profile.direct)
    assert "role" in shipped[-1].fields

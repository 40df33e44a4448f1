"""docs/dialects: a page for every profile, and what it says is true."""

import ast
import itertools
import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from stepscope_collector.config import Settings
from stepscope_collector.decode.otlp_json import to_message
from stepscope_collector.mapping import macros, profile
from stepscope_collector.mapping.profile import ROLES, load_shipped, parse
from tests.unit.collector.mapping.histories import history

FOLDER = Path(__file__).parents[2] / "docs" / "dialects"
PROFILES = {each.name: each for each in load_shipped()}
PAGES = sorted(path for path in FOLDER.glob("*.md"))
HEADINGS = ["## Switch it on", "## What you will see", "## What it does not emit"]
VARIABLES = re.compile(r"OTEL_EXPORTER_OTLP_(ENDPOINT|PROTOCOL)|N8N_OTEL_\w+|AIRFLOW__TRACES__OTEL_ON|AWS_LAMBDA_EXEC_WRAPPER")  # fmt: skip


def blocks(page, language):
    """The code blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def test_every_profile_has_a_page_and_every_page_a_profile():
    """issue #5: a page per dialect in docs/dialects."""
    assert {page.stem for page in PAGES} == {*PROFILES, "README", "profiles"}


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_a_page_says_how_what_and_what_not(name):
    """issue #5: how to switch tracing on, what you will see, what it does not emit."""
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    assert re.findall(r"^## .*$", text, re.MULTILINE) == HEADINGS
    told = dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", text.partition(HEADINGS[2])[2], re.M))
    assert told == PROFILES[name].not_emitted


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_and_code_can_be_read_by_what_they_are_for(page):
    """issue #5: tested commands: their syntax here, the engines themselves in `make engines`."""
    for code in blocks(page, "python"):
        ast.parse(code)
    for command in blocks(page, "sh"):
        subprocess.run(["bash", "-n"], input=command, text=True, check=True)
        for name in re.findall(r"export (\w+)=", command):
            assert VARIABLES.fullmatch(name), name
    for text in blocks(page, "toml"):
        tomllib.loads(text)
    for text in blocks(page, "json"):
        json.loads(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_addresses_are_those_that_the_collector_listens_on(page):
    """issue #5: a page points the engine at us."""
    otlp = Settings().otlp
    ports = {"grpc": otlp.grpc.rpartition(":")[2], "http": otlp.http.rpartition(":")[2]}
    text = page.read_text(encoding="utf-8")
    for port in re.findall(r"https?://(?:127\.0\.0\.1|collector[\w.]*):(\d+)", text):
        assert port in ports.values()
    for port in re.findall(r":(\d+)/v1/traces", text):
        assert port == ports["http"]
    for command in blocks(page, "sh"):
        protocol = re.search(r"OTLP_PROTOCOL=(\w+)", command)
        if protocol:
            assert f":{ports[protocol[1]]}" in command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    """ours: docs are true in every commit."""
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (FOLDER / target).exists(), target


def test_the_tutorial_names_all_that_a_profile_can_say():
    """issue #5: write your own profile."""
    text = (FOLDER / "profiles.md").read_text(encoding="utf-8")
    keys = [*profile._KEYS, *profile._RULE_KEYS, *itertools.chain(*profile._CHOICES.values())]
    known = [*keys, *profile.TELLABLE, *ROLES, *macros._SQL_MACROS, *macros._LEAVES]
    assert [word for word in known if not re.search(rf"`{word}\b", text)] == []


def test_the_example_of_the_tutorial_does_what_it_says():
    """issue #5: its example is run by a test."""
    page = FOLDER / "profiles.md"
    message, _ = to_message("traces", blocks(page, "json")[0].encode())
    nightcrawl = parse(blocks(page, "toml")[0], "nightcrawl.toml")
    head, *lines = [re.split(r"  +", line) for line in blocks(page, "text")[0].splitlines()]
    question = blocks(page, "sql")[0]
    with history() as store:
        store.take(message)
        plain = store.rows(
            "select workflow_name, step_name from steps join executions using (execution_id)"
        )
        assert plain == [{"workflow_name": "nc.run", "step_name": "nc.task"}] * 3
    with history(profiles=[nightcrawl, *load_shipped()]) as store:
        store.take(message)
        found = store.rows(question)
        errors = store.rows("select error_message from attempts where status = 'failed'")
    assert [[str(value) for value in row.values()] for row in found] == lines
    assert list(found[0]) == head
    assert errors == [{"error_message": "no route to host"}]

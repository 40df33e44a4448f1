"""Profiles of users with the real command: at the start, and in a remap without a server."""

import json

import pytest

from stepscope_collector.cli.server import run_server
from tests.integration.cli import history
from tests.integration.cli.conftest import stepscope

pytestmark = pytest.mark.e2e

SHOP = """
name = "shop"
description = "our shop"
priority = 70
detect = "scope_name = 'shop'"
[[rules]]
name = "all"
when = "true"
role = "execution"
execution_id = "'shop-' || printf('%016x', s.span_id)"
workflow_name = "s.name"
"""


def test_a_wrong_profile_ends_the_start_with_its_name_and_the_remedy(tmp_path):
    """issue #5: checked at load with errors that name file, key and the nearest valid one."""
    profiles = tmp_path / "data" / "profiles"
    profiles.mkdir(parents=True)
    (profiles / "shop.toml").write_text(SHOP.replace("scope_name", "scope_nam"))
    result = stepscope("serve", "--data", tmp_path / "data")
    assert (result.code, result.out) == (2, "")
    assert f"profile {profiles / 'shop.toml'}: detect is not right: unknown column" in result.err
    assert "did you mean 'scope_name'?" in result.err
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["profiles"]
    result = stepscope("serve", "--data", tmp_path / "data", "--profiles-dir", tmp_path / "none")
    assert result.code == 2
    assert "is no directory" in result.err


def test_a_remap_without_a_server_uses_the_users_profiles(tmp_path):
    """issue #5: remap re-derives history after a profile changed."""
    data = tmp_path / "data"
    data.mkdir()
    with run_server(data, tmp_path / "log") as endpoints:
        history.send_spans(endpoints.otlp_http, [history.span(1, 7, 0, "sale", 0, 9)], "shop")
    (data / "profiles").mkdir()
    (data / "profiles/shop.toml").write_text(SHOP)
    remapped = stepscope("remap", "--dialect", "shop", "--data", data)
    assert (remapped.code, remapped.err) == (0, "")
    asked = "select dialect, execution_id, workflow_name from executions"
    result = stepscope("sql", asked, "--data", data, "--format", "csv")
    assert result.out.split()[-1] == "shop,shop-0000000000000007,sale"


def test_dialects_answers_the_same_with_and_without_a_server(tmp_path):
    """issue #5: stepscope dialects; what an engine does not emit is an answer."""
    data = tmp_path / "data"
    (data / "profiles").mkdir(parents=True)
    told = SHOP.replace("[[rules]]", '[not_emitted]\noutput = "nobody asks"\n[[rules]]', 1)
    (data / "profiles/shop.toml").write_text(told)
    asked = ("dialects", "--data", data, "--seen")
    with run_server(data, tmp_path / "log") as endpoints:
        history.send_spans(endpoints.otlp_http, [history.span(1, 7, 0, "sale", 0, 9)], "shop")
        live = stepscope(*asked, "--format", "json")
    (found,) = json.loads(live.out)
    assert (found["dialect"], found["origin"], found["execution_count"]) == ("shop", "own", 1)
    assert found["source"] == str(data / "profiles/shop.toml")
    assert stepscope(*asked, "--format", "json").out == live.out
    assert (
        stepscope(*asked, "--format", "csv").out.splitlines()[1].startswith("shop,our shop,,own,")
    )
    assert stepscope(*asked).out.splitlines()[1].split()[-1] == "output"
    shown = stepscope("show", "shop-0000000000000007", "--data", data).out
    assert shown.endswith("Not emitted by our shop\n  output  nobody asks\n")


def test_a_span_is_explained_the_same_with_and_without_a_server(tmp_path):
    """issue #5: stepscope explain-span TRACE SPAN, on the running server and on a file."""
    data = tmp_path / "data"
    (data / "profiles").mkdir(parents=True)
    (data / "profiles/shop.toml").write_text(SHOP)
    asked = ("explain-span", f"{1:032x}", f"{7:016X}", "--data", data)
    with run_server(data, tmp_path / "log") as endpoints:
        history.send_spans(endpoints.otlp_http, [history.span(1, 7, 0, "sale", 0, 9)], "shop")
        live = stepscope(*asked, "--format", "json")
    (told,) = json.loads(live.out)["spans"]
    assert (told["dialect"], told["execution_id"]) == ("shop", "shop-0000000000000007")
    assert told["candidates"][1]["source"] == str(data / "profiles/shop.toml")
    assert stepscope(*asked, "--format", "json").out == live.out
    assert "  role       execution: role of rule all\n" in stepscope(*asked).out
    missing = stepscope("explain-span", f"{2:032x}", f"{7:016x}", "--data", data)
    assert missing.code == 7
    assert "no span 0000000000000007 in trace" in missing.err


def test_a_trace_of_no_profile_is_shown_with_and_without_its_root(tmp_path):
    """issue #5: unmapped traces are still useful, end to end."""
    data = tmp_path / "data"
    data.mkdir()
    trace = f"{1:032x}"
    with run_server(data, tmp_path / "log") as endpoints:
        children = [history.span(1, 8, 7, "query", 2, 5), history.span(1, 9, 8, "fetch", 3, 4)]
        history.send_spans(endpoints.otlp_http, children, "shop")
        early = stepscope("show", trace, "--data", data, "--format", "json")
        history.send_spans(endpoints.otlp_http, [history.span(1, 7, 0, "sale", 0, 9)], "shop")
        late = stepscope("show", trace, "--data", data)
        listed = stepscope("executions", "--dialect", "otel", "--data", data, "--format", "json")
    document = json.loads(early.out)
    assert (document["execution"]["status"], document["execution"]["ended_at"]) == ("unknown", None)
    assert [step["step_name"] for step in document["steps"]] == ["query", "fetch"]
    assert "  workflow      sale\n" in late.out
    assert "Steps (2)\n" in late.out
    (row,) = json.loads(listed.out)
    assert (row["execution_id"], row["status"], row["attempt_count"]) == (trace, "success", 2)

"""`stepscope demo`: what `make demo` runs."""

import json
import re
from pathlib import Path

import pytest

from tests.integration.cli.conftest import stepscope

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_the_demo_prints_the_whole_story_with_its_sql(tmp_path):
    """issue #2, R149: list, one execution in full, percentiles, the SQL behind each; exits 0."""
    data = tmp_path / "history"
    result = stepscope("demo", "--data", data)
    assert result.code == 0, result.err
    headings = re.findall(r"^== (.*) ==$", result.out, re.MULTILINE)
    assert headings == [
        f"{len(list(EXAMPLES.glob('0*.py')))} programs, each in a process of its own",
        "The executions",
        "A failed execution",
        "A step that was tried three times",
        "An execution with children",
        "One of the children, its steps in parallel",
        "Durations per workflow",
    ]
    failed = result.out.partition("== A failed execution ==")[2].partition("\n== ")[0]
    assert "CardDeclinedError: the bank declined 42.00 on the card ending in 0002" in failed
    assert "Traceback (most recent call last):" in failed
    assert "in ask_bank" in failed
    assert '"order_id": 1018' in failed
    retried = result.out.partition("== A step that was tried three times ==")[2]
    assert "download (3 attempts)" in retried
    assert re.search(r"attempt 1 of 5 +failed .*ConnectionError: connection reset by peer", retried)
    assert re.search(r"attempt 2 of 5 +timed_out .*TimeoutError: no answer in 30 s", retried)
    assert "Child executions (3)" in result.out
    # The SQL that was printed gives the same answers again, asked of the file.
    counted = stepscope("sql", "--data", data, "--format", "json",
                        "select count(*) as n from executions")  # fmt: skip
    assert json.loads(counted.out) == [{"n": 445}]
    printed = re.findall(r"^  (select \* from executions where started_at .*);$", result.out,
                         re.MULTILINE)  # fmt: skip
    again = stepscope("sql", "--data", data, "--format", "ndjson", printed[0])
    assert len(again.out.splitlines()) == 9
    assert sorted(path.name for path in data.iterdir()) == ["demo-server.log", "stepscope.duckdb"]
    assert str(data / "stepscope.duckdb") in result.out.splitlines()[-4]
    # R149: a realistic history.
    question = (
        "select count(distinct workflow_id) as workflows, count(*) filter (status = 'failed') as failed, "
        "count(distinct user_id) as users, count(parent_execution_id) as children, "
        "(select count(*) from step_retries) as retried, (select count(*) from failure_clusters) as kinds, "
        "count(distinct started_at::date) >= 7 as is_a_week from executions"
    )
    told = stepscope("sql", "--data", data, "--format", "json", question)
    ((row),) = json.loads(told.out)
    assert row.pop("retried") >= 4
    assert row.pop("kinds") >= 5
    assert row == {
        "workflows": 18, "failed": 11, "users": 4, "children": 155, "is_a_week": True,
    }  # fmt: skip


def test_the_demo_may_run_again_on_the_same_history(tmp_path):
    """ours: only what this run made is counted."""
    assert stepscope("demo", "--data", tmp_path).code == 0
    again = stepscope("demo", "--data", tmp_path)
    assert again.code == 0, again.err
    stats = json.loads(stepscope("stats", "--data", tmp_path, "--format", "json").out)
    assert {row["workflow_id"]: row["count"] for row in stats}["checkout"] == 4


def test_without_examples_the_demo_says_where_they_are(tmp_path):
    """ours: a wheel has no examples."""
    result = stepscope("demo", "--data", tmp_path, "--examples", tmp_path)
    assert result.code == 7
    assert "the examples are part of the source repository" in result.err


def test_a_program_that_fails_ends_the_demo_with_its_reason(tmp_path):
    """issue #2: exits 0 only when everything expected is there."""
    (tmp_path / "expected.json").write_text('{"broken.py": []}')
    (tmp_path / "broken.py").write_text("raise SystemExit('no luck')")
    result = stepscope("demo", "--data", tmp_path / "data", "--examples", tmp_path)
    assert result.code == 1
    assert "broken.py ended with exit code 1: no luck" in result.err
    assert not (tmp_path / "data" / "endpoints.json").exists()

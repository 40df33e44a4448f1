"""docs/cookbook.md on two weeks of a shop that came in through the real write path."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stepscope_collector.config import SqlConfig
from stepscope_collector.query.adhoc import run_sql
from stepscope_collector.store import Database
from tests.strategies.shop import Shop
from tests.unit.collector.taking import taking

PAGE = (Path(__file__).parents[2] / "docs" / "cookbook.md").read_text("utf-8")
RECIPES = dict(re.findall(r"^### ([^\n]+)\n\n```sql\n(.*?)^```", PAGE, re.M | re.S))


@pytest.fixture(scope="module")
def history() -> Iterator[Database]:
    """The shop."""
    shop = Shop(time.time_ns())
    with taking() as took:
        took.take(shop.traces.SerializeToString())
        took.take(shop.logs.SerializeToString(), "logs")
        yield took.database


def answer(history: Database, title: str) -> list[dict[str, Any]]:
    with run_sql(history, SqlConfig(), RECIPES[title]) as running:
        names = [column.name for column in running.columns]
        return [dict(zip(names, row, strict=True)) for batch in running.batches() for row in batch]


def test_the_cookbook_has_forty_recipes_and_more() -> None:
    """issue #7: a block that the test does not see would not be run."""
    assert len(RECIPES) >= 40
    assert len(RECIPES) == PAGE.count("```sql") == PAGE.count("\n### ")


@pytest.mark.parametrize("title", RECIPES)
def test_each_recipe_has_an_answer(history: Database, title: str) -> None:
    """issue #7: every statement of the cookbook is run, on data where it has something to say."""
    rows = answer(history, title)
    assert rows
    assert all(any(row[name] is not None for row in rows) for name in rows[0])


def test_recipes_are_right(history: Database) -> None:
    """R108, R028: what was put into the history comes out."""
    (declined, *_) = answer(history, "Which step makes a workflow fail")
    assert (declined["step_name"], declined["error_type"]) == ("pay", "shop.Declined")
    lift = answer(
        history, "What failed executions have in common: parameters with the greatest lift"
    )
    assert (lift[0]["param_name"], lift[0]["param_value"]) == ("country", "FR")
    slower = answer(history, "Steps whose median grew by half since last week")
    assert [row["step_name"] for row in slower] == ["pay"]
    flaky = answer(history, "Steps that pass only after another try")
    assert [row["step_name"] for row in flaky] == ["pay"]
    assert [row["error_type"] for row in answer(history, "Errors that another try healed")] == [
        "TimeoutError"
    ]
    gone = answer(history, "Workflows that were not seen this week but before")
    assert [row["workflow_name"] for row in gone] == ["import"]
    steps = answer(history, "Steps that a version has and the one before has not")
    assert {row["step_name"]: row["has_it"] for row in steps} == {
        "ship": "1.0",
        "ship with label": "1.1",
    }
    differ = answer(
        history, "Parameters that differ between a failed execution and the last good one"
    )
    assert {"country"} <= {row["param_name"] for row in differ}
    started = answer(history, "Which workflow starts which")
    assert started == [{"parent": "etl", "child": "report", "executions": 13}]
    tokens = answer(history, "The most expensive executions by tokens")
    assert tokens[0]["execution_id"] == "assistant-13"
    assert tokens[0]["tokens"] == 2 * 113 + 20 + 21
    (waste,) = (
        r
        for r in answer(history, "Time spent on executions that failed")
        if r["workflow_name"] == "etl"
    )
    assert (waste["failed"], waste["wasted_s"]) == (1, 609.0)
    users = answer(history, "A user's 10 most recent executions")
    assert len(users) == 10
    assert users == sorted(users, key=lambda row: row["started_at"], reverse=True)
    assert answer(history, "What went silent")[0]["workflow_name"] == "etl"
    gaps = [
        row
        for row in answer(history, "Runs that did not come when they were due")
        if row["workflow_id"] == "etl"
    ]
    assert [row["missing_count"] for row in gaps][-1:] == [1]

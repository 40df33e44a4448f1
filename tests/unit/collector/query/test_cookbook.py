import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stepscope_collector.config import SqlConfig
from stepscope_collector.query.adhoc import run_sql
from stepscope_collector.store import Connection, Database
from tests.unit.collector.query.history import (
    SECOND,
    add_execution,
    add_log,
    add_payload,
    add_span,
    insert,
    open_memory,
)

PAGE = Path(__file__).parents[4] / "docs" / "sql.md"
RECIPES = dict(
    re.findall(
        r"^### ([^\n]+)\n(?:(?!^###).)*?^```sql\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S
    )
)


@pytest.fixture(scope="module")
def history() -> Iterator[Database]:
    """An afternoon of a shop."""
    with open_memory() as database:
        _fill(database.writer(), time.time_ns())
        yield database


def _fill(writer: Connection, now_ns: int) -> None:
    for number in range(6):
        execution_id = f"checkout-{number}"
        start = now_ns - (6 - number) * 600 * SECOND
        lasted = 40 * SECOND if number == 5 else (number + 1) * SECOND
        error = (
            {"error_type": "shop.Declined", "error_message": f"order {number} declined"}
            if number in {2, 4}
            else {}
        )
        status = "failed" if error else "success"
        add_execution(
            writer, execution_id, workflow_id="checkout", workflow_name="Checkout",
            workflow_version=f"1.{number // 3}", user_id="ann", tags='["nightly"]',
            started_unix_nano=start, queued_unix_nano=start - SECOND, last_start_unix_nano=start + lasted,
            final_end_unix_nano=start + lasted, status=status, **error,
        )  # fmt: skip
        for place, step in enumerate(("reserve", "pay", "pay", "ship")):
            is_last = step == "ship"
            stack = [{
                "time_unix_nano": start, "name": "exception",
                "attributes": {"exception.stacktrace": "Traceback …"}, "attribute_types": None,
                "dropped_attributes_count": 0,
            }]  # fmt: skip
            add_span(
                writer, execution_id, 10 * (number + 1) + place, step_name=step, step_id=step,
                start_time_unix_nano=start + place * SECOND // 10,
                end_time_unix_nano=start + (place + 1) * SECOND // 10,
                attempt=2 if place == 2 else 1, attributes={"http.route": f"/{step}"},
                status="failed" if place == 1 or (is_last and error) else "success",
                events=stack if is_last and error else None, **(error if is_last else {}),
            )  # fmt: skip
        add_payload(writer, execution_id, "params", '{"customer": "42", "city": "Berlin"}')
        add_payload(writer, execution_id, "output", f'{{"total": {number}.5}}')
        add_log(writer, execution_id=execution_id, body="paid", time_unix_nano=start)
    add_execution(writer, "etl-1", workflow_name="etl", started_unix_nano=now_ns - SECOND,
                  last_seen_unix_nano=now_ns)  # fmt: skip
    add_execution(writer, "etl-2", workflow_name="etl", started_unix_nano=now_ns - SECOND,
                  root_execution_id="etl-1", parent_execution_id="etl-1",
                  last_seen_unix_nano=now_ns)  # fmt: skip
    add_execution(writer, "gone", workflow_name="etl", started_unix_nano=now_ns - 10**14)
    insert(writer, "rejections", received_at="2026-07-24 10:00:00", signal="traces",
           reason="bad_span_id", message="no", rejected_count=1, payload_bytes=10)  # fmt: skip


def test_the_cookbook_has_twenty_recipes_and_more() -> None:
    """issue #2: a cookbook; a block that the test does not see would not be run."""
    assert len(RECIPES) >= 20
    assert len(RECIPES) == PAGE.read_text("utf-8").count("```sql")


@pytest.mark.parametrize("title", RECIPES)
def test_each_recipe_has_an_answer(history: Database, title: str) -> None:
    """issue #2: docs/sql.md, whose every statement is run by a test."""
    with run_sql(history, SqlConfig(), RECIPES[title]) as running:
        rows = [row for batch in running.batches() for row in batch]
    assert rows
    assert any(value is not None for value in rows[0])


def answer(history: Database, title: str) -> list[list[object]]:
    with run_sql(history, SqlConfig(), RECIPES[title]) as running:
        return [row for batch in running.batches() for row in batch]


def test_recipes_are_right(history: Database) -> None:
    """R108, R109, R110: a user's 10 most recent, steps as a list, the log in order."""
    assert [row[0] for row in answer(history, "A user's 10 most recent executions")] == [
        f"checkout-{number}" for number in (5, 4, 3, 2, 1, 0)
    ]
    whole = answer(history, "All of it in one row, steps as a list")
    assert len(whole) == 1
    steps = whole[0][3]
    assert isinstance(steps, list)
    assert [(step["step"], step["attempts"]) for step in steps] == [
        ("reserve", 1), ("pay", 2), ("ship", 1),
    ]  # fmt: skip
    assert [row[4] for row in answer(history, "Its log in order")] == ["paid"]
    errors = answer(history, "Errors of the same kind together")
    assert [row[:3] for row in errors] == [["shop.Declined", "order # declined", 2]]
    assert {row[0] for row in answer(history, "The step that failed first")} == {
        "checkout-2", "checkout-4",
    }  # fmt: skip
    slower = answer(history, "Executions slower than usual for their workflow")
    assert [row[0] for row in slower] == ["checkout-5"]


def test_recipes_of_comparison_are_right(history: Database) -> None:
    """R060, R116, R153: last success before a failure, back-off, lift of a version."""
    before = answer(history, "The last success before each failure")
    assert [(row[0], row[3]) for row in before] == [
        ("checkout-4", "checkout-3"),
        ("checkout-2", "checkout-1"),
    ]
    assert answer(history, "Time lost between attempts") == [["Checkout", "pay", 6, 0.0]]
    versions = answer(history, "Which versions fail more often than the others")
    third = pytest.approx(1 / 3)
    assert sorted(versions) == [["1.0", 3, third, 1.0], ["1.1", 3, third, 1.0]]

"""docs/statistics.md, whose every statement is run here."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stepscope_collector.config import SqlConfig
from stepscope_collector.query.adhoc import run_sql
from stepscope_collector.store import Connection, Database
from stepscope_schema.columns import relations
from tests.unit.collector.query.history import SECOND, add_execution, add_span, open_memory

PAGE = (Path(__file__).parents[4] / "docs" / "statistics.md").read_text("utf-8")
STATEMENTS = dict(
    re.findall(r"^### ([^\n]+)\n(?:(?!^###).)*?^```sql\n(.*?)^```", PAGE, re.M | re.S)
)
HOUR = 3600 * SECOND


@pytest.fixture(scope="module")
def history() -> Iterator[Database]:
    """A shop whose workflow runs every hour, fails now and then and has become slow."""
    with open_memory() as database:
        _fill(database.writer(), time.time_ns())
        yield database


def _fill(writer: Connection, now_ns: int) -> None:
    for number in range(60):
        start = now_ns - (65 - number) * HOUR
        lasted = (100 if number > 45 else 10) * SECOND + number * 1_000_000
        is_failed = number % 6 == 5
        error = (
            {"error_type": "shop.Declined", "error_message": f"order {number} declined"}
            if is_failed
            else {}
        )
        status = "failed" if is_failed else "success"
        add_execution(
            writer, f"checkout-{number:02}", workflow_id="checkout", workflow_name="Checkout",
            workflow_version=f"1.{number // 20}", user_id="ann", project="shop",
            started_unix_nano=start, last_start_unix_nano=start + 3 * SECOND,
            final_end_unix_nano=start + lasted, status=status, **error,
        )  # fmt: skip
        for attempt in (1, 2) if number % 3 == 2 else (1,):
            failed = is_failed or (number % 3 == 2 and attempt == 1)
            add_span(
                writer, f"checkout-{number:02}", 10 * number + attempt, step_name="pay",
                step_id="pay", attempt=attempt, start_time_unix_nano=start + attempt * SECOND,
                end_time_unix_nano=start + (attempt + 1) * SECOND // 2 + attempt * SECOND,
                status="failed" if failed else "success",
                **({"error_type": "shop.Declined", "error_message": f"order {number} declined"}
                   if failed else {}),
            )  # fmt: skip


def test_every_statement_is_seen() -> None:
    """issue #7: a block that the test does not see would not be run."""
    assert len(STATEMENTS) == PAGE.count("```sql") > 5


@pytest.mark.parametrize("title", STATEMENTS)
def test_each_statement_has_an_answer(history: Database, title: str) -> None:
    """issue #7: each statistic has a page with tested statements."""
    with run_sql(history, SqlConfig(), STATEMENTS[title]) as running:
        rows = [row for batch in running.batches() for row in batch]
    assert rows
    assert any(value is not None for value in rows[0])


def test_the_page_names_each_view_there_is() -> None:
    """issue #7: every view of statistics stands in the table of the page."""
    views = {relation.name for relation in relations() if relation.kind == "view"}
    endings = ("_stats", "_hours", "_days", "_histogram", "_retries", "_clusters", "_cadence", "_gaps",
               "_regressions", "failures")  # fmt: skip
    statistics = {name for name in views if name.endswith(endings)}
    assert statistics == {name for name in statistics if f"`{name}`" in PAGE}

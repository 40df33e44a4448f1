"""Statistics over chosen executions equal those of a history that holds only these."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from stepscope_collector.query.statistic_names import STATISTICS
from stepscope_collector.query.statistics import slowest_steps, statistic_rows
from stepscope_collector.store import Connection, Database
from tests.unit.collector.query.history import SECOND, add_execution, add_span, open_memory

START = 1_760_000_000 * SECOND
NOW = START + 200 * 3600 * SECOND


def fill(writer: Connection, users: tuple[str, ...]) -> None:
    """An execution an hour, by turns of ann and bob; some steps and executions fail."""
    for number in range(120):
        user = ("ann", "bob")[number % 2]
        if user not in users:
            continue
        start, name = START + number * 3600 * SECOND, f"e-{number:03}"
        is_failed = number % 7 == 3
        error = {"error_type": "shop.Declined", "error_message": f"order {number} declined"}
        status = "failed" if is_failed else "success"
        lasted = (number % 11 + (20 if number > 100 else 10)) * SECOND
        add_execution(
            writer, name, workflow_id=f"w{number % 3}", workflow_name=f"W{number % 3}",
            workflow_version=f"1.{number // 40}", user_id=user, project=f"p{number % 2}",
            started_unix_nano=start, last_start_unix_nano=start + 3 * SECOND,
            final_end_unix_nano=start + lasted, status=status, **(error if is_failed else {}),
        )  # fmt: skip
        for attempt in (1, 2) if number % 5 == 0 else (1,):
            was_bad = is_failed or (number % 5 == 0 and attempt == 1)
            add_span(
                writer, name, 10 * number + attempt, step_name="pay", step_id="pay",
                attempt=attempt, start_time_unix_nano=start + attempt * SECOND,
                end_time_unix_nano=start + (attempt + number % 4 + 1) * SECOND,
                status="failed" if was_bad else "success", **(error if was_bad else {}),
            )  # fmt: skip


@pytest.fixture(scope="module")
def histories() -> Iterator[tuple[Database, Database]]:
    """All executions, with rollups of removed ones; only those of ann."""
    with open_memory() as whole, open_memory() as part:
        fill(whole.writer(), ("ann", "bob"))
        fill(part.writer(), ("ann",))
        whole.writer().execute(
            "insert into stored.rollups by name select make_timestamp_ns($at) as hour_at, 'w0' as "
            "workflow_id, 'p0' as project, unnest([null, 'pay']) as step_name, 'success' as status,"
            " 5 as count, 5 as ended, 0 as retries, 0 as timed, 0 as total_ns",
            {"at": START // (3600 * SECOND) * 3600 * SECOND},
        )
        yield whole, part


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize(
    "filters", [{"filter": "user = ann"}, {"filter": "user = ann and step = pay"}]
)
def test_a_filter_chooses_the_executions_of_every_statistic(histories, name, filters):
    """issue #7: one filter language for every face; a statistic of chosen executions is a recount of them."""
    whole, part = histories
    found = statistic_rows(whole, name, filters, now_ns=NOW)
    expected = statistic_rows(part, name, {}, now_ns=NOW)
    if name == "gaps":  # how late what has not come is goes on while we look
        found, expected = (
            [replace(row, late_ns=0) for row in rows] for rows, _ in (found, expected)
        )
    assert found == expected
    assert found[0]
    assert statistic_rows(whole, name, {"filter": "user = nobody"}, now_ns=NOW) == ([], False)


def test_a_filter_chooses_the_executions_of_the_slowest_steps(histories):
    """issue #7: the slowest tries of chosen executions."""
    whole, part = histories
    found = slowest_steps(whole, {"filter": "user = ann"}, now_ns=NOW)
    assert found == slowest_steps(part, {}, now_ns=NOW)
    assert len(found) == 20
    assert slowest_steps(whole, {"filter": "user = nobody"}, now_ns=NOW) == []


def test_a_filter_and_a_parameter_of_the_rows_hold_both(histories):
    """issue #7: what a statistic is asked by stays beside the filter."""
    whole, part = histories
    found = statistic_rows(whole, "days", {"filter": "user = ann", "workflow": "W1"}, now_ns=NOW)
    assert found == statistic_rows(part, "days", {"workflow": "w1"}, now_ns=NOW)
    assert {row.workflow_id for row in found[0]} == {"w1"}


def test_without_a_filter_what_was_removed_counts(histories):
    """ours: only a filter, which cannot choose among rollups, leaves them out."""
    whole, _ = histories
    rows, _ = statistic_rows(whole, "days", {}, now_ns=NOW)
    assert sum(row.count for row in rows) == 120 + 5

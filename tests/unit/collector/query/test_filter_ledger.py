"""Questions that users of older systems asked, one by one, as filters."""

from collections.abc import Iterator

import pytest

from stepscope_collector.errors import QueryTimeout
from stepscope_collector.query.executions import execution_page
from stepscope_collector.query.filter.parser import MAX_SEARCHES
from stepscope_collector.store import Database
from tests.unit.collector.query.history import (
    DAY,
    NOW_NS,
    SECOND,
    add_execution,
    add_log,
    add_payload,
    add_span,
    open_memory,
)


@pytest.fixture(scope="module")
def shop() -> Iterator[Database]:
    """A few executions of a shop, each with one thing to be found by."""
    with open_memory() as database:
        writer = database.writer()

        def add(id: str, workflow: str, days: int, **row: object) -> None:  # noqa: A002 short for what it is
            start = NOW_NS - days * DAY
            full = {"final_end_unix_nano": start + SECOND, "status": "success", **row}
            add_execution(
                writer, id, workflow_id=workflow, started_unix_nano=start,
                last_start_unix_nano=start + SECOND, **full,
            )  # fmt: skip

        add("paid", "checkout", 1, exit_code=0, user_id="ann")
        add("declined", "checkout", 2, status="failed", error_type="Declined", exit_code=3)
        add(
            "again",
            "billing",
            2,
            status="failed",
            error_type="Declined",
            error_message="Karte gesperrt",
        )
        add("before", "billing", 3)
        add("open", "etl", 0, final_end_unix_nano=None, status=None, last_seen_unix_nano=2**63)
        for id, customer in (("paid", 42), ("declined", "43"), ("again", "zo\\u00eb")):  # noqa: A001 short for what it is
            value = customer if isinstance(customer, int) else f'"{customer}"'
            add_payload(writer, id, "params", f'{{"customer": {value}}}')
        for attempt, expected in ((1, True), (2, False), (3, None)):
            add_span(
                writer, "declined", attempt, step_id="pay", step_name="pay", attempt=attempt,
                status="success" if attempt == 3 else "failed", is_expected_retry=expected,
                start_time_unix_nano=NOW_NS - 2 * DAY + attempt,
            )  # fmt: skip
        add_payload(
            writer, "before", "output", '"Invoice 4711"', start_time_unix_nano=NOW_NS - 3 * DAY
        )
        add_log(writer, execution_id="paid", body="оплата прошла", severity_number=9)
        add_log(writer, execution_id="declined", body="Retrying", severity_number=13)
        add_log(writer, execution_id="again", body="gave up", severity_number=17)
        yield database


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("exit_code<>0 and exit_code != none", ["declined"], id="R062 exit code"),
        pytest.param("params.customer = 42", ["paid"], id="R064 param equals"),
        pytest.param('params.customer != "42" and params.customer != none', ["again", "declined"],
                     id="R064 param differs"),
        pytest.param("params.customer < 43", ["paid"], id="R064 param is less"),
        pytest.param("params.customer ~ ZOË", ["again"], id="R064 param contains"),
        pytest.param("log ~ ОПЛАТА", ["paid"], id="R091 search logs by text, any language"),
        pytest.param("start > -60h and log ~ retry", ["declined"], id="R091 with a time"),
        pytest.param("workflow = checkout and start > -36h and status = success", ["paid"],
                     id="R092 workflow, dates and status"),
        pytest.param("log(severity >= error)", ["again"], id="R101 level"),
        pytest.param("log(severity = warn)", ["declined"], id="R101 one level"),
        pytest.param("unexpected_retries > 0", ["declined"], id="R117 unexpected retries"),
        pytest.param("attempt(status = failed and expected)", ["declined"], id="R117 expected"),
        pytest.param("text ~ gesperrt or text ~ прошла or text ~ ETL", ["again", "open", "paid"],
                     id="R157 one box"),
        pytest.param("text ~ BEFOR", ["before"], id="R157 an id"),
        pytest.param("text ~ Zoë", ["again"], id="R157 a param"),
        pytest.param('text ~ "invoice 4711"', ["before"], id="R157 an output"),
        pytest.param("text ~ PAY", ["declined"], id="R157 a step"),
        pytest.param("status = failed and never_succeeded_later", ["again"], id="never succeeded"),
        pytest.param("status = failed and not never_succeeded_later", ["declined"], id="did later"),
        pytest.param("duration = none and end = none", ["open"], id="what runs"),
    ],
)  # fmt: skip
def test_what_users_asked_for_is_one_filter(shop: Database, text: str, found: list[str]) -> None:
    """R062, R064, R091, R092, R101, R117, R157 and issue #7: each as a filter of a list."""
    page = execution_page(shop, {"filter": text}, now_ns=NOW_NS, is_counted=True)
    assert sorted(row.execution_id for row in page.executions) == found
    assert page.counts is not None
    assert sum(count.count for count in page.counts) == len(found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("trigger = schedule", ["cron", "schedule", "scheduled"]),
        ("trigger = cron", ["cron", "schedule", "scheduled"]),
        ("trigger = Scheduled", ["cron", "schedule", "scheduled"]),
        ("trigger in (http, event)", ["event", "http", "internal_event", "webhook"]),
        ("trigger != cron and trigger != webhook", ["api", "event", "internal_event", "queue"]),
        ("trigger = queue", ["queue"]),
        ("trigger = Queue", []),
        ("trigger ~ CRO", ["cron"]),
    ],
)
def test_a_trigger_is_found_by_every_word_for_it(
    database: Database, text: str, found: list[str]
) -> None:
    """R007, R036: words of older systems are aliases in filters; what was sent is kept."""
    words = (
        "api",
        "cron",
        "event",
        "http",
        "internal_event",
        "queue",
        "schedule",
        "scheduled",
        "webhook",
    )
    for word in words:
        add_execution(database.writer(), word, trigger_type=word)
    page = execution_page(database, {"filter": text}, now_ns=NOW_NS)
    assert sorted(row.execution_id for row in page.executions) == found
    if text.count(" ") == 2 and " = " in text:
        option = {"trigger": text.split()[-1]}
        again = execution_page(database, option, now_ns=NOW_NS)
        assert sorted(row.execution_id for row in again.executions) == found


def test_a_filter_that_takes_too_long_is_ended(database: Database) -> None:
    """issue #7: no question blocks others; the time of user SQL holds for costly filters, too."""
    writer = database.writer()
    add_execution(writer, "e")
    add_payload(writer, "e", "params", '{"text": "' + "x" * 200 + '"}')
    for _ in range(17):
        writer.execute("insert into stored.payloads from stored.payloads")
    filters = {"filter": " or ".join(["params ~ y"] * MAX_SEARCHES)}
    with pytest.raises(QueryTimeout):
        execution_page(database, filters, now_ns=NOW_NS, timeout_s=0.01)
    found = execution_page(database, {"filter": "params ~ X"}, now_ns=NOW_NS, timeout_s=60)
    assert [row.execution_id for row in found.executions] == ["e"]

"""Lists in the order of values at paths."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from stepscope_collector.errors import BadRequest
from stepscope_collector.query.columns import parse_columns
from stepscope_collector.query.executions import execution_page
from stepscope_collector.store import Database
from tests.unit.collector.query.history import (
    NOW_NS,
    SECOND,
    add_execution,
    add_payload,
    add_span,
    insert,
    open_memory,
)

VALUES: list[Any] = [
    3, 12, "9", -1.5, "b", "a", "Zoë", "東京", None, True, {"x": 1}, 3, 3.0, "b", 1e300, "nan", "",
    [1], "inf", None, 0,
]  # fmt: skip
"""At params.v of one execution each; None: null, and the last one has no params."""
ORDERS = [
    f"{sign}{path}"
    for sign in ("", "-")
    for path in (
        "params.v",
        "output.v",
        "attributes.v",
        "resource.host.name",
        "attributes.error.type",
    )
]


@pytest.fixture(scope="module")
def history() -> Iterator[Database]:
    with open_memory() as database:
        writer = database.writer()
        for number in (1, 2):
            insert(
                writer, "resources", resource_id=number, schema_url="", service_name="web",
                dropped_attributes_count=0, attributes={"host.name": f"worker-{number}"},
            )  # fmt: skip
        for number, value in enumerate(VALUES):
            start = NOW_NS + number * SECOND
            name = f"e{number:02}"
            add_execution(
                writer, name, started_unix_nano=start, last_start_unix_nano=start, final_span_id=7,
                final_end_unix_nano=start + SECOND, status="failed" if number % 3 else "success",
            )  # fmt: skip
            text = value if isinstance(value, str) else json.dumps(value)
            attributes = None if value is None else {"v": text}
            add_span(
                writer, name, 7, start_time_unix_nano=start, attributes=attributes,
                resource_id=1 + number % 2, error_type="B" if number % 4 else "A", home_bits=1 << 10,
            )  # fmt: skip
            add_payload(
                writer, name, "params", json.dumps({"v": value}), start_time_unix_nano=start
            )
            # A step says something else first; the execution's own counts.
            add_payload(
                writer, name, "output", '{"v": 5}', span_id=3, start_time_unix_nano=start - 1
            )
            body = json.dumps({"v": value})
            add_payload(writer, name, "output", body, span_id=7, start_time_unix_nano=start)
        yield database


def walk(database: Database, order: str, limit: int, **filters: str) -> list[str]:
    seen: list[str] = []
    cursor = None
    while True:
        page = execution_page(
            database, filters, now_ns=NOW_NS, order=order, limit=limit, cursor=cursor
        )
        seen += [row.execution_id for row in page.executions]
        cursor = page.next_cursor
        if cursor is None:
            return seen


def rank(value: Any, execution_id: str, *, is_descending: bool) -> tuple[Any, ...]:
    """What the order means, in Python."""
    if value is None:
        return (2, "", execution_id)
    try:
        number = float(value) if str(value) not in {"nan", "inf", "True"} else None
    except (TypeError, ValueError):
        number = None
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    key = [ord(sign) for sign in text]
    if is_descending:
        key = [-place for place in key] + [1]
    if number is not None:
        return (0, -number if is_descending else number, key, execution_id)
    return (1, key, execution_id)


@pytest.mark.parametrize("order", ORDERS)
def test_a_walk_in_the_order_of_a_path_meets_each_execution_once(
    history: Database, order: str
) -> None:
    """R012: numbers, then texts, those without a value last, ties by id, over pages of any size."""
    columns = parse_columns([order.removeprefix("-")])
    page = execution_page(history, {}, now_ns=NOW_NS, limit=1000, order="id", columns=columns)
    assert page.chosen is not None
    wanted = sorted(
        page.chosen,
        key=lambda row: rank(
            row[columns[0].name], row["execution_id"], is_descending=order.startswith("-")
        ),
    )
    ids = [row["execution_id"] for row in wanted]
    assert walk(history, order, 1000) == walk(history, order, 4) == ids
    offset = execution_page(history, {}, now_ns=NOW_NS, order=order, limit=5, offset=7)
    assert [row.execution_id for row in offset.executions] == ids[7:12]


def test_the_order_of_a_path_goes_with_filters_columns_and_counts(history: Database) -> None:
    """issue #7: any order, counts by status and chosen columns for the current filter."""
    asked = {"filter": "start >= 2020-01-01 and params.v > 2 and status = failed"}
    page = execution_page(
        history, asked, now_ns=NOW_NS, order="-params.v", limit=2, is_counted=True,
        columns=parse_columns(["params.v"]),
    )  # fmt: skip
    assert page.chosen is not None
    assert page.counts is not None
    assert [row["params.v"] for row in page.chosen] == [1e300, 12]
    assert [(row.status, row.count) for row in page.counts] == [("failed", 4)]
    none = execution_page(history, {"user": "nobody"}, now_ns=NOW_NS, order="params.v")
    assert (none.executions, none.next_cursor) == ([], None)


def test_what_is_no_order_is_refused(history: Database) -> None:
    """issue #7: never silent; the nearest right one is named."""
    with pytest.raises(BadRequest, match="host gives no order"):
        execution_page(history, {}, now_ns=NOW_NS, order="-host")
    with pytest.raises(BadRequest, match="unknown order 'durations'") as caught:
        execution_page(history, {}, now_ns=NOW_NS, order="-durations")
    assert caught.value.hint == "did you mean 'duration'?"
    with pytest.raises(BadRequest, match="has a name that is empty"):
        execution_page(history, {}, now_ns=NOW_NS, order="params..a")


@pytest.mark.parametrize("cursor", ["", "%%", "W10", "WzEsMiwzLDRd", "bnVsbA"])
def test_a_cursor_that_is_not_ours_is_refused(history: Database, cursor: str) -> None:
    """R011: forged cursors are errors, not surprises."""
    with pytest.raises(BadRequest, match="is not one of ours"):
        execution_page(history, {}, now_ns=NOW_NS, order="params.v", cursor=cursor)


def test_a_cursor_of_another_order_is_refused(history: Database) -> None:
    """R011: a page of the wrong order would skip executions."""
    page = execution_page(history, {}, now_ns=NOW_NS, order="params.v", limit=1)
    wrong = [("-params.v", "made with order=params"), ("duration", "is not one of ours")]
    for order, message in wrong:
        with pytest.raises(BadRequest, match=message):
            execution_page(history, {}, now_ns=NOW_NS, order=order, cursor=page.next_cursor)

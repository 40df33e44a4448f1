import base64
import json
from collections.abc import Iterator

import pytest

from stepscope_collector.errors import BadRequest
from stepscope_collector.query.columns import MAX_COLUMNS, parse_columns
from stepscope_collector.query.executions import execution_page
from stepscope_collector.store import Database
from tests.unit.collector.query.history import (
    NOW_NS,
    SECOND,
    add_execution,
    add_open_span,
    add_payload,
    add_span,
    fill_executions,
    insert,
    open_memory,
)


@pytest.fixture(scope="module")
def history() -> Iterator[Database]:
    """Three executions with payloads of their own and of their steps."""
    with open_memory() as database:
        writer = database.writer()
        insert(
            writer, "resources", resource_id=1, schema_url="", service_name="web",
            dropped_attributes_count=0, attributes={"host.name": "worker-1"},
        )  # fmt: skip
        for number in range(3):
            start = NOW_NS + number * SECOND
            id = f"e{number}"  # noqa: A001 short for what it is
            add_execution(
                writer, id, started_unix_nano=start, final_end_unix_nano=start + SECOND,
                final_span_id=7, status="success", workflow_name="Checkout", workflow_id="checkout",
                last_start_unix_nano=start + 10, tags='["eu"]', user_id="zoë" if number else None,
            )  # fmt: skip
            for span_id in (3, 7):
                add_span(
                    writer, id, span_id, start_time_unix_nano=start + 10 - span_id,
                    attributes={"my.key": f"span {span_id}"} if number < 2 else None,
                )  # fmt: skip
                body = {"total": span_id + 0.5, "by": {"list": [number, span_id]}}
                add_payload(
                    writer, id, "output", json.dumps(body), span_id=span_id,
                    start_time_unix_nano=start + 10 - span_id,
                )  # fmt: skip
            bodies = [
                '{"customer": 42, "note": "zo\\u00eb"}',
                '{"customer": "4',
                '{"customer": null}',
            ]
            add_payload(writer, id, "params", bodies[number], start_time_unix_nano=start)
        yield database


def chosen(database: Database, *names: str, **asked: str) -> list[dict[str, object]]:
    columns = parse_columns(names)
    page = execution_page(database, asked, now_ns=NOW_NS, order="start", columns=columns)
    assert page.chosen is not None
    return page.chosen


def test_columns_are_fields_columns_of_the_view_and_paths(history: Database) -> None:
    """issue #7: chosen columns, including paths into params and outputs."""
    rows = chosen(
        history, "workflow", "duration", "started_at", "tags", "user", "params.customer",
        "params.note", "output.total", "output.by.list.1", "output.by", 'attributes."my.key"',
        "resource.host.name", "trace", "workflow_id",
    )  # fmt: skip
    assert rows[0] == {
        "execution_id": "e0", "workflow": "Checkout", "duration": SECOND, "started_at": NOW_NS,
        "tags": ["eu"], "user": None, "params.customer": 42, "params.note": "zoë",
        "output.total": 7.5, "output.by.list.1": 7, "output.by": {"list": [0, 7]},
        'attributes."my.key"': "span 7", "resource.host.name": "worker-1",
        "trace": rows[0]["trace"], "workflow_id": "checkout",
    }  # fmt: skip
    assert [row["params.customer"] for row in rows] == [42, None, None]
    assert [row['attributes."my.key"'] for row in rows] == ["span 7", "span 7", None]
    assert [row["output.total"] for row in rows] == [7.5, 7.5, 7.5]


def test_a_page_without_executions_has_no_chosen_columns(history: Database) -> None:
    """ours: an empty page is one."""
    assert chosen(history, "params.customer", user="nobody") == []


def test_values_at_paths_are_found_while_an_execution_runs(database: Database) -> None:
    """R064: params of a running execution come with its first live marker."""
    writer = database.writer()
    add_execution(writer, "e", started_unix_nano=NOW_NS, started_at=None)
    add_open_span(writer, "e", 5, role="execution")
    for phase, body in (("started", '{"n": 1e999}'), ("heartbeat", '{"n": 2}')):
        add_payload(writer, "e", "params", body, span_id=9, live_phase=phase, open_span_id=5)
    assert chosen(database, "params.n") == [{"execution_id": "e", "params.n": "1e999"}]


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("worklfow", "unknown column 'worklfow'", "'workflow'"),
        ("text", "unknown column 'text'", "did you mean"),
        ("params", "unknown column 'params'", "did you mean 'params.…'"),
        ("params.", "has a name that is empty", "params.customer"),
        ("params.a b", "expected the end of the name", ""),
        ('params."a', "does not end", ""),
        ("qq.a", "unknown column 'qq.a'", "known"),
    ],
)
def test_an_unknown_column_is_refused(name: str, message: str, hint: str) -> None:
    """issue #7: never silent; the nearest right one is named."""
    with pytest.raises(BadRequest) as caught:
        parse_columns([name])
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_columns_are_limited() -> None:
    """ours: each path costs a read of what it leads into."""
    with pytest.raises(BadRequest, match="names 51 columns, limit 50"):
        parse_columns([f"params.p{number}" for number in range(MAX_COLUMNS + 1)])


@pytest.mark.parametrize(
    "order", ["started_at", "duration", "user", "status", "attempts", "exit_code"]
)
def test_pages_in_any_order_are_stable_under_ingest(order: str) -> None:
    """R011, R012, issue #7: a walk by cursor meets what was there once, while new ones arrive."""
    with open_memory() as database:
        fill_executions(database.writer(), count=60)
        known = {
            row.execution_id
            for row in execution_page(database, {}, now_ns=NOW_NS, limit=1000).executions
        }
        seen: list[str] = []
        cursor, number = None, 0
        while True:
            page = execution_page(
                database, {}, now_ns=NOW_NS, order=f"-{order}", limit=7, cursor=cursor
            )
            seen += [row.execution_id for row in page.executions]
            fill_executions(database.writer(), count=5, seed=100 + number)
            number += 1
            if (cursor := page.next_cursor) is None or number > 60:
                break
        assert len(seen) == len(set(seen))
        assert known <= set(seen)


@pytest.mark.parametrize(
    "content",
    [
        ["user", 5, "e1"], ["user", True, "e1"], ["user", "a", 5], ["user", "\ud800", "e1"], ["user"],
        [5, "a", "e1"], "user", {"a": 1}, ["user", [], "e1"],
    ],
)  # fmt: skip
def test_a_cursor_that_is_not_ours_is_refused(history: Database, content: object) -> None:
    """R011: cursors are opaque."""
    cursor = base64.urlsafe_b64encode(json.dumps(content).encode()).decode()
    with pytest.raises(BadRequest, match="is not one of ours"):
        execution_page(history, {}, now_ns=NOW_NS, order="user", cursor=cursor)

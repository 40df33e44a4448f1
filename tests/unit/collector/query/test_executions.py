import dataclasses
from typing import Any

import pytest

from stepscope_collector.errors import BadRequest, NotFound
from stepscope_collector.query import executions as room
from stepscope_collector.query.executions import (
    INCLUDES,
    execution_detail,
    execution_page,
    locate,
)
from stepscope_collector.query.filters import ORDERS
from stepscope_collector.query.logs import read_logs
from stepscope_collector.query.rows import (
    Attempt,
    Execution,
    LogRecord,
    Payload,
    Step,
    StepStats,
    WorkflowStats,
)
from stepscope_collector.query.stats import step_stats, workflow_stats
from stepscope_collector.query.workflows import workflow_list
from stepscope_collector.store import LATE_ROWS, Connection, Database
from tests.unit.collector.query.history import (
    NOW_NS,
    SECOND,
    add_execution,
    add_log,
    add_payload,
    add_span,
)

VIEWS = {
    "executions": Execution,
    "attempts": Attempt,
    "steps": Step,
    "payloads": Payload,
    "execution_logs": LogRecord,
    "workflow_stats": WorkflowStats,
    "step_stats": StepStats,
}


def view_rows(database: Database, view: str, where: str = "true", **params: Any) -> list[Any]:
    """The rows of a view as the dataclass of the view, unsorted."""
    with database.read() as connection:
        columns = connection.execute(f"describe {view}").fetchall()
        times = [name for name, kind, *_ in columns if kind == "TIMESTAMP_NS"]
        replaced = ", ".join(f"epoch_ns({name}) as {name}" for name in times)
        statement = f"select * {f'replace ({replaced})' if times else ''} from {view} where {where}"
        names = [name for name, *_ in columns]
        rows = connection.execute(statement, params or None).fetchall()
    return [VIEWS[view](**dict(zip(names, row, strict=True))) for row in rows]


def key(row: Any) -> str:
    return repr(dataclasses.astuple(row))


@pytest.mark.parametrize("view", VIEWS)
def test_an_answer_has_the_columns_of_its_view(database: Database, view: str) -> None:
    """ours: what SQL calls a column, REST and the command line call it too."""
    with database.read() as connection:
        columns = [row[0] for row in connection.execute(f"describe {view}").fetchall()]
    assert [field.name for field in dataclasses.fields(VIEWS[view])] == columns


def test_the_page_equals_the_view(executions: Database) -> None:
    """ours: the page repeats view executions for speed, and must not part from it."""
    page = execution_page(executions, {}, now_ns=NOW_NS, limit=1000)
    assert sorted(page.executions, key=key) == sorted(view_rows(executions, "executions"), key=key)


@pytest.mark.parametrize("number", range(12))
def test_one_execution_equals_the_views(whole: Database, number: int) -> None:
    """ours: what is read between bounds is what the views say of the execution."""
    execution_id = f"whole-{number}"
    detail = execution_detail(whole, execution_id, INCLUDES)
    where = {"where": "execution_id = $id", "id": execution_id}
    assert [detail.execution] == view_rows(whole, "executions", **where)
    for view, rows in (
        ("steps", detail.steps),
        ("attempts", detail.attempts),
        ("payloads", detail.payloads),
        ("execution_logs", detail.logs),
    ):
        assert rows is not None
        assert sorted(rows, key=key) == sorted(view_rows(whole, view, **where), key=key), view
    assert detail.steps is not None
    assert detail.logs is not None
    places = [step.step_index for step in detail.steps]
    assert places == sorted(places)
    assert [log.sequence for log in detail.logs] == sorted(log.sequence for log in detail.logs)
    assert detail.truncated == ()


def test_the_made_up_history_has_something_of_everything(whole: Database) -> None:
    """ours: comparisons of empty answers would prove nothing."""
    details = [execution_detail(whole, f"whole-{n}", INCLUDES) for n in range(12)]
    for name in ("steps", "attempts", "payloads", "logs"):
        assert sum(len(getattr(detail, name)) for detail in details) > 10
    assert any(step.attempt_count > 1 for detail in details for step in detail.steps or [])
    assert any(step.ended_at is None for detail in details for step in detail.steps or [])


def test_statistics_equal_the_views(whole: Database, executions: Database) -> None:
    """ours: statistics without filter are the views' rows."""
    for database in (whole, executions):
        assert sorted(workflow_stats(database, {}, now_ns=NOW_NS), key=key) == sorted(
            view_rows(database, "workflow_stats"), key=key
        )
        assert sorted(step_stats(database, {}, now_ns=NOW_NS), key=key) == sorted(
            view_rows(database, "step_stats"), key=key
        )


def test_step_statistics_of_a_time_span_count_whole_executions(whole: Database) -> None:
    """ours: the bounds that narrow the scan leave no step of a chosen execution out."""
    filters = {"started_after": "2026-07-28"}
    chosen = [
        row.execution_id
        for row in execution_page(whole, filters, now_ns=NOW_NS, limit=1000).executions
    ]
    assert 0 < len(chosen) < 12
    steps = [
        attempt
        for execution_id in chosen
        for attempt in execution_detail(whole, execution_id, ["attempts"]).attempts or []
    ]
    assert sum(row.count for row in step_stats(whole, filters, now_ns=NOW_NS)) == len(steps)
    assert step_stats(whole, {"started_after": "2030-01-01"}, now_ns=NOW_NS) == []
    one = step_stats(whole, {"workflow": "w1"}, now_ns=NOW_NS)
    assert {row.workflow_id for row in one} == {"w1"}


def test_workflows_say_how_the_last_execution_went(database: Database) -> None:
    """issue #2: GET /api/workflows."""
    writer = database.writer()
    add_execution(
        writer, "a", workflow_id="w", workflow_name="Old", started_unix_nano=NOW_NS,
        final_end_unix_nano=NOW_NS + 1, status="failed",
    )  # fmt: skip
    add_execution(
        writer, "b", workflow_id="w", workflow_name="New", started_unix_nano=NOW_NS + 5,
        final_end_unix_nano=NOW_NS + 6, status="success", workflow_version="2",
    )  # fmt: skip
    add_execution(writer, "c", workflow_name="other", started_unix_nano=NOW_NS - 1)
    first, second = workflow_list(database)
    assert (first.workflow_id, first.workflow_name, first.count, first.failed) == ("w", "New", 2, 1)
    assert (first.last_status, first.last_execution_id, first.last_version) == ("success", "b", "2")
    assert (first.first_started_at, first.last_started_at) == (NOW_NS, NOW_NS + 5)
    assert second.workflow_id == "other"


def test_a_walk_meets_each_execution_once_while_new_ones_arrive(database: Database) -> None:
    """R011: walking all pages yields every matching id once, also while new runs arrive."""
    writer = database.writer()
    for number in range(20):
        add_execution(writer, f"old-{number:02}", started_unix_nano=NOW_NS + number // 3)
    seen: list[str] = []
    cursor = None
    for number in range(100):
        page = execution_page(database, {}, now_ns=NOW_NS, limit=3, cursor=cursor)
        seen += [row.execution_id for row in page.executions]
        add_execution(writer, f"new-{number:02}", started_unix_nano=NOW_NS + 50 + number)
        if (cursor := page.next_cursor) is None:
            break
    assert len(seen) == len(set(seen)) == 20
    assert all(execution_id.startswith("old") for execution_id in seen)


@pytest.mark.parametrize(
    "cursor", ["", "x", "AAAA", "bnVsbA", "WzEsMiwzXQ", "ÿ", "WyItc3RhcnRlZF9hdCIsMWU5OTksImEiXQ"]
)
def test_a_cursor_that_is_not_ours_is_refused(executions: Database, cursor: str) -> None:
    """ours: cursors come back from anywhere."""
    with pytest.raises(BadRequest, match=r"cursor"):
        execution_page(executions, {}, now_ns=NOW_NS, cursor=cursor)


def test_a_cursor_of_another_order_is_refused(executions: Database) -> None:
    """ours: its value would be compared with another column."""
    cursor = execution_page(executions, {}, now_ns=NOW_NS, limit=1).next_cursor
    with pytest.raises(BadRequest, match="made with order=-started_at, not duration"):
        execution_page(executions, {}, now_ns=NOW_NS, order="duration", cursor=cursor)


@pytest.mark.parametrize(("limit", "offset"), [(0, 0), (1001, 0), (-1, 0), (5, -1), (5, 2**63)])
def test_a_page_out_of_range_is_refused(executions: Database, limit: int, offset: int) -> None:
    """R011: limits are told, not silently changed."""
    with pytest.raises(BadRequest):
        execution_page(executions, {}, now_ns=NOW_NS, limit=limit, offset=offset)


def test_an_execution_is_found_by_its_trace_too(database: Database) -> None:
    """R038: the trace id in a sender's logs leads to the execution."""
    row = add_execution(database.writer(), "mine", started_unix_nano=NOW_NS)
    assert execution_detail(database, row["any_trace_id"].hex).execution.execution_id == "mine"


def test_an_unknown_execution_is_not_found(executions: Database) -> None:
    """issue #2: 404, never an empty answer."""
    for written in ("none such", "f" * 32):
        with pytest.raises(NotFound, match=written):
            execution_detail(executions, written)


def test_an_unknown_include_is_refused(whole: Database) -> None:
    """issue #2: the hint names the nearest one."""
    with pytest.raises(BadRequest, match="unknown include 'step'") as caught:
        execution_detail(whole, "whole-1", ["step"])
    assert caught.value.hint == "did you mean 'steps'?"


def test_children_are_in_order_of_start(database: Database) -> None:
    """ours: children are listed as they were started; none is a child of itself."""
    writer = database.writer()
    add_execution(writer, "parent", started_unix_nano=NOW_NS, parent_execution_id="parent")
    for number in (3, 1, 2):
        add_execution(
            writer, f"child-{number}", parent_execution_id="parent",
            started_unix_nano=NOW_NS + number,
        )  # fmt: skip
    children = execution_detail(database, "parent", ["children"]).children
    assert children is not None
    assert [child.execution_id for child in children] == ["child-1", "child-2", "child-3"]


def test_what_was_cut_is_said(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """ours: nothing is left out silently."""
    writer = database.writer()
    add_execution(writer, "e", started_unix_nano=NOW_NS)
    for number in range(4):
        add_payload(writer, "e", "input", "{}", span_id=number)
        add_log(writer, execution_id="e", body=str(number), time_unix_nano=NOW_NS + number)
        add_execution(writer, f"c{number}", parent_execution_id="e", started_unix_nano=NOW_NS)
    for name in ("MAX_LOGS", "MAX_PAYLOADS", "MAX_CHILDREN"):
        monkeypatch.setattr(room, name, 3)
    detail = execution_detail(database, "e", INCLUDES)
    assert detail.truncated == ("logs", "payloads", "children")
    assert [log.body for log in detail.logs or []] == ["1", "2", "3"]
    assert len(detail.payloads or []) == len(detail.children or []) == 3


def _logs(connection: Connection, **how: Any) -> list[tuple[int, str | None]]:
    bounds = locate(connection, "e").bounds
    return [(log.sequence, log.body) for log in read_logs(connection, bounds, **how)]


def test_logs_can_be_read_from_the_end_and_from_a_place(database: Database) -> None:
    """R065: strict sequence order, with equal timestamps and out-of-order arrival."""
    writer = database.writer()
    add_execution(writer, "e", started_unix_nano=NOW_NS)
    for number in (4, 2, 0, 3, 1):
        add_log(writer, execution_id="e", sequence=number, body=f"line {number}")
    add_log(writer, execution_id="other", sequence=9, body="not ours")
    with database.read() as connection:
        lines = [(number, f"line {number}") for number in range(5)]
        assert _logs(connection) == lines
        assert _logs(connection, limit=2, is_tail=True) == lines[3:]
        assert _logs(connection, limit=0, is_tail=True) == []
        assert _logs(connection, after=1) == lines[2:]
        assert _logs(connection, after=1, limit=2) == lines[2:4]
        with pytest.raises(BadRequest):
            _logs(connection, limit=-1)
        with pytest.raises(BadRequest):
            _logs(connection, after=2**63)


def test_the_step_that_failed_is_named_and_not_the_one_that_raised_again(
    database: Database,
) -> None:
    """R033: earliest failed leaf on the error path, not the parent that re-raised."""
    writer = database.writer()
    error = {"status": "failed", "error_type": "ValueError", "error_message": "no"}
    add_execution(
        writer, "e", started_unix_nano=NOW_NS, final_end_unix_nano=NOW_NS + 9 * SECOND,
        last_start_unix_nano=NOW_NS + SECOND, **error,
    )  # fmt: skip
    add_span(writer, "e", 1, role="execution", **error)
    add_span(writer, "e", 2, parent_span_id=1, step_name="outer", **error)
    add_span(writer, "e", 3, parent_span_id=2, role="operation", **error)
    add_span(writer, "e", 4, parent_span_id=3, step_name="inner", **error)
    add_span(writer, "e", 5, parent_span_id=1, step_name="fine")
    found = execution_detail(database, "e").error_step
    assert found is not None
    assert (found.step_name, found.step_id, found.span_id) == (
        "inner", "0000000000000004", "0000000000000004",
    )  # fmt: skip
    assert (found.error_type, found.error_message) == ("ValueError", "no")


@pytest.mark.parametrize("order", [sign + name for name in ORDERS for sign in ("", "-")])
def test_a_page_is_the_same_however_it_is_read(
    executions: Database, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """issue #7: far from the beginning a page is read another way, of the same order."""
    pages = []
    for rows in (LATE_ROWS, 0):
        monkeypatch.setattr(room, "LATE_ROWS", rows)
        page = execution_page(executions, {}, now_ns=NOW_NS, order=order, limit=30, offset=20)
        pages.append((page.executions, page.next_cursor))
    assert pages[0] == pages[1]
    assert len(pages[0][0]) == 30

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope_collector.errors import BadRequest
from stepscope_collector.query.executions import execution_page
from stepscope_collector.query.filters import FIELDS, ORDERS
from stepscope_collector.query.rows import Execution
from stepscope_collector.query.stats import workflow_stats
from stepscope_collector.query.statuses import status_words
from stepscope_collector.query.times import parse_duration_ns, parse_time_ns
from stepscope_collector.store import Database
from tests.unit.collector.query.history import NOW_NS

VALUES: dict[str, list[str]] = {
    "filter": ["duration < 1s or status = failed", "user = none", " "],
    "workflow": ["checkout", "Checkout", "etl", "unknown", "none such"],
    "status": ["success", "error", "failed,timed_out", "running", "LOST,Completed", "unknown"],
    "trigger": ["schedule", "api", "cron"],
    "started_after": ["24h", "-24h", "5d", "2026-07-24T00:00:00Z", "2026-07-20", "9000-01-01"],
    "started_before": ["1d", "36h30m", "2026-07-22T12:00:00.000000001+02:00", "1600-01-01"],
    "user": ["ann", "bob"],
    "project": ["shop"],
    "version": ["1", "2"],
    "dialect": ["otel", "temporal"],
    "service": ["billing"],
    "error_type": ["ValueError"],
    "parent": ["p1"],
    "root": ["r1"],
    "min_duration": ["1ns", "250ms", "2h"],
    "max_duration": ["0s", "1s", "1.5m"],
}


def _before(value: int | None, other: int) -> bool:
    return value is not None and value < other


HOLDS: dict[str, Callable[[Execution, str], bool]] = {
    "filter": lambda e, v: {
        "user = none": e.user_id is None,
        " ": True,
    }.get(v, _before(e.duration_ns, 10**9) or e.status == "failed"),
    "workflow": lambda e, v: v in {e.workflow_id, e.workflow_name},
    "status": lambda e, v: e.status in {status_words()[word.lower()] for word in v.split(",")},
    "trigger": lambda e, v: e.trigger_type == {"cron": "schedule"}.get(v, v),
    "started_after": lambda e, v: (
        e.started_at is not None and e.started_at >= parse_time_ns(v.lstrip("-"), "", NOW_NS)
    ),
    "started_before": lambda e, v: _before(e.started_at, parse_time_ns(v, "", NOW_NS)),
    "user": lambda e, v: e.user_id == v,
    "project": lambda e, v: e.project == v,
    "version": lambda e, v: e.workflow_version == v,
    "dialect": lambda e, v: e.dialect == v,
    "service": lambda e, v: e.service_name == v,
    "error_type": lambda e, v: e.error_type == v,
    "parent": lambda e, v: e.parent_execution_id == v,
    "root": lambda e, v: e.root_execution_id == v,
    "min_duration": lambda e, v: (
        e.duration_ns is not None and e.duration_ns >= parse_duration_ns(v, "")
    ),
    "max_duration": lambda e, v: (
        e.duration_ns is not None and e.duration_ns <= parse_duration_ns(v, "")
    ),
}


def everything(database: Database) -> list[Execution]:
    return execution_page(database, {}, now_ns=NOW_NS, limit=1000).executions


def ids(rows: list[Execution]) -> set[str]:
    return {row.execution_id for row in rows}


def brute_force(rows: list[Execution], filters: dict[str, str]) -> set[str]:
    return ids([row for row in rows if all(HOLDS[n](row, v) for n, v in filters.items())])


def test_every_field_of_the_grammar_is_tried_here() -> None:
    """ours: a field added to the grammar gets its brute-force rule."""
    assert VALUES.keys() == HOLDS.keys() == FIELDS.keys()


@pytest.mark.parametrize("name", FIELDS)
def test_each_filter_alone_equals_a_brute_force_filter(executions: Database, name: str) -> None:
    """R005, R010: each filter alone gives the same rows as a brute-force Python filter."""
    rows = everything(executions)
    hits = 0
    for value in VALUES[name]:
        page = execution_page(executions, {name: value}, now_ns=NOW_NS, limit=1000)
        assert ids(page.executions) == brute_force(rows, {name: value}), value
        hits += len(page.executions)
    assert 0 < hits


def test_each_pair_of_filters_equals_a_brute_force_filter(executions: Database) -> None:
    """R010: all pairwise combinations give the same rows as a brute-force Python filter."""
    rows = everything(executions)
    hits = 0
    for one, other in itertools.combinations(FIELDS, 2):
        filters = {one: VALUES[one][0], other: VALUES[other][0]}
        page = execution_page(executions, filters, now_ns=NOW_NS, limit=1000)
        assert ids(page.executions) == brute_force(rows, filters), filters
        hits += bool(page.executions)
    assert hits > 60


@given(
    filters=st.fixed_dictionaries(
        {}, optional={name: st.sampled_from(values) for name, values in VALUES.items()}
    ),
    order=st.sampled_from([sign + name for name in ORDERS for sign in ("", "-")]),
    limit=st.integers(1, 60),
)
def test_any_filters_walked_in_any_order_meet_every_row_once(
    executions: Database, filters: dict[str, str], order: str, limit: int
) -> None:
    """R010, R011, R012: pages of any size are the brute-force rows, sorted, none twice."""
    rows = everything(executions)
    wanted = brute_force(rows, filters)
    # Ten pages at most: a walk of hundreds of pages of one row takes its time.
    limit = max(limit, len(wanted) // 10)
    found: list[Execution] = []
    cursor = None
    while True:
        page = execution_page(
            executions, filters, now_ns=NOW_NS, order=order, limit=limit, cursor=cursor
        )
        found += page.executions
        if (cursor := page.next_cursor) is None:
            break
    assert [row.execution_id for row in found] == [
        row.execution_id for row in _sorted([r for r in rows if r.execution_id in wanted], order)
    ]
    offset = limit // 2
    page = execution_page(
        executions, filters, now_ns=NOW_NS, order=order, limit=limit, offset=offset
    )
    assert page.executions == found[offset : offset + limit]


def _sorted(rows: list[Execution], order: str) -> list[Execution]:
    column = ORDERS[order.removeprefix("-")]

    def value(row: Execution) -> Any:
        return getattr(row, column)

    # Sorting is stable: what is the same stays in order of id.
    rows = sorted(rows, key=lambda row: row.execution_id)
    told = [row for row in rows if value(row) is not None]
    told.sort(key=value, reverse=order.startswith("-"))
    return told + [row for row in rows if value(row) is None]


def test_statistics_take_the_same_filters(executions: Database) -> None:
    """ours: one filter grammar; the counts of the statistics are those of the list."""
    for filters in ({"status": "error"}, {"user": "ann", "filter": "start > -5d"}):
        listed = execution_page(executions, filters, now_ns=NOW_NS, limit=1000).executions
        stats = workflow_stats(executions, filters, now_ns=NOW_NS)
        assert {row.workflow_id: row.count for row in stats} == {
            workflow: sum(row.workflow_id == workflow for row in listed)
            for workflow in {row.workflow_id for row in listed}
        }


@pytest.mark.parametrize(
    ("filters", "message", "hint"),
    [
        ({"stats": "x"}, "unknown filter 'stats'", "did you mean 'status'?"),
        ({"workflow_id": "x"}, "unknown filter 'workflow_id'", "did you mean 'workflow'?"),
        ({"status": "faild"}, "unknown status 'faild'", "did you mean 'failed'?"),
        ({"status": ""}, "unknown status ''", "known: "),
        ({"user": ""}, "user is empty", "leave the filter out"),
        ({"started_after": "some day"}, "started_after='some day' is no time", "24h"),
        (
            {"filter": "stats = x"},
            "unknown field 'stats', at character 1",
            "did you mean 'status'?",
        ),
        ({"started_after": "2026-13-01"}, "is no time", None),
        ({"min_duration": "5"}, "min_duration='5' is no duration", "1.5s"),
        ({"max_duration": "99999999999d"}, "292 years", None),
    ],
)
def test_a_wrong_filter_is_refused_with_the_nearest_right_one(
    executions: Database, filters: dict[str, str], message: str, hint: str | None
) -> None:
    """issue #2: unknown filter with the nearest known one."""
    with pytest.raises(BadRequest) as caught:
        execution_page(executions, filters, now_ns=NOW_NS)
    assert message in caught.value.message
    assert hint is None or hint in (caught.value.hint or "")


@pytest.mark.parametrize("order", ["begin", "--duration", "-durations", "step", "tag", "text", ""])
def test_an_unknown_order_is_refused(executions: Database, order: str) -> None:
    """R012: any scalar column, from a closed list."""
    with pytest.raises(BadRequest, match=r"unknown order|gives no order"):
        execution_page(executions, {}, now_ns=NOW_NS, order=order)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01T00:00:01Z", 10**9),
        ("1970-01-01t00:00:00.000000001z", 1),
        ("1970-01-01", 0),
        ("1970-01-01 01:00+01:00", 0),
        ("1970-01-01T00:00:00.5-0130", 5_400_500_000_000),
        ("1969-12-31T23:59:59.999999999Z", -1),
        ("90m", NOW_NS - 5_400_000_000_000),
        ("1.5h", NOW_NS - 5_400_000_000_000),
        ("9999-12-31", 2**63 - 2),
    ],
)
def test_times_are_read_to_the_nanosecond(text: str, nanoseconds: int) -> None:
    """R010: RFC 3339 times, dates and times ago."""
    assert parse_time_ns(text, "field", NOW_NS) == nanoseconds

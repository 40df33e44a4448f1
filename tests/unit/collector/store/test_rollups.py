"""What retention removes goes on counting."""

import math
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepscope_collector.store import Database
from stepscope_collector.store.rollups import count, freeze
from tests.unit.collector.query.history import (
    add_execution,
    add_open_span,
    add_span,
    open_memory,
)

HOUR = 3600 * 10**9
T0 = 1_700_006_400 * 10**9
VIEWS = {
    "workflow_hours": ("workflow_id", "hour_at"),
    "workflow_days": ("workflow_id", "day_at"),
    "project_days": ("project", "day_at"),
    "step_hours": ("workflow_id", "step_name", "hour_at"),
    "step_days": ("workflow_id", "step_name", "day_at"),
}
TABLES = ("executions", "spans", "open_spans", "traces", "attempts", "rollups")

steps = st.lists(
    st.tuples(
        st.sampled_from(["charge", "ship"]),
        st.integers(1, 3),
        st.sampled_from([0, 1, 30]),  # hours after the start of the execution
        st.sampled_from(["success", "failed", None]),
        st.none() | st.integers(0, 2**45),
    ),
    max_size=4,
)
histories = st.lists(
    st.tuples(
        st.sampled_from(["w", "v", None]),
        st.sampled_from(["p", None]),
        st.sampled_from([0, 1, 25]),
        st.sampled_from(["success", "failed", "cancelled"]),
        st.none() | st.integers(0, 2**45) | st.just(-1),
        steps,
        st.integers(0, 3),  # the round in which it is removed; 0: it stays
    ),
    max_size=10,
)


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    """One for all examples, which clear it."""
    with open_memory() as opened:
        yield opened


def fill(database: Database, history: list[tuple]) -> None:
    writer = database.writer()
    for table in TABLES:
        writer.execute(f"delete from stored.{table}")
    span_id = 0
    for number, (workflow, project, hour, status, duration, tries, _) in enumerate(history):
        start = T0 + hour * HOUR + number
        end = None if duration is None else start + duration
        starts = [start]
        for name, attempt, later, outcome, lasted in tries:
            span_id += 1
            begun = start + later * HOUR
            starts.append(begun)
            common = {"step_name": name, "attempt": attempt, "start_time_unix_nano": begun}
            if lasted is None:
                add_open_span(writer, f"e{number}", span_id, last_seen_unix_nano=begun, **common)
            else:
                add_span(
                    writer, f"e{number}", span_id, end_time_unix_nano=begun + lasted,
                    status=outcome, **common,
                )  # fmt: skip
        add_execution(
            writer, f"e{number}", workflow_id=workflow, project=project, started_unix_nano=start,
            final_end_unix_nano=end, status=None if end is None else status,
            last_start_unix_nano=max(starts), last_seen_unix_nano=start,
        )  # fmt: skip


def remove(database: Database, execution_ids: list[str], *, is_beside: bool = False) -> None:
    counted = None
    if is_beside:
        with database.read() as reader:
            counted = count(reader, execution_ids)
    writer = database.writer()
    writer.execute("begin")
    writer.execute("create or replace temp table pruned (execution_id varchar)")
    for execution_id in execution_ids:
        writer.execute("insert into pruned values ($id)", {"id": execution_id})
    freeze(writer, "pruned", counted)
    for table in ("executions", "spans", "open_spans", "attempts", "traces"):
        writer.execute(
            f"delete from stored.{table} where execution_id in (select execution_id from pruned)"
        )
    writer.execute("commit")


def rows_of(database: Database, view: str) -> dict[tuple, dict]:
    with database.read() as connection:
        cursor = connection.execute(f"from {view}")
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return {tuple(row[name] for name in VIEWS[view]): row for row in rows}


@pytest.mark.timeout(300)  # a minute was too short on a machine under load: "Query interrupted"
@settings(max_examples=8)  # each asks five views before and after
@given(histories)
def test_what_is_removed_goes_on_counting(database: Database, history: list[tuple]) -> None:
    """R019, R021: rollups stay exact however many rounds remove; quantiles within 1 %, and said so."""
    fill(database, history)
    before = {view: rows_of(database, view) for view in VIEWS}
    for turn in (1, 2, 3):
        chosen = [f"e{number}" for number, row in enumerate(history) if row[-1] == turn]
        remove(database, chosen, is_beside=turn > 1)
    for view, rows in before.items():
        after = rows_of(database, view)
        assert after.keys() == rows.keys()
        for key, row in rows.items():
            now = after[key]
            is_exact = now.pop("precision") == "exact"
            for name in row.keys() - {"precision"}:
                if name in ("p50_ns", "p95_ns", "p99_ns") and not is_exact and row[name]:
                    assert abs(now[name] - row[name]) <= row[name] * 0.0100001, (view, name)
                elif name == "mean_ns" and row[name]:
                    assert math.isclose(now[name], row[name], rel_tol=1e-12)
                else:
                    assert now[name] == row[name], (view, name)


def test_a_rollup_says_that_it_is_one(database: Database) -> None:
    """issue #7: rollups survive raw retention and say when an answer is ±1 %."""
    fill(
        database,
        [
            ("w", "p", 0, "success", 10**9, [], 1),
            ("w", "p", 1, "success", 2 * 10**9, [], 0),
        ],
    )
    remove(database, ["e0"])
    with database.read() as connection:
        found = connection.execute(
            "select precision, count, round(p50_ns / 1e9, 1) from workflow_hours order by hour_at"
        ).fetchall()
        kept = connection.execute("select count(*) from stored.rollups").fetchall()
    assert found == [("±1 %", 1, 1.0), ("exact", 1, 2.0)]
    assert kept == [(1,)]


def test_removing_nothing_leaves_no_rollup(database: Database) -> None:
    """ours: a round that finds nothing to remove writes nothing."""
    fill(database, [("w", "p", 0, "success", 5, [], 0)])
    remove(database, ["another"])
    with database.read() as connection:
        assert connection.execute("select count(*) from stored.rollups").fetchall() == [(0,)]

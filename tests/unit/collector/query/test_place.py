"""By-id questions read stored rows and shape them in Python: they say what the views say."""

import random
import time
from typing import Any

import pytest

from stepscope_collector.errors import NotFound
from stepscope_collector.query.executions import execution_detail
from stepscope_collector.query.place import locate
from stepscope_collector.store import Database
from tests.unit.collector.query.history import (
    DAY,
    NOW_NS,
    add_execution,
    add_open_span,
    add_span,
    insert,
    open_memory,
)
from tests.unit.collector.query.test_executions import key, view_rows

MAX_INT64 = 2**63 - 1
COUNT = 30


def fill(database: Database, seed: int) -> None:
    """Executions whose columns hold everything their types allow, and tries of all three kinds."""
    draw = random.Random(seed)
    now = time.time_ns()
    times = (1, now - 10**9, now, now + 5, MAX_INT64 - 1, MAX_INT64, 2**63, 2**64 - 1)
    words = (None, "", "running", "queued", "waiting", "retrying", "success", "failed", "unknown")
    text = (None, "", "a", "ä \U0001f600")
    silence = (None, 0, 1, 10**18)
    writer = database.writer()
    for number in range(COUNT):
        of, any_time = f"e{number}", lambda: draw.choice(times)
        add_execution(
            writer, of, started_unix_nano=draw.choice((None, 0, *times)), first_unix_nano=1,
            last_start_unix_nano=2**64 - 1, last_seen_unix_nano=any_time(),
            queued_unix_nano=draw.choice((None, *times)), started_at=draw.choice((None, "2026-01-01")),
            final_end_unix_nano=draw.choice((None, *times)), final_span_id=draw.choice((None, 0, 5, 2**64 - 1)),
            status=draw.choice(words), silence_ns=draw.choice(silence), workflow_id=draw.choice(text),
            workflow_name=draw.choice(text), root_execution_id=draw.choice(text),
            dialect=draw.choice((None, "otel", "stepscope")),
            tags=draw.choice((None, "", "[", '["a", "ä"]', "NaN", "{}", '"x"')),
        )  # fmt: skip
        for _ in range(draw.randrange(6)):
            plain: dict[str, Any] = {
                "step_id": draw.choice((None, "s1", "s2", "")), "step_name": draw.choice(text),
                "step_index": draw.choice((None, 0, 3)), "attempt": draw.choice((None, 1, 2)),
                "parent_span_id": draw.choice((0, 7)),
            }  # fmt: skip
            span_id = draw.randrange(1, 2**64 - 2)  # ties are broken by it
            add_span(
                writer, of, span_id, **plain, start_time_unix_nano=any_time(),
                end_time_unix_nano=any_time(), status=draw.choice(words),
                is_folded=draw.random() < 0.1, live_phase=draw.choice((None, None, "started")),
                role=draw.choice(("step", "step", "operation")), is_expected_retry=draw.choice((None, True)),
                events=draw.choice((None, [
                    {"time_unix_nano": 1, "name": name, "attributes": {"exception.stacktrace": name}}
                    for name in ("exception", "other", "exception")
                ])),
            )  # fmt: skip
            if draw.random() < 0.5:
                add_open_span(
                    writer, of, span_id + 1, **plain, start_time_unix_nano=any_time(),
                    last_seen_unix_nano=any_time(), silence_ns=draw.choice(silence),
                )  # fmt: skip
            if draw.random() < 0.5:
                folded = {
                    **plain,
                    "step_id": draw.choice(("s1", "s3")),
                    "attempt": draw.choice((1, 2)),
                }
                insert(
                    writer, "attempts", execution_id=of, **folded, span_id=span_id + 2, dialect="temporal",
                    trace_id="0b5ad1b0-0000-0000-0000-00000000000a", status=draw.choice(words[1:]),
                    queued_unix_nano=draw.choice((None, *times)), started_unix_nano=any_time(),
                    ended_unix_nano=draw.choice((None, *times)), last_seen_unix_nano=any_time(),
                    silence_ns=draw.choice(silence), error_stack=draw.choice(text),
                    ingested_at="2026-07-24 10:00:00",
                )  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_an_execution_read_as_it_is_stored_equals_the_views(seed: int) -> None:
    """issue #7: speed by id may not change an answer, whatever the stored columns hold."""
    with open_memory() as database:
        fill(database, seed)
        expected = {
            view: sorted(view_rows(database, view), key=key)
            for view in ("executions", "steps", "attempts")
        }
        details = [
            execution_detail(database, f"e{number}", ["steps", "attempts"])
            for number in range(COUNT)
        ]
    found: dict[str, list[Any]] = {
        "executions": [detail.execution for detail in details],
        "steps": [step for detail in details for step in detail.steps or []],
        "attempts": [attempt for detail in details for attempt in detail.attempts or []],
    }
    for view, rows in expected.items():
        assert sorted(found[view], key=key) == rows, view
        assert len(rows) >= COUNT


def test_an_id_is_found_by_its_own_key_only(database: Database) -> None:
    """issue #7: two ids may have one key; the id decides."""
    writer = database.writer()
    add_execution(writer, "one")
    add_execution(writer, "two")
    writer.execute("update stored.executions set execution_key = execution_key('one')")
    with database.read() as connection:
        assert locate(connection, "one").execution_id == "one"


@pytest.mark.parametrize(
    ("written", "began"),
    [
        (NOW_NS // 1_000_000, NOW_NS),
        (NOW_NS // 1_000_000 - 600_000, NOW_NS),
        (NOW_NS // 1_000_000, NOW_NS - 7 * DAY),
        (NOW_NS // 1_000_000, None),
        (0, NOW_NS),
        (2**48 - 1, NOW_NS),
        (2**48 - 1, 2**63 + 5),
    ],
)
def test_an_id_that_tells_a_time_is_found_whenever_it_began(
    database: Database, written: int, began: int | None
) -> None:
    """issue #7: one execution by its id; the time in a UUIDv7 is where it is looked for first, no more."""
    digits = f"{written:012x}"
    execution_id = f"{digits[:8]}-{digits[8:]}-7abc-8def-0123456789ab"
    more: dict[str, Any] = {"started_at": None} if began is None or began > 2**63 else {}
    add_execution(
        database.writer(), execution_id, started_unix_nano=began, first_unix_nano=began or 1, **more
    )
    with database.read() as connection:
        assert locate(connection, execution_id).execution_id == execution_id
        with pytest.raises(NotFound):
            locate(connection, execution_id[:-1] + "c")

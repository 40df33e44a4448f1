import random
import uuid
from typing import Any

import pytest

from stepscope_collector.errors import BadRequest, NotFound
from stepscope_collector.query.follow import LogFollower
from stepscope_collector.query.logs import read_logs
from stepscope_collector.query.place import locate
from stepscope_collector.store import Database
from tests.unit.collector.query.history import (
    NOW_NS,
    SECOND,
    add_execution,
    add_log,
    add_open_span,
    add_span,
)


def commit(second: int) -> str:
    return f"2026-07-24 10:00:{second:02}.000001"


def bodies(news: Any) -> list[str]:
    return [row.body for row in news.logs]


def begin(database: Database, execution_id: str = "x") -> Any:
    writer = database.writer()
    add_execution(
        writer, execution_id, started_unix_nano=NOW_NS, silence_ns=2**62,
        last_start_unix_nano=NOW_NS + 60 * SECOND,
    )  # fmt: skip
    add_open_span(writer, execution_id, 1, role="execution", silence_ns=2**62)
    return writer


def test_each_record_comes_once_also_a_late_one(database: Database) -> None:
    """R067: what is told live is what the database has."""
    writer = begin(database)
    add_log(writer, execution_id="x", sequence=5, body="five", ingested_at=commit(1))
    follower = LogFollower(database, "x")
    assert bodies(follower.look()) == ["five"]
    assert bodies(follower.look()) == []
    for place, number in enumerate((7, 2, 6)):
        add_log(
            writer, execution_id="x", sequence=number, body=str(number), ingested_at=commit(2 + place)
        )  # fmt: skip
    assert bodies(follower.look()) == ["2", "6", "7"]
    add_log(writer, execution_id="other", sequence=9, body="not ours", ingested_at=commit(7))
    add_log(writer, body="nobody's", ingested_at=commit(8))
    assert bodies(follower.look()) == []
    again = LogFollower(database, "x", follower.position)
    add_log(writer, execution_id="x", sequence=8, body="8", ingested_at=commit(9))
    assert bodies(again.look()) == bodies(follower.look()) == ["8"]


def test_a_record_that_names_no_execution_comes_with_its_span(database: Database) -> None:
    """R067: logs of other SDKs are known by their span, which is sent when it has ended."""
    writer = begin(database)
    trace = uuid.uuid5(uuid.NAMESPACE_OID, "x")
    add_log(writer, trace_id=trace, span_id=4, body="inside", ingested_at=commit(1))
    follower = LogFollower(database, "x")
    news = follower.look()
    assert (bodies(news), news.status, news.is_live) == ([], "running", True)
    add_span(writer, "x", 4, ingested_at=commit(2))
    assert bodies(follower.look()) == ["inside"]
    assert bodies(follower.look()) == []
    writer.execute(
        "update stored.executions set status = 'failed', final_end_unix_nano = first_unix_nano + 9, "
        "ended_at = time_of(first_unix_nano + 9)"
    )
    news = follower.look()
    assert (news.status, news.is_live) == ("failed", False)


@pytest.mark.parametrize("seed", range(5))
def test_whatever_was_told_in_pieces_is_the_whole(database: Database, seed: int) -> None:
    """R067: any order of commits, spans and looks."""
    draw = random.Random(seed)
    writer = begin(database)
    trace = uuid.uuid5(uuid.NAMESPACE_OID, "x")
    follower = LogFollower(database, "x")
    told: list[str] = []
    spans = list(range(10, 16))
    for second in range(1, 50):
        for line in range(draw.randrange(3)):
            add_log(
                writer, body=f"{second}.{line}", ingested_at=commit(second), trace_id=trace,
                execution_id=draw.choice(["x", None]), span_id=draw.choice([*range(10, 16), None]),
                time_unix_nano=NOW_NS + draw.randrange(100),
            )  # fmt: skip
        if spans and draw.random() < 0.3:
            add_span(writer, "x", spans.pop(), ingested_at=commit(second))
        if draw.random() < 0.5:
            told += bodies(follower.look())
    told += bodies(follower.look())
    with database.read() as connection:
        whole = read_logs(connection, locate(connection, "x").bounds)
    assert len(told) == len(set(told)) > 10
    assert sorted(told) == sorted(str(row.body) for row in whole)


def test_the_first_look_begins_where_one_wants(database: Database) -> None:
    """R071: the last N, in chronological order; those after and before one."""
    writer = begin(database)
    writer.execute(
        """insert into stored.log_records (time_unix_nano, observed_time_unix_nano, severity_number,
            dropped_attributes_count, flags, resource_id, scope_id, execution_id, execution_key,
            sequence, ingested_at)
        select 1, 1, 9, 0, 0, 1, 1, 'x', execution_key('x'), range, $at from range(1000)""",
        {"at": commit(1)},
    )

    def sequences(**where: Any) -> list[int]:
        with database.read() as connection:
            bounds = locate(connection, "x").bounds
            return [row.sequence for row in read_logs(connection, bounds, **where)]

    assert sequences(limit=10, is_tail=True) == list(range(990, 1000))
    assert sequences(before=990, limit=10, is_tail=True) == list(range(980, 990))
    assert sequences(after=5, before=9) == [6, 7, 8]
    assert sequences(before=-(2**63)) == []
    with pytest.raises(BadRequest, match="before=9223372036854775808 is no sequence"):
        sequences(before=2**63)
    tail = LogFollower(database, "x").look(tail=2)
    assert [row.sequence for row in tail.logs] == [998, 999]
    after = LogFollower(database, "x").look(after=997)
    assert [row.sequence for row in after.logs] == [998, 999]
    with pytest.raises(NotFound):
        LogFollower(database, "nobody").look()

"""Which executions are due, against the same said in Python, and among many in little memory; how many go at once."""

import random
import time
from collections import defaultdict
from contextlib import ExitStack
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepscope_collector.config import RetentionConfig, StoreConfig
from stepscope_collector.config.rules import parse_rules
from stepscope_collector.query.load import sql
from stepscope_collector.retention import plan
from stepscope_collector.retention.plan import Due, foresee, make_plan
from stepscope_collector.retention.room import Room
from stepscope_collector.retention.rounds import Rounds
from stepscope_collector.store import Database
from stepscope_collector.store.survey import Starts
from tests.unit.collector.query.filter_history import fill
from tests.unit.collector.query.history import DAY, NOW_NS

DAY_S = DAY // 10**9
GOING_ON = ("queued", "running", "waiting", "retrying")
RULES = (
    "workflow=check* max_age=1d",
    "status=failed,timed_out max_count=2",
    "workflow=etl status=success max_age=0 max_count=0 payload_max_age=1d",
    "workflow=* payload_max_age=2d",
)
USED = 1_000_000
MANY = 300_000
FILL = """
insert into stored.executions by name
select
    md5(n::varchar) as execution_id, execution_key(md5(n::varchar)) as execution_key,
    'w' || n % 5 as workflow_id, make_timestamp_ns(n * 1000) as started_at, n % 1000 as duration_ns,
    n * 1000 as started_unix_nano, n * 1000 as first_unix_nano, n * 1000 as last_start_unix_nano,
    n * 1000 + 500 as last_seen_unix_nano, n * 1000 + 500 as final_end_unix_nano,
    uuid() as any_trace_id, 'success' as status, 1 as attempt_count, 0 as failed_attempt_count,
    2 as span_count, make_timestamp_ns(n * 1000) as ingested_at, make_timestamp_ns(n * 1000) as updated_at
from range(1, $many + 1) r(n)
"""


def room(max_bytes=0):
    """Sizes of a file of 1,000,000 bytes."""
    return Room(max_bytes, USED, 0, 0, 0.0)


@pytest.fixture(scope="module")
def histories():
    with ExitStack() as stack:
        made = [stack.enter_context(Database.open(None, StoreConfig(threads=1))) for _ in range(3)]
        for seed, database in enumerate(made):
            fill(database.writer(), seed)
            database.writer().execute(
                "insert into stored.pins select execution_id, now() from stored.executions "
                "order by execution_id limit 3"
            )
        yield made


@st.composite
def limits(draw):
    some = random.Random(draw(st.integers(0, 2**32)))
    return RetentionConfig(
        max_bytes=0,
        max_age_s=some.choice([0, 0, DAY_S, 4 * DAY_S]),
        max_count=some.choice([0, 0, 3, 10]),
        payload_max_age_s=some.choice([0, DAY_S]),
        failed_max_age_s=some.choice([0, 2 * DAY_S]),
        sample_max_age_s=some.choice([0, 3 * DAY_S]),
        sample_percent=30,
        rules=parse_rules(some.sample(RULES, some.randrange(3))),
    )


def rule_of(row, config):
    """Position of the first rule that fits."""
    fits = (
        n for n, rule in enumerate(config.rules) if rule.is_for(row["workflow_id"], row["status"])
    )
    return next(fits, None)


def limit_of(row, config, name):
    rule = rule_of(row, config)
    own = None if rule is None else getattr(config.rules[rule], name)
    return getattr(config, name) if own is None else own


def is_older(row, age_s):
    return bool(age_s) and row["ended"] < NOW_NS - age_s * 10**9


def is_kept(row, config):
    ages = [
        config.failed_max_age_s if row["status"] in ("failed", "timed_out") else 0,
        config.sample_max_age_s if row["status"] == "success" and row["sample"] else 0,
    ]
    return row["ended"] > NOW_NS - max(ages) * 10**9


def go_for_bytes(ended, needed_weight):
    """Give executions a reason to go until enough weight goes, in their order; those of one turn go together."""

    def turn(row):
        return row["reason"] is None, row["is_kept"], row["ended"]

    ended.sort(key=turn)
    freed = 0
    for _, together in [(key, list(rows)) for key, rows in groupby(ended, turn)]:
        is_wanted = freed < needed_weight
        for row in together:
            if row["reason"] is None and is_wanted:
                row["reason"] = "bytes"
            if row["reason"]:
                freed += row["weight"]


def expected(database, config, needed):
    """Execution id → reason, and of those only whose payloads go: None."""
    with database.read() as connection:
        rows = connection.execute(
            "select v.execution_id, v.workflow_id, v.status, v.started_at::varchar as started_at, "
            "coalesce(nullif(s.final_end_unix_nano, 0), s.last_seen_unix_nano) as ended, "
            "md5_number_lower(v.execution_id) % 100 < 30 as sample, s.span_count, "
            "v.execution_id in (select execution_id from stored.pins) as is_pinned, "
            "(select coalesce(sum(size_bytes), 0)::bigint from stored.payloads p where p.execution_id = v.execution_id) "
            "as payloads, "
            "(select count(*) from stored.log_records l where l.execution_id = v.execution_id) as logs "
            "from executions v join stored.executions s using (execution_id) order by s.rowid"
        )
        names = [column[0] for column in connection.description]
        everything = [dict(zip(names, row, strict=True)) for row in rows.fetchall()]
    for row in everything:
        row["weight"] = row["span_count"] * 100 + row["payloads"] / 2 + row["logs"] * 100
    whole = sum(row["weight"] for row in everything)
    ended = [row for row in everything if row["status"] not in GOING_ON and not row["is_pinned"]]
    same = defaultdict(list)
    for row in ended:
        same[row["workflow_id"], rule_of(row, config)].append(row)
    for rows in same.values():  # a stable sort: what is stored first is the newer of two alike
        rows.sort(key=lambda row: row["started_at"] or "", reverse=True)
        for place, row in enumerate(rows, 1):
            row["place"] = place
    for row in ended:
        most = limit_of(row, config, "max_count")
        row["is_kept"] = is_kept(row, config)
        row["reason"] = (
            None
            if row["is_kept"]
            else "age"
            if is_older(row, limit_of(row, config, "max_age_s"))
            else "count"
            if most and row["place"] > most
            else None
        )
    go_for_bytes(ended, needed * whole / USED)
    due = {row["execution_id"]: row["reason"] for row in ended if row["reason"]}
    stripped = {
        row["execution_id"]: None
        for row in ended
        if row["payloads"] and not row["reason"] and not row["is_kept"]
        and is_older(row, limit_of(row, config, "payload_max_age_s"))
    }  # fmt: skip
    return due | stripped


@given(
    st.integers(0, 2), limits(), st.sampled_from([0, 0, 1_150_000, 600_000, 100_000]),
    st.sampled_from([11, 1000]),
)  # fmt: skip
@settings(max_examples=40)
def test_what_is_due_is_what_the_limits_say(histories, which, config, max_bytes, at_once):
    """issue #7: limits, rules and what is kept longer, together; a dry run says how much it is."""
    database = histories[which]
    due = make_plan(database, config, NOW_NS, room(max_bytes), most=1000)
    assert {each.execution_id: each.reason for each in due.due} == expected(
        database, config, room(max_bytes).needed_bytes
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "_COUNTED_AT_ONCE", at_once)
        foreseen = foresee(database, config, NOW_NS, room(max_bytes))
    assert {(each.rule, each.executions) for each in foreseen} == {
        (each.rule, each.executions) for each in due.counts(config)
    }


@pytest.mark.parametrize("which", range(3))
def test_statuses_are_those_of_the_view(histories, which):
    """ours: retention does not ask the view, which would take a table of all ids."""
    columns = "execution_id, workflow_id, status"
    with histories[which].read() as connection:
        text = sql("retention/judged") + f"select {columns} from named order by all"
        given = plan._given(connection, RetentionConfig(), 0, room(), "*", with_bytes=False)
        bound = {name: value for name, value in given.items() if f"${name}" in text}
        seen = connection.execute(text, bound).fetchall()
        assert (
            seen == connection.execute(f"select {columns} from executions order by all").fetchall()
        )


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    path = tmp_path_factory.mktemp("many") / "stepscope.duckdb"
    with Database.open(path, StoreConfig()) as database:
        database.writer().execute(FILL, {"many": MANY})
    return path


@pytest.mark.parametrize(
    ("limit", "due"),
    [
        ({"max_bytes": USED}, MANY * 4 // 10),
        ({"max_age_s": 1}, MANY),
        ({"max_count": 100}, MANY - 5 * 100),
    ],
)
def test_the_memory_it_takes_does_not_grow_with_the_history(many, limit, due, monkeypatch):
    """ours: what is to go of tens of millions of executions is found within the engine's memory."""
    monkeypatch.setattr(plan, "_COUNTED_AT_ONCE", 20_000)
    config = RetentionConfig(**{"max_bytes": 0} | limit)
    now_ns = 10**18
    sizes = room(config.max_bytes)
    with Database.open(
        many, StoreConfig(memory_limit_bytes=32 * 2**20), read_only=True
    ) as database:
        found = make_plan(database, config, now_ns, sizes, most=500).due
        assert sorted(each.starts.first for each in found) == [1000 * n for n in range(1, 501)]
        (foreseen,) = foresee(database, config, now_ns, sizes)
        assert foreseen.executions == pytest.approx(due, abs=2)


@pytest.mark.parametrize(
    ("is_urgent", "at_least", "at_most"), [(False, 10_000, 40_000), (True, 100_000, 150_000)]
)
def test_rounds_are_longer_while_senders_wait(is_urgent, at_least, at_most):
    """ours: every round costs the same before it removes anything; removal has to keep up with what comes in."""
    with Database.open(None, StoreConfig()) as database:
        rounds = Rounds(database, None, None, time.time_ns, lambda: is_urgent)
        due = [Due(str(n), "w", "age", None, 0, Starts(n, n), 1000) for n in range(1000)]
        for _ in range(50):
            rows = sum(each.rows for each in next(rounds.chunks(due)))
            rounds._adjust(rows, 40_000_000 + rows * 1000)
        assert at_least <= rows <= at_most

import json
import math
import random
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from stepscope_collector.errors import BadRequest
from stepscope_collector.query import cohorts as room
from stepscope_collector.query.cohorts import Lift, compare_cohorts
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

COUNT = 160


def fill(database: Database, seed: int = 3) -> list[dict[str, Any]]:
    """Executions that fail mostly on one host, sometimes else; what each is known by."""
    draw = random.Random(seed)
    writer = database.writer()
    for number, host in enumerate(("good", "bad"), start=1):
        insert(
            writer, "resources", resource_id=number, attributes={"host.name": host, "other": "x"},
            dropped_attributes_count=0, schema_url="",
        )  # fmt: skip
    known = []
    for number in range(COUNT):
        host = draw.choice(["good", "good", "good", "bad"])
        is_failed = draw.random() < (0.8 if host == "bad" else 0.15)
        params = {"region": draw.choice("ab"), "to": [draw.choice("xyz"), {"n": number % 3}]}
        row: dict[str, Any] = {
            "version": draw.choice(["1", "2"]), "tag": draw.choice([["eu"], ["eu", "night"], None]),
            "user": draw.choice(["ann", None]), "params": params, "host": host, "failed": is_failed,
            "workflow": draw.choice("vw"), "unique": f"u{number}",
        }  # fmt: skip
        known.append(row)
        at = NOW_NS + number * SECOND
        name = f"e{number}"
        add_execution(
            writer, name, started_unix_nano=at, final_end_unix_nano=at + SECOND,
            workflow_id=row["workflow"], workflow_version=row["version"], user_id=row["user"],
            tags=None if row["tag"] is None else json.dumps(row["tag"]), project=row["unique"],
            status="failed" if is_failed else "success", last_start_unix_nano=at + SECOND,
        )  # fmt: skip
        resource = 2 if host == "bad" else 1
        for span, role in ((1, "execution"), (2, "step")):
            add_span(
                writer, name, span, role=role, start_time_unix_nano=at, resource_id=resource
            )  # fmt: skip
        add_payload(writer, name, "params", json.dumps(params), start_time_unix_nano=at)
        add_payload(writer, name, "input", f'"{host}"', start_time_unix_nano=at)
        add_payload(writer, name, "input", '"of a step"', start_time_unix_nano=at, span_id=2)
    return known


def traits(row: dict[str, Any]) -> set[tuple[str, str]]:
    params = row["params"]
    found = {
        ("workflow", row["workflow"]), ("version", row["version"]), ("engine", "stepscope"),
        ("project", row["unique"]), ("host.name", row["host"]), ("input", row["host"]),
        ("params.region", params["region"]), ("params.to[0]", params["to"][0]),
        ("params.to[1].n", str(params["to"][1]["n"])),
    }  # fmt: skip
    if row["user"]:
        found.add(("user", row["user"]))
    return found | {("tag", tag) for tag in row["tag"] or []}


def wilson(share: float, n: int) -> float:
    """The share at which what was seen is three standard deviations above it."""
    low, high = 0.0, share
    for _ in range(60):
        middle = (low + high) / 2
        is_far = share - middle > 3 * math.sqrt(middle * (1 - middle) / n)
        low, high = (middle, high) if is_far else (low, middle)
    return low


@pytest.fixture(scope="module")
def history() -> Iterator[tuple[Database, list[dict[str, Any]]]]:
    """A history with a bad host; nobody writes to it."""
    with open_memory() as opened:
        yield opened, fill(opened)


@pytest.mark.parametrize("filters", [{}, {"workflow": "v"}, {"filter": "user = ann"}])
@pytest.mark.parametrize("least", [1, 5])
def test_every_value_is_counted_as_a_recount_counts_it(
    history: Any, filters: dict[str, str], least: int
) -> None:
    """R153: which param, tag, version, host has lift, with counts and support."""
    database, known = history
    if "workflow" in filters:
        known = [row for row in known if row["workflow"] == "v"]
    if "filter" in filters:
        known = [row for row in known if row["user"] == "ann"]
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for row in known:
        for trait in traits(row):
            counts[trait][0 if row["failed"] else 1] += 1
    failed = sum(row["failed"] for row in known)
    told, lifts = compare_cohorts(database, filters, now_ns=NOW_NS, least=least, limit=1000)
    assert (told.cohort_count, told.against_count) == (failed, len(known) - failed)
    assert told.share == failed / len(known)
    expected = {
        trait: tuple(each)
        for trait, each in counts.items()
        if least <= sum(each) < len(known)
    }  # fmt: skip
    assert {(row.trait, row.value): (row.cohort_count, row.against_count) for row in lifts} == (
        expected
    )
    for row in lifts:
        n = row.cohort_count + row.against_count
        assert row.support == pytest.approx(n / len(known))
        assert row.share == pytest.approx(row.cohort_count / n)
        assert row.lift == pytest.approx(row.share / told.share)
        assert row.lift_low == pytest.approx(wilson(row.share, n) / told.share, abs=1e-9)
    order = [row.lift_low for row in lifts]
    assert order == sorted(order, reverse=True)


def test_the_cause_stands_first_and_rare_values_do_not_shout(history: Any) -> None:
    """R153: a value that only one failed execution has is no finding."""
    _, lifts = compare_cohorts(history[0], {}, now_ns=NOW_NS, least=1, limit=1000)

    def sure(rows: list[Lift]) -> set[tuple[str, str]]:
        return {(row.trait, row.value) for row in rows if row.lift_low > 1}

    assert sure(lifts) == {("host.name", "bad"), ("input", "bad")}
    alone = [row for row in lifts if row.trait == "project" and row.share == 1]
    assert alone
    assert all(row.lift > 2 and row.lift_low < 1 for row in alone)
    _, few = compare_cohorts(history[0], {}, now_ns=NOW_NS)
    assert not [row for row in few if row.trait == "project"]


def test_any_two_filters_are_cohorts_and_what_is_in_both_counts_once(history: Any) -> None:
    """issue #7: cohorts in the one filter language."""
    database, known = history
    told, lifts = compare_cohorts(
        database, {}, now_ns=NOW_NS, cohort='params.region = "a"', against="status = success"
    )
    ours = sum(row["params"]["region"] == "a" for row in known)
    theirs = sum(row["params"]["region"] == "b" and not row["failed"] for row in known)
    assert (told.cohort_count, told.against_count) == (ours, theirs)
    assert (lifts[0].trait, lifts[0].value) == ("params.region", "a")
    none, nothing = compare_cohorts(database, {}, now_ns=NOW_NS, cohort="status = running")
    assert (none.cohort_count, nothing) == (0, [])
    empty, nothing = compare_cohorts(database, {"workflow": "nobody"}, now_ns=NOW_NS)
    assert (empty.share, nothing) == (None, [])


def test_of_large_cohorts_the_newest_are_looked_at(
    history: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """issue #7: nothing is cut silently."""
    database, known = history
    monkeypatch.setattr(room, "MAX_EXECUTIONS", 10)
    told, lifts = compare_cohorts(database, {}, now_ns=NOW_NS, least=1, limit=1000)
    assert (told.cohort_count, told.against_count, told.is_truncated) == (10, 10, True)
    newest = {
        row["unique"]
        for is_failed in (True, False)
        for row in [row for row in known if row["failed"] == is_failed][-10:]
    }
    assert {row.value for row in lifts if row.trait == "project"} == newest


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"cohort": "stats = failed"}, "unknown field 'stats'"),
        ({"against": "status ="}, "."),
        ({"least": 0}, "min_count=0 is out of range"),
        ({"limit": 1001}, "limit=1001 is out of range"),
    ],
)
def test_questions_that_make_no_sense_are_refused(
    history: Any, question: dict[str, Any], message: str
) -> None:
    """issue #7: an error names what was wrong."""
    with pytest.raises(BadRequest, match=message):
        compare_cohorts(history[0], {}, now_ns=NOW_NS, **question)

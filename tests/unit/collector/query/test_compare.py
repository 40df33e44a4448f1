import uuid
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope_collector.errors import NotFound
from stepscope_collector.query import compare
from stepscope_collector.query.compare import compare_executions
from stepscope_collector.query.rows import Step
from stepscope_collector.query.step_pairs import pair_steps
from stepscope_collector.store import Database
from tests.unit.collector.query.history import (
    NOW_NS,
    SECOND,
    add_execution,
    add_log,
    add_payload,
    add_span,
)

STEP = Step(
    execution_id="x", step_index=0, step_id="s", step_name="s", step_type=None, attempt=1,
    attempt_count=1, max_attempts=None, is_expected_retry=None, status="success",
    status_native=None, queued_at=None, wait_ns=None, first_started_at=0, started_at=0, ended_at=1,
    duration_ns=1, last_seen_at=1, error_type=None, error_message=None, error_stack=None,
    dialect="stepscope", trace_id="t", span_id="a", parent_span_id=None, ingested_at=0,
)  # fmt: skip


def fill(database: Database, execution_id: str, start: int, **values: Any) -> None:
    """One execution of workflow w with two steps, params, output and logs."""
    writer = database.writer()
    at = NOW_NS + start * SECOND
    failed = values.pop("failed", False)
    params, lines = values.pop("params", '{"day": 1, "to": ["a"]}'), values.pop("lines", ["row 1"])
    error = {"status": "failed", "error_type": "E", "error_message": "no"} if failed else {}
    add_execution(
        writer, execution_id, **{
            "workflow_id": "w", "started_unix_nano": at, "final_end_unix_nano": at + 10 * SECOND,
            "status": "success", "last_start_unix_nano": at + 5 * SECOND, **error, **values,
        },
    )  # fmt: skip
    add_span(writer, execution_id, 1, role="execution", start_time_unix_nano=at)
    add_span(writer, execution_id, 2, step_name="load", start_time_unix_nano=at)
    add_span(
        writer, execution_id, 3, step_name="save", start_time_unix_nano=at + 2 * SECOND,
        end_time_unix_nano=at + (4 if failed else 3) * SECOND, **error,
    )  # fmt: skip
    add_payload(writer, execution_id, "params", params, start_time_unix_nano=at)
    add_payload(
        writer, execution_id, "params", '{"old": 0}', start_time_unix_nano=at, live_phase="started",
        span_id=99, open_span_id=1,
    )  # fmt: skip
    body = '{"rows": 2}' if failed else '{"rows": 3}'
    add_payload(writer, execution_id, "output", body, span_id=2, start_time_unix_nano=at)
    for line in lines:
        add_log(
            writer, execution_id=execution_id, time_unix_nano=at, body=line, span_id=2,
            trace_id=uuid.uuid5(uuid.NAMESPACE_OID, execution_id),
        )  # fmt: skip


def test_two_executions_differ_in_params_path_steps_logs_and_version(database: Database) -> None:
    """R152: diff of params, path, per-step status, duration and output, logs, version."""
    fill(database, "good", 0, workflow_version="1")
    fill(
        database, "bad", 100, failed=True, workflow_version="2",
        params='{"day": 2, "to": ["a", {}]}', lines=["row 7", "row 8", "no luck"],
    )  # fmt: skip
    add_span(
        database.writer(), "bad", 4, step_name="retreat",
        start_time_unix_nano=NOW_NS + 101 * SECOND,
    )  # fmt: skip
    found = compare_executions(database, "good", "bad")
    assert {(row.field, row.left, row.right) for row in found.facts} == {
        ("workflow_version", "1", "2"), ("status", "success", "failed"), ("error_type", None, "E"),
        ("error_message", None, "no"),
    }  # fmt: skip
    assert [(row.kind, row.path, row.change, row.left, row.right) for row in found.values] == [
        ("params", "$.day", "changed", "1", "2"), ("params", "$.to[1]", "only_right", None, "{}"),
    ]  # fmt: skip
    assert (found.path.is_same, found.path.common_count) == (False, 1)
    assert (found.path.left_next, found.path.right_next) == ("save", "retreat")
    shown = [
        (
            row.step_name,
            row.change,
            row.right_status,
            row.difference_ns,
            row.output,
            row.right_error,
        )
        for row in found.steps
    ]
    assert shown == [
        ("load", "changed", "success", 0, "changed", None),
        ("retreat", "only_right", "success", None, None, None),
        ("save", "changed", "failed", SECOND, None, "E: no"),
    ]
    assert [(row.step_name, row.line, row.left_count, row.right_count) for row in found.logs] == [
        ("load", "no luck", 0, 1), ("load", "row <n>", 1, 2),
    ]  # fmt: skip
    assert found.truncated == ()


def test_an_execution_compared_with_itself_differs_in_nothing(whole: Database) -> None:
    """issue #7: what is equal is told as equal."""
    for number in range(12):
        found = compare_executions(whole, f"whole-{number}", f"whole-{number}")
        assert (found.facts, found.values, found.logs) == ([], [], [])
        assert found.path.is_same
        assert {row.change for row in found.steps} <= {"same"}
        assert not [row for row in found.steps if row.difference_ns]


def test_without_another_the_last_success_before_it_is_meant(database: Database) -> None:
    """R060: learn from the last success of the same workflow."""
    fill(database, "early", 0)
    fill(database, "before", 50)
    fill(database, "elsewhere", 60, workflow_id="v")
    fill(database, "bad", 100, failed=True)
    fill(database, "after", 200)
    assert compare_executions(database, None, "bad").left.execution_id == "before"
    assert compare_executions(database, None, "after").left.execution_id == "before"
    with pytest.raises(NotFound, match="succeeded before 'early'"):
        compare_executions(database, None, "early")
    with pytest.raises(NotFound, match="nobody"):
        compare_executions(database, "nobody", "bad")


def test_long_lists_are_cut_and_say_so(database: Database, monkeypatch: Any) -> None:
    """issue #7: nothing is cut silently."""
    monkeypatch.setattr(compare, "MAX_VALUES", 1)
    monkeypatch.setattr(compare, "MAX_LINES", 1)
    fill(database, "a", 0, params='{"a": 1, "b": 1}', lines=["x"])
    fill(database, "b", 1, params='{"a": 2, "b": 2}', lines=["y"])
    found = compare_executions(database, "a", "b")
    assert (len(found.values), len(found.logs), found.truncated) == (1, 1, ("values", "logs"))


def test_texts_that_are_no_json_and_lines_that_differ_in_ids_only(database: Database) -> None:
    """issue #7: a cut JSON is a text; a line with another id in it is the same line."""
    ids = [str(uuid.UUID(int=n * 2**64 + 0xABCDEF)) for n in (1, 2)]
    for place, name in enumerate(("a", "b")):
        fill(
            database, name, place, params=f'{{"cut{place}',
            lines=[f"order {ids[place]} took {place + 1}.5 s of 0x{ids[place][-12:]}"],
        )  # fmt: skip
    found = compare_executions(database, "a", "b")
    assert [(row.path, row.left, row.right) for row in found.values] == [
        ("$", '"{\\"cut0"', '"{\\"cut1"')
    ]
    assert found.logs == []


steps_of_time = st.lists(
    st.tuples(st.sampled_from("abc"), st.none() | st.sampled_from("pq"), st.booleans()), max_size=7
)


def made(drawn: list[Any], side: str) -> list[Step]:
    steps = []
    taken = set()
    for place, (name, step_id, failed) in enumerate(drawn):
        own = step_id if step_id is not None and step_id not in taken else f"{side}{place}"
        taken.add(own)
        steps.append(
            replace(
                STEP, step_index=place, step_id=own, step_name=name, span_id=f"{side}{place}",
                status="failed" if failed else "success", duration_ns=place,
            )
        )  # fmt: skip
    return steps


@given(steps_of_time, steps_of_time)
def test_each_step_of_either_stands_there_once(left: list[Any], right: list[Any]) -> None:
    """issue #7: steps are paired by id and name, else by name in their order."""
    ours, theirs = made(left, "l"), made(right, "r")
    pairs = pair_steps(ours, theirs, {}, {})
    assert [p.left_step_id for p in pairs if p.left_step_id] == [s.step_id for s in ours]
    assert Counter(p.right_step_id for p in pairs if p.right_step_id) == Counter(
        s.step_id for s in theirs
    )
    for name in "abc":
        alone = {p.change for p in pairs if p.step_name == name} & {"only_left", "only_right"}
        ids = {s.step_id for s in ours if s.step_name == name}
        shared = ids & {s.step_id for s in theirs if s.step_name == name}
        assert {p.left_step_id for p in pairs if p.left_step_id == p.right_step_id} >= shared
        assert len(alone) <= 1
    for pair in pairs:
        if pair.left_step_id and pair.right_step_id:
            is_same = pair.left_status == pair.right_status
            assert (pair.change == "same") == is_same


@given(steps_of_time)
def test_steps_against_themselves_are_all_the_same(drawn: list[Any]) -> None:
    """issue #7: also where no step has an id of its own."""
    ours, theirs = made(drawn, "l"), made(drawn, "r")
    assert {p.change for p in pair_steps(ours, theirs, {}, {})} <= {"same"}


@pytest.mark.parametrize(
    ("left", "right", "is_same"),
    [
        ('{"a": 1.0, "b": [2, {"c": null}]}', '{"b":[2.0,{"c":null}],"a":1}', True),
        ("1e2", "100", True),
        ("0.5", "0.50", True),
        ("[]", "{}", False),
        ("9007199254740993", "9007199254740992", False),
        ('{"a": "1"}', '{"a": 1}', False),
        ('{"a": 1.5}', '{"a": 1}', False),
        ("null", '""', False),
        ('{"cut', '{"cut', True),
        ('{"cut', '{"cat', False),
    ],
)
def test_equal_json_is_the_same_however_it_is_written(
    database: Database, left: str, right: str, *, is_same: bool
) -> None:
    """R152: found by walking the product, blanks in an output made a step a changed one."""
    for place, (name, text) in enumerate((("a", left), ("b", right))):
        at = NOW_NS + place * SECOND
        fill(database, name, place, params=text)
        add_payload(database.writer(), name, "output", text, span_id=3, start_time_unix_nano=at)
    found = compare_executions(database, "a", "b")
    assert (found.values == []) is is_same
    (save,) = [row for row in found.steps if row.step_name == "save"]
    assert save.output == ("same" if is_same else "changed")

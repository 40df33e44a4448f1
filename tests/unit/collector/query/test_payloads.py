import pytest

from stepscope_collector.errors import BadRequest, NotFound
from stepscope_collector.query import payloads as room
from stepscope_collector.query.executions import execution_detail
from stepscope_collector.query.payloads import payload_parts
from stepscope_collector.store import Database
from tests.unit.collector.query.history import add_execution, add_payload, add_span

LONG = "żółć" * 500


@pytest.fixture
def filled(database: Database) -> Database:
    """An execution with params, and a step tried twice with input and output."""
    writer = database.writer()
    add_execution(writer, "x")
    add_span(writer, "x", 1, role="execution")
    for attempt in (1, 2):
        add_span(writer, "x", 1 + attempt, step_id="load", step_name="Load", attempt=attempt)
        add_payload(writer, "x", "input", f"{attempt}", span_id=1 + attempt)
    add_payload(writer, "x", "output", LONG, span_id=3)
    add_payload(writer, "x", "params", '{"a": 1}')
    return database


@pytest.mark.parametrize("number", range(12))
def test_without_conditions_they_are_those_of_the_execution(whole: Database, number: int) -> None:
    """issue #7: payloads on request; the same as in the execution in full."""
    detail = execution_detail(whole, f"whole-{number}", ("payloads",))
    rows, is_truncated = payload_parts(whole, f"whole-{number}")
    assert not is_truncated
    assert [(row.span_id, row.kind, row.key, row.body) for row in rows] == [
        (row.span_id, row.kind, row.key, row.body) for row in detail.payloads or []
    ]


def test_they_are_told_with_their_step_and_by_kind(filled: Database) -> None:
    """R028: what data flowed through each step."""
    rows, _ = payload_parts(filled, "x", kinds=["input", "params"])
    assert [(row.kind, row.step_id, row.step_name, row.attempt, row.body) for row in rows] == [
        ("params", None, None, None, '{"a": 1}'),
        ("input", "load", "Load", 1, "1"),
        ("input", "load", "Load", 2, "2"),
    ]
    rows, _ = payload_parts(filled, "x", step_id="load")
    assert [row.kind for row in rows] == ["input", "input", "output"]
    assert payload_parts(filled, "x", step_id="nobody") == ([], False)


def test_a_large_one_comes_in_parts(filled: Database) -> None:
    """issue #7: parts join to the whole; no character is split."""
    body, offset = "", 0
    while True:
        ((row,), _) = payload_parts(filled, "x", kinds=["output"], offset=offset, max_chars=700)
        body += row.body
        offset += 700
        assert row.body_chars == 2000
        if not row.has_more:
            break
    assert (body, offset, row.size_bytes) == (LONG, 2100, len(LONG.encode()))
    rows, _ = payload_parts(filled, "x", max_chars=0)
    assert {row.body for row in rows} == {""}
    assert all(row.has_more for row in rows)


def test_what_is_out_of_range_is_refused_and_what_is_cut_is_told(
    filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """issue #7: nothing is cut silently."""
    monkeypatch.setattr(room, "MAX_PAYLOADS", 2)
    rows, is_truncated = payload_parts(filled, "x")
    assert (len(rows), is_truncated) == (2, True)
    with pytest.raises(BadRequest, match="max_chars=-1 is out of range"):
        payload_parts(filled, "x", max_chars=-1)
    with pytest.raises(BadRequest, match="offset=-1 is out of range"):
        payload_parts(filled, "x", offset=-1)
    with pytest.raises(NotFound):
        payload_parts(filled, "nobody")

"""What is left of an answer that is too long."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope_collector.errors import BadRequest
from stepscope_collector.present.mcp.budget import BYTES_PER_TOKEN, fit
from stepscope_collector.present.mcp.failure import _steps
from stepscope_collector.present.mcp.tool import Answer


def _answer(steps: int, payloads: int, text: str = "", newest: bool = False) -> Answer:
    def rest(name: str) -> Any:
        return lambda kept: f"{name} from {kept}"

    return Answer(
        {
            "steps": [{"n": n, "error": text} for n in range(steps)],
            "payloads": [{"n": n} for n in range(payloads)],
            "facts": {"id": "x"},
        },
        {"steps": rest("steps"), "payloads": rest("payloads")},
        newest=frozenset({"steps"}) if newest else frozenset(),
        whole=lambda path: f"all of {path}",
    )


def test_no_list_is_empty_because_another_one_is_long() -> None:
    """issue #7: of 5,000 steps and as many payloads both are told, and the way to the rest."""
    found = json.loads(fit(_answer(5000, 5000), 1000))
    kept = {note["field"]: note["kept"] for note in found["cut"]}
    assert kept == {"steps": len(found["steps"]), "payloads": len(found["payloads"])}
    assert min(kept.values()) > 50
    assert abs(kept["steps"] - kept["payloads"]) < 30
    assert [note["rest"] for note in found["cut"]] == [
        f"steps from {kept['steps']}", f"payloads from {kept['payloads']}",
    ]  # fmt: skip


def test_a_short_list_stays_whole_beside_a_long_one() -> None:
    """issue #7: only what is too long is cut."""
    found = json.loads(fit(_answer(5000, 3), 1000))
    assert len(found["payloads"]) == 3
    assert [note["field"] for note in found["cut"]] == ["steps"]


def test_more_is_left_out_where_it_would_pass_over_rows_that_were_cut() -> None:
    """issue #7: an answer says one way to the rest, and it skips nothing."""
    for steps, budget, has_more in ((10, 1000, True), (5000, 1000, False)):
        answer = _answer(steps, 0)
        answer.document["more"] = f"steps from {steps}"
        answer.goes_on = "steps"
        assert ("more" in json.loads(fit(answer, budget))) is has_more


def test_only_texts_that_are_still_there_are_told_of() -> None:
    """issue #7: a note leads to something in the answer."""
    found = json.loads(fit(_answer(900, 0, "bad " * 3000), 1000))
    count = len(found["steps"])
    texts = [note["field"] for note in found["cut"] if "unit" in note]
    assert texts
    assert all(int(field[6:].partition("]")[0]) < count for field in texts)


@given(
    steps=st.integers(0, 300),
    payloads=st.integers(0, 300),
    text=st.text(max_size=300),
    newest=st.booleans(),
    budget=st.integers(400, 3000),
)
def test_an_answer_fits_and_says_all_that_it_leaves_out(
    steps: int, payloads: int, text: str, newest: bool, budget: int
) -> None:
    """issue #7: answers fit a token budget and say when cut; random lists and texts."""
    answer = _answer(steps, payloads, text, newest)
    written = fit(answer, budget)
    assert len(written.encode()) <= budget * BYTES_PER_TOKEN
    found = json.loads(written)
    told = {
        note["field"]: note for note in found.get("cut", []) if note.get("field") in answer.rest
    }
    for name in answer.rest:
        rows = answer.document[name]
        kept = found[name]
        assert (len(kept) < len(rows)) == (name in told)
        first = len(rows) - len(kept) if newest and name == "steps" else 0
        assert [row["n"] for row in kept] == list(range(first, first + len(kept)))


def test_of_many_steps_those_around_the_failure_are_evidence() -> None:
    """issue #7: explain_failure tells of the failing step wherever it stands."""
    rows = [
        {"step_id": str(n), "step_name": f"s{n}", "step_index": n, "status": "success"}
        for n in range(5000)
    ]
    rows[4321]["status"] = rows[7]["status"] = "failed"
    told = _steps(rows, rows[4321])
    assert [row["step_index"] for row in told["steps"]] == [7, *range(4311, 4332)]
    assert told["steps_left_out"] == 5000 - 22
    assert len(_steps(rows[:50], None)["steps"]) == 50


@pytest.mark.parametrize("budget", [1, 10])
def test_what_cannot_be_cut_is_an_error_with_the_remedy(budget: int) -> None:
    """issue #7: errors say what to do."""
    with pytest.raises(BadRequest) as caught:
        fit(_answer(3, 3), budget)
    assert "raise max_tokens" in (caught.value.hint or "")

"""Executions of thousands of steps, as people read them."""

from stepscope_collector.present.text.cuts import MAX_ROWS, foremost
from stepscope_collector.present.text.execution import execution_text
from stepscope_collector.present.text.story import path_text, waits_text
from stepscope_collector.present.text.tables import Screen
from tests.unit.collector.present.text.history import execution, payload, step

PARTS = dict.fromkeys(("self_ns", "child_ns", "queue_ns", "back_off_ns", "gap_ns"), 0)


def test_the_rows_that_matter_most_stay_in_their_order():
    """ours: of equal weight the first, nothing is sorted."""
    assert foremost("badcab", ord, 3) == ["b", "d", "c"]
    assert foremost("badcab", ord, 6) == foremost("badcab", ord, None) == list("badcab")


def test_many_steps_are_cut_and_those_that_failed_stay():
    """issue #7: 10,000 steps are no wall of text; what did not succeed is shown first."""
    steps = [
        step(number, f"s{number}", number, number + 1)
        | ({"status": "failed", "error_type": "E"} if number == 4321 else {})
        for number in range(1, 5001)
    ]
    payloads = [payload("input", str(number), f"{number:016x}") for number in range(1, 5001)]
    document = {"execution": execution(), "steps": steps, "payloads": payloads}
    text = execution_text(document, Screen())
    assert "Steps (5000)\n" in text
    assert "  s4321  failed" in text
    assert "… 4,800 more steps; --full shows them" in text
    assert "Step s4321: input" in text
    assert text.count("Step s") == 50
    assert "… 4,950 more steps with inputs and outputs; --full shows them" in text
    assert len(text.splitlines()) < 500
    whole = execution_text(document, Screen(), is_full=True)
    assert whole.count("\nStep s") == 5000
    assert "more steps" not in whole


def test_deep_steps_are_indented_to_a_depth_that_can_be_read():
    """ours: found by walking the product, 3000 levels made 18 MB of blanks."""
    steps = [
        step(number, "s", number, 9000 - number, parent_span_id=f"{number - 1:016x}")
        for number in range(1, 102)
    ]
    text = execution_text({"execution": execution(), "steps": steps}, Screen())
    assert max(map(len, text.splitlines())) < 120
    assert "[100] s" in text


def test_a_long_path_shows_its_longest_pieces_and_the_least_slack():
    """issue #7: critical path with slack, also of 10,000 steps."""
    segments = [
        {"kind": "self", "step_name": f"s{n}", "attempt": 1, "child_execution_id": None,
         "duration_ns": n} for n in range(1000)
    ]  # fmt: skip
    slacks = [
        {"step_name": f"t{n}", "child_execution_id": None, "is_critical": False,
         "slack_ns": None if n == 5 else 1000 - n} for n in range(1001)
    ]  # fmt: skip
    path = {"critical_ns": 1, "total_ns": 1}
    document = {"critical_path": path, "segments": segments, "slacks": slacks}
    text = path_text(document, Screen(), most=MAX_ROWS)
    assert "s999" in text
    assert "s799 " not in text
    assert "… 800 more and shorter pieces; --full shows them" in text
    assert text.splitlines()[-2].split() == ["t1000", "0", "ns"]
    assert "t800 " not in text
    assert "… 801 more with more slack" in text
    waits = {
        "waits": {**PARTS, "total_ns": 0},
        "steps": [
            {**PARTS, "step_name": f"s{n}", "attempt_count": 1, "total_ns": n, "steps_ns": 0}
            for n in range(300)
        ],
    }
    assert "… 100 more steps" in waits_text(waits, Screen(), most=MAX_ROWS)


def test_an_error_of_a_child_execution_leads_to_it():
    """R033: the failing leaf, also where it lies in an execution that this one started."""
    error = {"status": "failed", "error_type": "OSError", "error_message": "no paper"}
    children = [
        execution(execution_id="other", workflow_name="pick", error_type="E", error_message="x"),
        execution(execution_id="kid", workflow_name="ship", **error),
    ]
    document = {"execution": execution(**error), "children": children, "error_step": None}
    assert "  raised in child execution ship kid\n" in execution_text(document, Screen())


def test_of_many_attempts_the_first_and_the_last_are_shown():
    """issue #7: 200 attempts are no wall of text; how it began and how it ended stay."""
    tries = [
        step(number, "flaky", number, number + 1, step_id="f") | {"attempt": number}
        for number in range(1, 201)
    ]
    document = {
        "execution": execution(), "steps": [tries[-1] | {"attempt_count": 200}], "attempts": tries,
    }  # fmt: skip
    text = execution_text(document, Screen())
    shown = [line.split()[1] for line in text.splitlines() if line.startswith("  attempt ")]
    assert shown == ["1", "2", "3", *map(str, range(191, 201))]
    assert "… 187 more attempts; --full shows them\n" in text
    assert execution_text(document, Screen(), is_full=True).count("\n  attempt ") == 200


def test_steps_outside_the_time_of_their_execution_are_told_of():
    """issue #7: two clocks; nothing is moved, and it is said."""
    whole = execution()
    inside = step(1, "in", 10, 20)
    text = execution_text({"execution": whole, "steps": [inside]}, Screen())
    assert "outside the time" not in text
    steps = [inside, step(2, "ahead", 20_000, 20_005), step(3, "behind", -5000, -4000)]
    text = execution_text({"execution": whole, "steps": steps}, Screen())
    assert "2 steps lie outside the time of the execution: the clocks of the senders differ" in text
    text = execution_text({"execution": whole, "steps": steps[1:2]}, Screen())
    assert "1 step lies outside" in text

"""What the demo does before and after it talks to a collector."""

import json
from pathlib import Path

import pytest

from stepscope_collector.cli import demo
from stepscope_collector.cli.server import run_program, wait_for
from stepscope_collector.errors import NotFound, StepscopeError

ROOT = Path(__file__).parents[4]


def test_every_example_is_in_the_list_of_what_is_expected():
    """ours: an example nobody runs is not tested."""
    programs, expected = demo._find_examples(None)
    assert programs == sorted((ROOT / "examples").glob("0*.py"))
    assert sum(expected.values()) == 445
    assert expected["region_report", "success"] == 3


def test_examples_are_looked_for_where_the_user_says(tmp_path):
    """ours: --examples."""
    document = {"a.py": [{"workflow": "w", "status": "failed", "count": 2}], "b.py": []}
    (tmp_path / "expected.json").write_text(json.dumps(document))
    programs, expected = demo._find_examples(tmp_path)
    assert programs == [tmp_path / "a.py", tmp_path / "b.py"]
    assert expected == {("w", "failed"): 2}
    with pytest.raises(NotFound, match=r"no expected\.json in .*nowhere: the examples are part"):
        demo._find_examples(tmp_path / "nowhere")


def test_a_history_that_is_not_the_expected_one_is_told(monkeypatch):
    """issue #2: exits 0 only if everything expected is there."""

    class Answering:
        def sql(self, statement, params):
            names = ("workflow_name", "status", "count")
            columns = [{"name": name} for name in names]
            return {"columns": columns, "rows": [["a", "success", 1], ["odd", "failed", 1]]}

    monkeypatch.setattr(demo, "_ARRIVAL_TIMEOUT_S", 0.01)
    expected = demo.Counts({("a", "success"): 3})
    with pytest.raises(StepscopeError, match="missing 2 a success, not expected 1 odd failed"):
        demo._wait(Answering(), "2026-01-01T00:00:00Z", expected)


def test_a_program_gets_the_environment_and_its_output_is_returned(tmp_path):
    """issue #2: each example in its own process."""
    program = tmp_path / "p.py"
    program.write_text("import os; print(os.environ['GIVEN'], len(os.environ) > 1)")
    assert run_program(program, {"GIVEN": "x"}, 30) == "x True\n"


def test_a_program_that_does_not_end_is_stopped(tmp_path):
    """ours: the demo ends in any case."""
    program = tmp_path / "endless.py"
    program.write_text("import threading; threading.Event().wait()")
    with pytest.raises(StepscopeError, match=r"endless\.py did not end within 0\.5 s"):
        run_program(program, {}, 0.5)


def test_waiting_ends_with_the_first_answer():
    """ours: bounded polling."""
    answers = iter([None, None, "there"])
    assert wait_for(lambda: next(answers), 10) == "there"
    assert wait_for(lambda: None, 0) is None

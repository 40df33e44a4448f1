"""Launchers and engines."""

import importlib.metadata
import os
import subprocess
import sys

from tests.integration.exporter.receiver import attributes, running_receiver


def environment(receiver):
    kept = {key: text for key, text in os.environ.items() if not key.startswith("OTEL_")}
    return {**kept, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}


def test_a_pytest_session_is_an_execution_and_its_tests_are_steps(tmp_path):
    """issue #3: pytest plugin as an example of an engine."""
    (tmp_path / "test_shop.py").write_text(
        """
import pytest, stepscope
@stepscope.step
def price(): return 7
def test_good(): assert price() == 7
def test_bad(): assert price() == 8
@pytest.mark.skip(reason="later")
def test_later(): pass
@pytest.fixture
def broken(): raise RuntimeError("no database")
def test_setup(broken): pass
def test_fixture(recorded):
    with stepscope.workflow("inside"): pass
    assert recorded.execution("inside").outcome == "success"
""",
        encoding="utf-8",
    )
    with running_receiver() as receiver:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "stepscope.integrations.pytest", "--stepscope",
             "--stepscope-name", "shop tests", "-p", "no:cacheprovider", "-p", "no:randomly", str(tmp_path)],
            capture_output=True, text=True, timeout=60, check=False, env=environment(receiver), cwd=tmp_path,
        )  # fmt: skip
        found = {span.name: (span, attributes(span)) for span in receiver.spans
                 if "stepscope.live.phase" not in attributes(span)}  # fmt: skip
    assert "1 failed, 2 passed, 1 skipped, 1 error" in done.stdout
    assert done.returncode == 1
    session, a = found["shop tests"]
    assert a["workflow.execution.outcome"] == "failure"
    assert a["stepscope.output"] == '{"collected":5,"failed":2}'
    outcomes = {
        name.partition("::")[2]: found[name][1]["workflow.task.outcome"]
        for name in found
        if "::" in name
    }
    assert outcomes == {
        "test_good": "success", "test_bad": "failure", "test_later": "skip",
        "test_setup": "failure", "test_fixture": "success",
    }  # fmt: skip
    assert found["test_shop.py::test_bad"][1]["error.type"] == "AssertionError"
    assert found["test_shop.py::test_setup"][0].status.message == "no database"
    assert found["test_shop.py::test_later"][1]["stepscope.outcome.reason"] == "Skipped: later"
    assert "inside" not in found
    price = found["price"][0]
    assert price.parent_span_id in {
        found[f"test_shop.py::{t}"][0].span_id for t in ("test_good", "test_bad")
    }
    assert found["test_shop.py::test_good"][0].parent_span_id == session.span_id


def test_the_launcher_of_opentelemetry_finds_and_starts_us():
    """issue #3: `opentelemetry-instrument` finds it by entry point; it calls load()().instrument()."""
    program = """
import importlib.metadata, stepscope
(point,) = [p for p in importlib.metadata.entry_points(group="opentelemetry_instrumentor") if p.name == "stepscope"]
instrumentor = point.load()()
instrumentor.instrument(skip_dep_check=True)
assert stepscope.status().mode == "sender"
with stepscope.workflow("launched"): pass
instrumentor.uninstrument()
"""
    points = importlib.metadata.entry_points(group="opentelemetry_instrumentor")
    assert "stepscope" in {point.name for point in points}
    with running_receiver() as receiver:
        subprocess.run(
            [sys.executable, "-c", program], check=True, timeout=30, env=environment(receiver)
        )
        assert receiver.spans[-1].name == "launched"

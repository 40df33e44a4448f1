"""Executions that go on in other processes."""

import os
import subprocess
import sys

import pytest
from opentelemetry import propagate

import stepscope
from stepscope import testing


@pytest.fixture
def recorded():
    with testing.capture() as recorded:
        yield recorded


def test_headers_carry_execution_and_trace(recorded):
    """issue #3: propagation through W3C headers; steps continue, workflows are children."""

    @stepscope.step
    def remote_step():
        return stepscope.current_execution().id

    @stepscope.workflow
    def remote_workflow():
        return remote_step()

    with stepscope.workflow("top") as top, stepscope.step("call"):
        headers = stepscope.inject({"X-Other": "1"})
    with stepscope.extract({key.upper(): value for key, value in headers.items()}):
        assert remote_step() == top.id
        child_id = remote_workflow()
    assert headers["X-Other"] == "1"
    call = recorded.step("call")
    joined, nested = (step for step in recorded.steps if step.name == "remote_step")
    assert (joined.parent_id, joined.trace_id) == (call.span_id, call.trace_id)
    assert "stepscope.step.index" not in joined.attributes
    child = recorded.execution("remote_workflow").attributes
    assert child["workflow.execution.id"] == child_id != top.id
    assert child["stepscope.execution.parent_id"] == top.id
    assert child["stepscope.execution.root_id"] == top.id
    assert nested.attributes["workflow.execution.id"] == child_id
    assert nested.attributes["stepscope.step.index"] == 0


def test_plain_trace_headers_give_only_the_trace(recorded):
    """W3C Trace Context: a caller that is not ours is a parent span and no parent execution."""
    headers = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    with stepscope.extract(headers), stepscope.workflow("w"):
        pass
    span = recorded.execution("w")
    assert (span.trace_id, span.parent_id) == (
        "0af7651916cd43dd8448eb211c80319c",
        "b7ad6b7169203331",
    )
    assert "stepscope.execution.parent_id" not in span.attributes


def test_a_parent_that_is_not_sampled_is_honoured(recorded):
    """OTel: parent-based sampling."""
    headers = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"}
    with stepscope.extract(headers), stepscope.workflow("w") as execution, stepscope.step("s"):
        assert execution.id
    assert recorded.spans == []


@pytest.mark.parametrize("headers", [{}, {"traceparent": "nonsense"}, {"baggage": "a=b"}, {"a": 1}])
def test_headers_without_a_context_change_nothing(recorded, headers):
    """issue #3: never in the way."""
    with stepscope.extract(headers), stepscope.workflow("w"):
        pass
    assert recorded.execution("w").parent_id is None


def test_the_execution_does_not_leak_into_the_baggage_of_other_calls(recorded):
    """ours: ids go only where `inject` puts them."""
    with stepscope.workflow("w"):
        carrier: dict = {}
        propagate.inject(carrier)
        ours = stepscope.inject()
    assert "baggage" not in carrier
    assert carrier["traceparent"] == ours["traceparent"]


def test_an_execution_left_to_wait_is_resumed_under_its_id_and_linked(recorded):
    """issue #3: continue/resume links across processes."""
    with stepscope.workflow("approval") as first:
        headers = stepscope.inject()
    with stepscope.workflow("approval", resume=headers) as second:
        pass
    assert second.id == first.id
    before, after = recorded.executions
    assert before.trace_id != after.trace_id
    ((context, attributes),) = second.span.links
    assert format(context.span_id, "016x") == before.span_id
    assert attributes == {"stepscope.link.type": "resume"}


@pytest.mark.parametrize("headers", [{}, {"traceparent": "nonsense"}, {"baggage": "x=1"}])
def test_headers_that_carry_nothing_resume_nothing(recorded, headers):
    """issue #3: never in the way."""
    with stepscope.workflow("w", resume=headers) as execution:
        assert execution.span.links is None
    assert recorded.execution("w").attributes["workflow.execution.id"] == execution.id


def test_outside_any_execution_nothing_is_carried(monkeypatch):
    """ours: empty in, empty out."""
    monkeypatch.delenv("TRACEPARENT", raising=False)
    before = dict(os.environ)
    assert stepscope.inject() == {}
    assert stepscope.environment() == before


def test_a_subprocess_continues_the_execution_of_its_parent(tmp_path):
    """issue #3: environment variables to subprocesses."""
    program = """
import stepscope, threading
stepscope.configure("http://127.0.0.1:1", flush_timeout_s=0)
with stepscope.workflow("child") as child:
    print(child.parent_id)
def in_thread():
    with stepscope.step("s"):
        print(stepscope.current_execution().id)
thread = threading.Thread(target=in_thread)
thread.start()
thread.join()
"""
    with testing.capture(is_fixed=False), stepscope.workflow("top") as top:
        done = subprocess.run(
            [sys.executable, "-c", program], env=stepscope.environment(), capture_output=True,
            text=True, timeout=30, check=True,
        )  # fmt: skip
    assert done.stdout.split() == [top.id, top.id]

"""Process pools, forks and workers of multiprocessing."""

import os
import subprocess
import sys
import time

import pytest

from tests.integration.exporter.receiver import attributes, running_receiver

POOL = """
import multiprocessing, os, sys
import stepscope
from stepscope.processes import ProcessExecutor

@stepscope.step
def part(n):
    return n * n, os.getpid()

@stepscope.workflow
def work():
    context = multiprocessing.get_context(sys.argv[1])
    with ProcessExecutor(max_workers=2, mp_context=context) as pool:
        return list(pool.map(part, range(8)))

if __name__ == "__main__":
    stepscope.configure()
    with stepscope.workflow("before"):
        pass
    stepscope.flush()
    results = work()
    assert [square for square, _ in results] == [n * n for n in range(8)]
    assert os.getpid() not in {pid for _, pid in results}
"""

FORK = """
import multiprocessing, os
import stepscope
stepscope.configure()
@stepscope.step
def part(n): return n
with stepscope.workflow("w"):
    with stepscope.step("before"):
        pass
    child = multiprocessing.get_context("fork").Process(target=part, args=(1,))
    child.start(); child.join()
    assert child.exitcode == 0
    pid = os.fork()
    if pid == 0:
        part(2)
        stepscope.shutdown()
        os._exit(0)
    os.waitpid(pid, 0)
"""

FORK_DURING_A_REQUEST = """
import os, threading, time
import stepscope
stepscope.configure()
@stepscope.step
def part(n): return n
with stepscope.workflow("w"):
    with stepscope.step("before"):
        pass
    flushing = threading.Thread(target=stepscope.flush)
    flushing.start()
    time.sleep(float(os.environ["AFTER_S"]))
    pid = os.fork()
    if pid == 0:
        part(2)
        stepscope.shutdown()
        os._exit(0)
    os.waitpid(pid, 0)
    flushing.join()
"""


def run(tmp_path, program, receiver, *arguments):
    path = tmp_path / "program.py"
    path.write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(path), *arguments], capture_output=True, text=True, timeout=50, check=False,
        env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return [
        (span, attributes(span))
        for span in receiver.spans
        if "stepscope.live.phase" not in attributes(span)
    ]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_steps_in_a_process_pool_belong_to_the_execution_that_submitted_them(tmp_path, method):
    """issue #3: ProcessPoolExecutor."""
    with running_receiver() as receiver:
        spans = run(tmp_path, POOL, receiver, method)
    (work,) = [(span, a) for span, a in spans if span.name == "work"]
    parts = [(span, a) for span, a in spans if span.name == "part"]
    assert len(parts) == 8
    assert {a["workflow.execution.id"] for _, a in parts} == {work[1]["workflow.execution.id"]}
    assert {span.parent_span_id for span, _ in parts} == {work[0].span_id}
    assert len({span.span_id for span, _ in parts}) == 8
    assert len(spans) == 10


def test_forked_children_send_their_own_spans_and_not_their_parents(tmp_path):
    """issue #3: processes; a fork copies the queue but not the right to send it."""
    with running_receiver() as receiver:
        spans = run(tmp_path, FORK, receiver)
    names = sorted(span.name for span, _ in spans)
    assert names == ["before", "part", "part", "w"]
    assert len({a["workflow.execution.id"] for _, a in spans}) == 1


@pytest.mark.parametrize("after_s", [0.0, 0.03, 0.06, 0.09, 0.12, 0.3])
def test_a_child_forked_while_its_parent_sends_can_send_too(tmp_path, after_s, monkeypatch):
    """A copy of a lock inside gRPC, or of an import, is given back by nobody in the child."""
    monkeypatch.setenv("AFTER_S", str(after_s))
    with running_receiver() as receiver:
        answer = receiver.answer

        def slow(context):
            time.sleep(0.2)
            return answer(context)

        receiver.answer = slow
        spans = run(tmp_path, FORK_DURING_A_REQUEST, receiver)
    assert sorted(span.name for span, _ in spans) == ["before", "part", "w"]

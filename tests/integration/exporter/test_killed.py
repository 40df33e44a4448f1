"""kill -9 of a workflow, and a workflow that only seemed dead, as the real collector tells it."""

import datetime
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest

from tests.integration.collector.process import Collector

LOST_AFTER_S = 3
SHOWN_WITHIN_NS = 2_000_000_000
BOUND_S = 40

PROGRAM = """
import sys, time
import stepscope
stepscope.configure(heartbeat_s=1)
@stepscope.step
def hang():
    print(time.time_ns(), flush=True)
    sys.stdin.readline()
with stepscope.workflow("work", execution_id="hanging"):
    hang()
"""


@pytest.fixture
def collector(tmp_path):
    """The real one, which gives an execution up after three silent seconds."""
    with Collector(tmp_path / "data", executions_lost_after_s=f"{LOST_AFTER_S}s") as running:
        yield running


@pytest.fixture
def workflow(collector):
    """A process in the middle of its step, and when the step began, nanoseconds."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.endpoints.otlp_grpc}"},
    )  # fmt: skip
    try:
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate(timeout=10)


def shown(collector):
    """The execution and its steps; None while there is none."""
    address = f"http://{collector.endpoints.web}/api/executions/hanging?include=steps"
    try:
        with urllib.request.urlopen(address, timeout=10) as got:
            answer = json.loads(got.read())
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 404:
                return None
        raise
    return answer["execution"], answer["steps"]


def wait_until(collector, is_right):
    """The first answer that is right; fails with the last one after the bound."""
    pause = threading.Event()
    deadline = time.monotonic() + BOUND_S
    while True:
        found = shown(collector)
        if found is not None and is_right(*found):
            return found
        assert time.monotonic() < deadline, found
        pause.wait(0.02)


def nanoseconds(text):
    """Of a time of the API."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = datetime.datetime.fromisoformat(f"{whole}+00:00").timestamp()
    return int(seconds) * 10**9 + int(fraction)


def has_running_step(execution, steps):
    return execution["status"] == "running" and [step["status"] for step in steps] == ["running"]


def is_lost(execution, _steps):
    return execution["status"] == "lost"


def test_a_killed_workflow_is_running_at_once_and_then_lost(collector, workflow):
    """issue #3, R073, R077: running within 2 s of its start, lost after the limit, with its last sign of life."""
    process, started_ns = workflow
    execution, steps = wait_until(collector, has_running_step)
    # `ingested_at` is when the history began to show it: the poll of this test does not count.
    assert nanoseconds(execution["ingested_at"]) - started_ns < SHOWN_WITHIN_NS
    assert nanoseconds(steps[0]["ingested_at"]) - started_ns < SHOWN_WITHIN_NS
    assert (execution["workflow_name"], steps[0]["step_name"]) == ("work", "hang")
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    killed_ns = time.time_ns()
    execution, steps = wait_until(collector, is_lost)
    seen_ns = nanoseconds(execution["last_seen_at"])
    assert started_ns <= seen_ns <= killed_ns
    assert time.time_ns() - seen_ns >= LOST_AFTER_S * 10**9
    assert (execution["ended_at"], execution["duration_ns"]) == (None, None)
    assert [(step["status"], step["ended_at"]) for step in steps] == [("lost", None)]
    assert steps[0]["last_seen_at"] == execution["last_seen_at"]


def test_a_workflow_that_only_slept_comes_back_and_ends(collector, workflow):
    """issue #3, R077: lost is an assumption; late data revives the execution and ends it."""
    process, _ = workflow
    wait_until(collector, has_running_step)
    process.send_signal(signal.SIGSTOP)
    before, _ = wait_until(collector, is_lost)
    process.send_signal(signal.SIGCONT)
    revived, _ = wait_until(collector, has_running_step)
    assert nanoseconds(revived["last_seen_at"]) > nanoseconds(before["last_seen_at"])
    assert revived["started_at"] == before["started_at"]
    process.communicate("\n", timeout=30)
    assert process.returncode == 0
    execution, steps = wait_until(collector, lambda execution, _: execution["ended_at"] is not None)
    assert execution["status"] == "success"
    assert [step["status"] for step in steps] == ["success"]

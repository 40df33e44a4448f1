"""The examples as their readers run them: each a process of its own, sending over the network."""

import os
import pathlib
import subprocess
import sys
import time

import pytest

from tests.integration.exporter.receiver import attributes, running_receiver

EXAMPLES = pathlib.Path(__file__).parents[3] / "examples"


@pytest.fixture
def receiver():
    with running_receiver() as running:
        yield running


def run(name: str, receiver) -> str:
    environment = {
        **{key: text for key, text in os.environ.items() if not key.startswith("OTEL_")},
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
    }
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name)],
        env=environment, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    return done.stdout


def finals(receiver):
    """(name, attributes, span) of every span that is no live marker, by start."""
    spans = sorted(receiver.spans, key=lambda span: span.start_time_unix_nano)
    named = [(span.name, attributes(span), span) for span in spans]
    return [item for item in named if "stepscope.live.phase" not in item[1]]


def test_a_checkout_succeeds_with_its_inputs_and_outputs(receiver):
    """issue #2: a success; R057: the card token does not leave the process."""
    assert "order 1017 is paid: 18.00" in run("01_order_checkout.py", receiver)
    spans = finals(receiver)
    assert [name for name, _, _ in spans] == ["checkout", "price", "charge", "pack"]
    root = spans[0][1]
    assert root["workflow.execution.outcome"] == "success"
    assert root["workflow.version"] == "2.1"
    assert root["enduser.id"] == "ada"
    assert root["stepscope.tags"] == ["shop"]
    assert root["parcel_size"] == 3
    assert '"order_id":1017' in root["stepscope.input"]
    assert '"total":18.0' in root["stepscope.output"]
    assert [a["stepscope.step.index"] for _, a, _ in spans[1:]] == [0, 1, 2]
    assert b"tok-4242" not in b"".join(r.SerializeToString() for r in receiver.requests)


def test_a_declined_card_fails_with_its_stack(receiver):
    """issue #2: a failure with its error and stack."""
    run("02_declined_card.py", receiver)
    spans = {name: (a, span) for name, a, span in finals(receiver)}
    for name, key in (
        ("charge", "workflow.task.outcome"),
        ("checkout", "workflow.execution.outcome"),
    ):
        found, span = spans[name]
        assert found[key] == "failure"
        assert found["error.type"] == "__main__.CardDeclinedError"
        assert span.status.code == 2
        stack = attributes(span.events[0])["exception.stacktrace"]
        assert "in ask_bank" in stack
        assert "in authorise" in stack
        assert "_decorators.py" not in stack


def test_a_flaky_download_shows_three_attempts_of_one_step(receiver):
    """issue #2: a retried step."""
    run("03_flaky_import.py", receiver)
    attempts = [a for name, a, _ in finals(receiver) if name == "download"]
    assert [a["stepscope.step.attempt"] for a in attempts] == [1, 2, 3]
    assert [a["workflow.task.outcome"] for a in attempts] == ["failure", "timeout", "success"]
    assert len({a["workflow.task.id"] for a in attempts}) == 1
    assert {a["stepscope.step.index"] for a in attempts} == {0}
    assert {a["stepscope.step.max_attempts"] for a in attempts} == {5}
    assert [a.get("stepscope.step.is_expected_retry") for a in attempts] == [True, True, None]


def test_child_executions_in_threads_know_their_parent(receiver):
    """issue #2: nested child workflows with parallel steps."""
    run("04_parallel_report.py", receiver)
    spans = finals(receiver)
    root = next(a for name, a, _ in spans if name == "company_report")
    children = [a for name, a, _ in spans if name == "region_report"]
    assert len(children) == 3
    for child in children:
        assert child["stepscope.execution.parent_id"] == root["workflow.execution.id"]
        assert child["stepscope.execution.root_id"] == root["workflow.execution.id"]
        assert child["workflow.trigger.type"] == "subworkflow"
        steps = [
            a for name, a, _ in spans
            if name == "add_up" and a["workflow.execution.id"] == child["workflow.execution.id"]
        ]  # fmt: skip
        assert sorted(a["stepscope.step.index"] for a in steps) == list(range(len(steps)))
    assert len({span.trace_id for _, _, span in spans}) == 1


def test_asyncio_steps_keep_their_execution(receiver):
    """issue #2: async among the examples."""
    assert run("05_async_crawl.py", receiver) == "4 pages crawled\n"
    spans = finals(receiver)
    assert len({a["workflow.execution.id"] for _, a, _ in spans}) == 1
    fetches = [a for name, a, _ in spans if name == "fetch"]
    assert len(fetches) == 4
    assert {a["workflow.task.type"] for a in fetches} == {"coroutine"}
    assert {a["workflow.task.type"] for name, a, _ in spans if name == "links"} == {
        "async_generator"
    }


def test_plain_opentelemetry_arrives_too(receiver):
    """issue #2: a program without our package."""
    run("06_plain_otel.py", receiver)
    assert [name for name, _, _ in finals(receiver)] == ["make thumbnails", *["resize"] * 3]
    assert "stepscope" not in receiver.scopes()


def test_a_week_of_twelve_workflows_is_told_with_failures_retries_and_children(receiver):
    """R149: a realistic history, the same for everybody but for ids and times; all of it has ended."""
    said = run("07_busy_week.py", receiver)
    assert said == "436 executions of 12 workflows in the week before now\n"
    spans = finals(receiver)
    executions = [a for _, a, _ in spans if a["stepscope.span.role"] == "execution"]
    steps = [a for _, a, _ in spans if a["stepscope.span.role"] == "step"]
    assert len({a["workflow.name"] for a in executions}) == 12
    assert {a["workflow.execution.outcome"] for a in executions} == {"success", "failure"}
    assert {a["workflow.task.outcome"] for a in steps} == {"success", "failure", "timeout", "skip"}
    assert max(a.get("stepscope.step.attempt", 1) for a in steps) >= 3
    ids = {a["workflow.execution.id"] for a in executions}
    assert len(ids) == 436
    parents = {a.get("stepscope.execution.parent_id") for a in executions} - {None}
    assert parents
    assert parents <= ids
    now_ns = time.time_ns()
    week_ns = 7 * 86400 * 10**9 + 3600 * 10**9
    assert all(now_ns - week_ns < span.start_time_unix_nano for _, _, span in spans)
    assert all(span.end_time_unix_nano < now_ns for _, _, span in spans)

"""Further recordings of real engines: failures, exhausted retries, children, cancellations, reruns."""

import json

import pytest

from tests.unit.collector.mapping.histories import CAPTURES, recorded
from tests.unit.collector.mapping.together import Together

EXPECTED = json.loads((CAPTURES / "further" / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def together():
    """All of them in one store."""
    all_of_them = Together(
        {name: recorded(f"further/{name}")[1] for name in EXPECTED},
        {name: each["executions"] for name, each in EXPECTED.items()},
    )
    all_of_them.take_at_once()
    return all_of_them


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_further_recording_holds_its_executions_and_steps(name, together):
    """issue #5: names, ids, statuses, attempts and parents exactly as expected."""
    together.assert_holds(name)


def test_further_recordings_hold_nothing_else(together):
    """issue #5: a line of a log or a message to a workflow is no execution."""
    together.assert_nothing_else()


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("aws-lambda.failure-sqs.json", ["bad event"]),  # the message of the status is empty
        ("temporal-python-v1.failure.json", ["Activity task failed"]),  # and its code UNSET
        ("dbos.failure.json", ["card declined"]),
        ("crewai-openinference.failure.json", ["no model"]),
    ],
)
def test_why_an_execution_failed_is_told(name, wanted, together):
    """issue #5: errors where spans tell them elsewhere."""
    ids = {each["id"] for each in EXPECTED[name]["executions"]}
    executions = [e for e in together.tables["executions"] if e["execution_id"] in ids]
    assert [each["error_message"] for each in executions] == wanted


@pytest.mark.parametrize(
    ("name", "step", "wanted"),
    [
        ("prefect.exhausted.json", "hopeless", ["never", "never", "Task run encountered an exception RuntimeError: never"]),
        ("pytest-opentelemetry.exhausted.json", "test_flaky.py::test_flaky", ["assert 1 >= 3", "assert 2 >= 3", None]),
        ("celery.retry.json", "orders.flaky", ["Retry in 0s: RuntimeError('try 0')", "Retry in 0s: RuntimeError('try 1')", None]),
        ("dbos.exhausted.json", "hopeless", ["never", "never", "DBOS Error 7: Step hopeless has exceeded its maximum of 3 retries"]),
    ],
)  # fmt: skip
def test_why_each_try_failed_is_told(name, step, wanted, together):
    """issue #5: attempts in all shapes, with the error of each."""
    ids = {each["id"] for each in EXPECTED[name]["executions"]}
    tries = [
        (each["attempt"], each["error_message"])
        for each in together.tables["attempts"]
        if each["execution_id"] in ids and each["step_name"] == step
    ]
    assert [message for _, message in sorted(tries, key=lambda each: each[0])] == wanted


@pytest.mark.timeout(240)  # eight seconds of work, on a machine that may be busy
def test_the_way_further_recordings_arrive_does_not_matter(together):
    """issue #5: any order, partition, repetition and interleaving with other files."""
    together.assert_any_order(seed=5, largest=80)

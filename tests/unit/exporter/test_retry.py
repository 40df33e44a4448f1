"""Retry policies and the attempts they make."""

import asyncio
import itertools

import pytest

import stepscope
from stepscope import Retry, testing


@pytest.fixture
def recorded():
    with testing.capture() as recorded:
        yield recorded


def failing(errors, result="done", **retry):
    remaining = iter(errors)

    @stepscope.step(name="flaky", retry=Retry(delay_s=0, **retry))
    def flaky():
        for error in remaining:
            raise error
        return result

    return flaky


def test_attempts_share_the_step_and_count_from_one(recorded):
    """brief: each attempt is its own span, all sharing workflow.task.id and the index."""
    with stepscope.workflow("w"):
        with stepscope.step("before"):
            pass
        assert failing([OSError("a"), OSError("b")], attempts=4)() == "done"
    attempts = [step for step in recorded.steps if step.name == "flaky"]
    attributes = [step.attributes for step in attempts]
    assert [a["stepscope.step.attempt"] for a in attributes] == [1, 2, 3]
    assert {a["stepscope.step.max_attempts"] for a in attributes} == {4}
    assert {a["stepscope.step.index"] for a in attributes} == {1}
    assert {a["workflow.task.id"] for a in attributes} == {attempts[0].span_id}
    assert [a.get("stepscope.step.is_expected_retry") for a in attributes] == [True, True, None]
    assert [a.get("stepscope.retry.delay_s") for a in attributes] == [0.0, 0.0, None]
    assert {step.parent_id for step in attempts} == {recorded.execution().span_id}


POLICIES = {
    "keep-trying": Retry.keep_trying(0, on=OSError),
    "fail-after-n": Retry.fail_after(3, on=OSError),
    "exponential-backoff": Retry(attempts=3, on=OSError, delay_s=0.001, jitter=0),
    "none": Retry.none(),
}
HISTORIES = {
    "first time": [],
    "one expected": [OSError],
    "two expected": [OSError, OSError],
    "three expected": [OSError, OSError, OSError],
    "unexpected at once": [KeyError],
    "expected then unexpected": [OSError, KeyError],
}


@pytest.mark.parametrize(("policy", "history"), list(itertools.product(POLICIES, HISTORIES)))
def test_truth_table_of_policies_and_histories(recorded, policy, history):
    """R117: policy and attempts give one classification (24 cases)."""
    rule, errors = POLICIES[policy], HISTORIES[history]
    remaining = iter(errors)

    @stepscope.step(name="s", retry=rule)
    def step():
        for kind in remaining:
            raise kind("x")
        return 1

    allowed = rule.attempts if rule.attempts is not None else 10**6
    expected_flags = []
    for number, kind in enumerate(errors, 1):
        is_expected = policy != "none" and kind is OSError
        expected_flags.append(is_expected)
        if not is_expected or number >= allowed:
            break
    else:
        expected_flags.append(None)
    is_success = expected_flags[-1] is None
    if is_success:
        assert step() == 1
    else:
        with pytest.raises((OSError, KeyError)):
            step()
    spans = recorded.steps
    assert [s.attributes.get("stepscope.step.is_expected_retry") for s in spans] == expected_flags
    assert {s.attributes["stepscope.retry.strategy"] for s in spans} == {rule.strategy} == {policy}
    assert spans[-1].outcome == ("success" if is_success else "failure")
    assert recorded.execution().outcome == spans[-1].outcome


def test_the_last_error_leaves_unchanged(recorded):
    """issue #3: the result is as without us."""
    errors = [OSError("a"), OSError("b")]
    with pytest.raises(OSError, match="b") as caught:
        failing(errors, attempts=2)()
    assert caught.value is errors[1]
    assert caught.value.__context__ is None
    assert recorded.execution("flaky").message == "b"


def test_async_steps_are_retried(recorded):
    """issue #3: retries of coroutines."""
    remaining = iter([OSError("a")])

    @stepscope.step(retry=Retry(attempts=3, delay_s=0))
    async def fetch():
        await asyncio.sleep(0)
        for error in remaining:
            raise error
        return 5

    assert asyncio.run(fetch()) == 5
    assert [s.attributes["stepscope.step.attempt"] for s in recorded.steps] == [1, 2]
    assert recorded.execution("fetch").output == 5


def test_a_cancelled_wait_ends_the_execution_as_cancelled(recorded):
    """issue #3: cancelled outcomes as such, also between two attempts."""

    @stepscope.step(retry=Retry(attempts=3, delay_s=60))
    async def fetch():
        raise OSError("a")

    async def main():
        task = asyncio.create_task(fetch())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert recorded.execution().outcome == "cancellation"
    assert recorded.step().outcome == "failure"


def test_waits_grow_by_the_factor_up_to_the_limit():
    """R119: initial interval, coefficient, maximum interval."""
    policy = Retry(attempts=7, delay_s=1, backoff=2, max_delay_s=10, jitter=0)
    assert list(policy.waits()) == [1, 2, 4, 8, 10, 10]
    assert list(itertools.islice(Retry.keep_trying(5).waits(), 3)) == [5, 5, 5]
    jittered = list(Retry(attempts=200, delay_s=1, backoff=1, jitter=0.5).waits())
    assert all(1 <= wait <= 1.5 for wait in jittered)
    assert len(set(jittered)) > 1
    assert Retry(attempts=None, backoff=10).wait_after(10_000, OSError()) <= 66


@pytest.mark.parametrize(
    "bad",
    [
        {"attempts": 0}, {"delay_s": -1}, {"backoff": 0.5}, {"on": (int,)}, {"on": "OSError"},
        {"jitter": -0.1}, {"max_delay_s": -1},
    ],
)  # fmt: skip
def test_a_policy_that_cannot_work_is_refused(bad):
    """brief: misuse at decoration time may raise."""
    with pytest.raises(stepscope.MisuseError):
        Retry(**bad)

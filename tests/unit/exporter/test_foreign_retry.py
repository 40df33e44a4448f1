"""Retries of other libraries become attempts of one step."""

import pytest
import stamina
import stamina.instrumentation
import tenacity

import stepscope
from stepscope import testing
from stepscope.integrations import tenacity as hooks


@pytest.fixture
def recorded():
    with testing.capture() as recorded:
        yield recorded


def test_tenacity_gives_the_same_records_as_our_own_retry(recorded):
    """issue #3: a hook so that users of tenacity get the same records without our retry."""
    errors = iter([OSError("a"), OSError("b"), KeyError("c")])

    @tenacity.retry(
        stop=tenacity.stop_after_attempt(5), wait=tenacity.wait_none(), reraise=True,
        retry=tenacity.retry_if_exception_type(OSError), before=hooks.before,
    )  # fmt: skip
    @stepscope.step
    def fetch():
        raise next(errors)

    @stepscope.workflow
    def work():
        with stepscope.step("first"):
            pass
        with pytest.raises(KeyError):
            fetch()
        with stepscope.step("last"):
            pass

    work()
    attempts = [step for step in recorded.steps if step.name == "fetch"]
    assert [step.attributes["stepscope.step.attempt"] for step in attempts] == [1, 2, 3]
    assert {step.attributes["workflow.task.id"] for step in attempts} == {attempts[0].span_id}
    assert {step.attributes["stepscope.step.max_attempts"] for step in attempts} == {5}
    assert {step.attributes["stepscope.step.index"] for step in attempts} == {1}
    expected = [step.attributes["stepscope.step.is_expected_retry"] for step in attempts]
    assert expected == [True, True, False]
    assert recorded.step("last").attributes["stepscope.step.index"] == 2
    assert "stepscope.step.attempt" not in recorded.step("last").attributes


def test_two_calls_under_tenacity_are_two_steps(recorded):
    """ours: attempts belong to a call, not to a function."""

    @tenacity.retry(stop=tenacity.stop_after_attempt(2), before=hooks.before)
    @stepscope.step
    def fetch():
        return 1

    with stepscope.workflow("w"):
        fetch()
        fetch()
    first, second = recorded.steps
    assert first.attributes["workflow.task.id"] != second.attributes["workflow.task.id"]
    assert second.attributes["stepscope.step.index"] == 1


def test_stamina_attempts_belong_together(recorded):
    """issue #3: the same for stamina."""
    errors = iter([OSError("a"), OSError("b")])

    @stamina.retry(on=OSError, attempts=4, wait_initial=0, wait_max=0, wait_jitter=0)
    @stepscope.step
    def fetch():
        for error in errors:
            raise error
        return 1

    stamina.instrumentation.set_on_retry_hooks([hooks.on_stamina_retry])
    try:
        with stepscope.workflow("w"):
            assert fetch() == 1
    finally:
        stamina.instrumentation.set_on_retry_hooks(None)
    attempts = recorded.steps
    assert [step.attributes.get("stepscope.step.attempt") for step in attempts] == [None, 2, 3]
    ids = [step.attributes.get("workflow.task.id") for step in attempts]
    assert ids == [None, attempts[0].span_id, attempts[0].span_id]
    assert {step.attributes["stepscope.step.index"] for step in attempts} == {0}


def test_a_loop_of_ones_own_can_say_so(recorded):
    """ours: next_attempt for everything without an integration."""

    @stepscope.step
    def flaky(n):
        if n < 2:
            raise OSError("again")

    @stepscope.step
    def other():
        return None

    assert stepscope.next_attempt() is False
    with stepscope.workflow("w"):
        for n in range(3):
            try:
                flaky(n)
            except OSError:
                assert stepscope.next_attempt(max_attempts=3)
                other()
    assert [
        (step.name, step.attributes.get("stepscope.step.attempt")) for step in recorded.steps
    ] == [("flaky", None), ("other", None), ("flaky", 2), ("other", None), ("flaky", 3)]


def test_hooks_never_raise():
    """issue #3: nothing it does may raise into the watched program."""
    hooks.before(object())
    hooks.on_stamina_retry(object())

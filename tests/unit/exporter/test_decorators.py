"""`@workflow` and `@step` on every shape of callable."""

import asyncio
import concurrent.futures
import inspect
import multiprocessing
import subprocess

import httpx
import hypothesis
import pytest

import stepscope
from stepscope import testing


@pytest.fixture
def recorded():
    with testing.capture() as recorded:
        yield recorded


def test_a_step_of_a_workflow_is_its_child_with_identity(recorded):
    """brief: every span carries the execution id and its role; steps carry name, type, index."""

    @stepscope.step
    def add(a, b=2):
        return a + b

    @stepscope.workflow(
        version="1.2", trigger="manual", tags=["x"], user="ada", project="p", tenant="t"
    )
    def sums(n):
        return [add(i) for i in range(n)]

    assert sums(2) == [2, 3]
    execution = recorded.execution("sums")
    assert execution.parent_id is None
    assert execution.attributes == {
        "workflow.execution.id": execution.attributes["workflow.execution.id"],
        "stepscope.span.role": "execution",
        "workflow.name": "sums",
        "workflow.version": "1.2",
        "workflow.trigger.type": "manual",
        "stepscope.tags": ("x",),
        "stepscope.project": "p",
        "stepscope.tenant": "t",
        "enduser.id": "ada",
        "stepscope.params": '{"n":2}',
        "stepscope.input": '{"n":2}',
        "stepscope.output": "[2,3]",
        "workflow.execution.outcome": "success",
    }
    assert [step.attributes for step in recorded.steps] == [
        {
            "workflow.execution.id": execution.attributes["workflow.execution.id"],
            "stepscope.span.role": "step",
            "workflow.task.name": "add",
            "stepscope.step.index": index,
            "workflow.task.type": "function",
            "stepscope.input": f'{{"a":{index},"b":2}}',
            "stepscope.output": str(index + 2),
            "workflow.task.outcome": "success",
        }
        for index in range(2)
    ]
    assert {step.parent_id for step in recorded.steps} == {execution.span_id}
    assert execution.status == "UNSET"


def test_an_error_passes_unchanged_and_is_recorded_on_each_level(recorded):
    """brief: status ERROR with the message, exception event, error.type."""
    error = ValueError("no stock")

    @stepscope.step
    def reserve():
        raise error

    @stepscope.workflow
    def order():
        reserve()

    with pytest.raises(ValueError, match="no stock") as caught:
        order()
    assert caught.value is error
    for span in (recorded.step("reserve"), recorded.execution("order")):
        assert (span.status, span.message, span.outcome) == ("ERROR", "no stock", "failure")
        assert span.attributes["error.type"] == "ValueError"
        name, event = span.events[0]
        assert name == "exception"
        assert event["exception.type"] == "ValueError"
        assert event["exception.message"] == "no stock"
        assert "raise error" in event["exception.stacktrace"]
        assert "stepscope/_" not in event["exception.stacktrace"]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (TimeoutError("slow"), "timeout"),
        (KeyboardInterrupt(), "cancellation"),
        (asyncio.CancelledError(), "cancellation"),
        (subprocess.TimeoutExpired("ls", 3), "timeout"),
        (multiprocessing.TimeoutError(), "timeout"),
        (httpx.ReadTimeout("slow"), "timeout"),
        (concurrent.futures.CancelledError(), "cancellation"),
        (ExceptionGroup("tasks", [TimeoutError(), httpx.ConnectTimeout("slow")]), "timeout"),
        (BaseExceptionGroup("tasks", [asyncio.CancelledError()]), "cancellation"),
        (ExceptionGroup("tasks", [TimeoutError(), ValueError()]), "failure"),
        (BaseExceptionGroup("tasks", [SystemExit(0)]), "failure"),
        (SystemExit(0), "success"),
        (SystemExit(3), "failure"),
        (RuntimeError(), "failure"),
    ],
)
def test_outcomes_say_how_it_ended(recorded, error, outcome):
    """issue #3: cancelled and timed-out outcomes as such."""

    @stepscope.workflow
    def work():
        raise error

    with pytest.raises(type(error)):
        work()
    span = recorded.execution()
    assert span.outcome == outcome
    assert span.status == ("UNSET" if outcome == "success" else "ERROR")
    if isinstance(error, SystemExit):
        assert span.attributes["process.exit.code"] == error.code


def test_skip_is_an_outcome_and_returns_what_the_function_returns(recorded):
    """brief: outcome=skip in a pleasant way."""

    @stepscope.step
    def send(orders):
        if not orders:
            return stepscope.skip("no orders")
        return len(orders)

    @stepscope.workflow
    def mail():
        return send([])

    assert mail() is None
    assert recorded.step("send").outcome == "skip"
    assert recorded.step("send").attributes["stepscope.outcome.reason"] == "no orders"
    assert recorded.execution("mail").outcome == "success"


def test_a_step_outside_any_workflow_is_an_execution_of_one_step(recorded):
    """brief: role=execution with workflow.name = step name."""

    @stepscope.step
    def alone():
        stepscope.current_step().annotate(seen=True)
        return stepscope.current_execution().id

    assert alone() == recorded.execution("alone").attributes["workflow.execution.id"]
    assert recorded.execution().attributes["workflow.name"] == "alone"
    assert recorded.execution().attributes["seen"] is True
    assert recorded.steps == []


def test_a_workflow_inside_a_workflow_is_a_child_execution(recorded):
    """brief: parent_id, root_id and the same trace."""

    @stepscope.workflow
    def leaf(depth):
        return leaf(depth - 1) if depth else 0

    @stepscope.step
    def call():
        return leaf(1)

    @stepscope.workflow
    def top():
        return call()

    top()
    inner, outer, root = recorded.executions
    ids = [span.attributes["workflow.execution.id"] for span in (inner, outer, root)]
    assert len(set(ids)) == 3
    assert inner.attributes["stepscope.execution.parent_id"] == ids[1]
    assert outer.attributes["stepscope.execution.parent_id"] == ids[2]
    assert inner.attributes["stepscope.execution.root_id"] == ids[2]
    assert "stepscope.execution.parent_id" not in root.attributes
    assert outer.parent_id == recorded.step("call").span_id
    assert len({span.trace_id for span in recorded.spans}) == 1


def test_step_and_workflow_stack_in_either_order(recorded):
    """issue #3: the same function as step and workflow."""

    @stepscope.workflow
    @stepscope.step
    def first():
        return 1

    @stepscope.step
    @stepscope.workflow
    def second():
        return 2

    assert (first(), second()) == (1, 2)
    assert [(span.name, span.role) for span in recorded.spans] == [
        ("first", "step"), ("first", "execution"), ("second", "execution"), ("second", "execution"),
    ]  # fmt: skip
    inner, outer = recorded.spans[2:]
    assert (
        inner.attributes["stepscope.execution.parent_id"]
        == outer.attributes["workflow.execution.id"]
    )


def test_signature_name_and_docstring_are_kept():
    """issue #3: inspect.signature preserved."""

    def original(a: int, *, b: str = "x") -> float:
        """Say it."""
        return a + len(b)

    for wrapped in (stepscope.step(original), stepscope.workflow(name="other")(original)):
        assert inspect.signature(wrapped) == inspect.signature(original)
        assert (wrapped.__name__, wrapped.__doc__) == ("original", "Say it.")
        assert wrapped.__wrapped__ is original


def test_context_managers_nest_reenter_and_record_errors(recorded):
    """brief: context-manager forms, async with too."""
    inner = stepscope.step("inner")

    async def main():
        async with stepscope.workflow("outer", params={"k": 1}) as execution:
            async with inner as s:
                s.set_input(a=1)
                s.set_output([1])
                with inner:
                    pass
        return execution.id

    execution_id = asyncio.run(main())
    with pytest.raises(KeyError), stepscope.workflow("failing") as failing:
        raise KeyError("k")
    assert recorded.execution("outer").attributes["workflow.execution.id"] == execution_id
    nested, first = recorded.steps
    assert nested.parent_id == first.span_id
    assert (first.input, first.output) == ({"a": 1}, [1])
    assert recorded.execution("failing").outcome == "failure"
    assert failing.is_open is False


def test_threads_keep_the_execution_through_executor_and_wrap(recorded):
    """brief: a documented helper for threads; each thread its own steps."""
    import threading

    @stepscope.step
    def part(n):
        return stepscope.current_execution().id

    @stepscope.workflow
    def work():
        with stepscope.Executor(max_workers=8) as executor:
            seen = set(executor.map(part, range(50)))
        thread = threading.Thread(target=stepscope.wrap(part), args=(99,))
        thread.start()
        thread.join()
        return seen

    assert work() == {recorded.execution().attributes["workflow.execution.id"]}
    assert {step.parent_id for step in recorded.steps} == {recorded.execution().span_id}
    assert sorted(step.attributes["stepscope.step.index"] for step in recorded.steps) == list(
        range(51)
    )


def test_handles_record_what_they_are_given(recorded):
    """issue #3: annotate, progress, user, tags, params, trigger."""
    with stepscope.workflow("w") as execution:
        execution.set_user("ada")
        execution.set_tags(["a", "b"])
        execution.set_params(customer="42", token="hide")
        execution.set_trigger("webhook", {"headers": {"Authorization": "Bearer abc", "Host": "h"}})
        stepscope.progress(3, 10)
        stepscope.annotate(region="eu", nested={"a": 1}, password="x", empty=None)
        execution.fail("two parts are missing")
    span = recorded.execution()
    assert span.attributes["enduser.id"] == "ada"
    assert span.attributes["stepscope.tags"] == ("a", "b")
    assert span.attributes["stepscope.params"] == '{"customer":"42","token":"[redacted]"}'
    assert span.attributes["workflow.trigger.type"] == "webhook"
    assert span.attributes["stepscope.trigger.data"] == (
        '{"headers":{"Authorization":"[redacted]","Host":"h"}}'
    )
    assert span.attributes["stepscope.progress.done"] == 3
    assert span.attributes["region"] == "eu"
    assert span.attributes["nested"] == '{"a":1}'
    assert span.attributes["password"] == "[redacted]"
    assert "empty" not in span.attributes
    assert (span.outcome, span.status, span.message) == (
        "failure",
        "ERROR",
        "two parts are missing",
    )


def test_workflow_options_may_be_rules_about_the_arguments(recorded):
    """issue #3: execution id given or UUIDv7; user; queue time."""

    @stepscope.workflow(
        user=lambda given: given["who"], execution_id=lambda given: f"order-{given['n']}",
        id="order", params=["n"], enqueued_at_ns=lambda given: given["n"] - 2,
        tenant=lambda given: f"{given['who']} ltd",
    )  # fmt: skip
    def order(who, n):
        return n

    @stepscope.workflow(
        user=lambda given: given["missing"], execution_id=lambda given: 1 / 0, params=()
    )
    def broken(n):
        return n

    order("ada", 7)
    assert broken(1) == 1
    span = recorded.execution("order")
    assert span.attributes["workflow.execution.id"] == "order-7"
    assert span.attributes["enduser.id"] == "ada"
    assert span.attributes["workflow.id"] == "order"
    assert span.attributes["stepscope.params"] == '{"n":7}'
    assert span.attributes["stepscope.tenant"] == "ada ltd"
    assert span.attributes["stepscope.execution.enqueued_unix_nano"] == 5
    other = recorded.execution("broken").attributes
    assert "enduser.id" not in other
    assert "stepscope.params" not in other
    assert other["workflow.execution.id"].startswith("00000000-")


def test_a_version_is_found_when_none_is_given(recorded):
    """issue #3: version explicit, else package version or source hash."""

    @stepscope.workflow
    def unversioned():
        return 1

    unversioned()
    assert recorded.execution("unversioned").attributes["workflow.version"].startswith("src-")
    stepscope.workflow(hypothesis.currently_in_test_context)()
    execution = recorded.execution("currently_in_test_context")
    assert execution.attributes["workflow.version"] == hypothesis.__version__


@pytest.mark.parametrize(
    "declare",
    [
        lambda: stepscope.step(retry=3),
        lambda: stepscope.workflow(tags="nightly"),
        lambda: stepscope.workflow(params="n"),
        lambda: stepscope.workflow(7),
        lambda: stepscope.step()(7),
        lambda: stepscope.step(type)(int),
        lambda: stepscope.step(int),
        lambda: stepscope.step(retry=stepscope.Retry())(lambda: (yield)),
    ],
)
def test_misuse_is_refused_where_it_is_written(declare):
    """brief: misuse at decoration time may raise."""
    with pytest.raises(stepscope.MisuseError):
        declare()


def test_nothing_configured_changes_nothing():
    """brief: a program that never configures behaves the same, handles included."""

    @stepscope.step(retry=stepscope.Retry(attempts=2, delay_s=0))
    def flaky(box):
        box.append(1)
        stepscope.current_step().annotate(n=len(box))
        if len(box) < 2:
            raise OSError("again")
        return stepscope.skip() or "done"

    @stepscope.workflow
    def work():
        stepscope.current_execution().set_user("ada")
        with stepscope.step("s") as s:
            s.set_output(1)
        return flaky([])

    assert work() == "done"
    assert stepscope.current_execution() is None


def test_our_own_failure_never_reaches_the_program(recorded, monkeypatch):
    """issue #3: nothing it does may raise into the watched program."""
    from stepscope import _frames

    def broken(*_args, **_kwargs):
        raise RuntimeError("bug")

    @stepscope.step(retry=stepscope.Retry(attempts=2, delay_s=0))
    def retried(box):
        box.append(1)
        if len(box) < 2:
            raise OSError("again")
        return "ok"

    @stepscope.workflow
    def work(n):
        return n

    @stepscope.step
    def rows():
        yield 1

    before = _frames.failures.count
    monkeypatch.setattr(_frames.state, "recorder", type("R", (), {"start": broken})())
    assert work(3) == 3
    assert retried([]) == "ok"
    assert list(rows()) == [1]
    assert asyncio.run(stepscope.step(asyncio.sleep)(0, "v")) == "v"
    with stepscope.workflow("w") as execution, stepscope.step("s") as s:
        execution.set_user("ada")
        s.annotate(a=1)
    assert _frames.failures.count > before

"""Every shape of callable that can be decorated."""

import asyncio
import functools
import gc
import inspect

import pytest

import stepscope
from stepscope import testing


@pytest.fixture
def recorded():
    with testing.capture() as recorded:
        yield recorded


def test_async_functions_and_gathered_tasks_keep_their_execution(recorded):
    """issue #3: asyncio.gather and TaskGroup."""

    @stepscope.step
    async def fetch(n):
        await asyncio.sleep(0)
        return n

    @stepscope.workflow
    async def crawl():
        first = await asyncio.gather(*(fetch(n) for n in range(5)))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(fetch(n)) for n in range(5)]
        return sum(first) + sum(task.result() for task in tasks)

    assert inspect.iscoroutinefunction(crawl)
    assert asyncio.run(crawl()) == 20
    assert {step.parent_id for step in recorded.steps} == {recorded.execution().span_id}
    assert sorted(step.attributes["stepscope.step.index"] for step in recorded.steps) == list(
        range(10)
    )


def test_a_cancelled_task_is_a_cancellation(recorded):
    """issue #3: asyncio.CancelledError is recorded as cancelled."""

    @stepscope.workflow
    async def wait():
        await asyncio.Event().wait()

    async def main():
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert recorded.execution().outcome == "cancellation"


def test_a_generator_is_current_only_while_its_own_code_runs(recorded):
    """issue #3: generators; a consumer's steps are not inside the generator."""

    @stepscope.step
    def use(item):
        return item

    @stepscope.step
    def rows():
        got = yield 1
        assert stepscope.current_step().name == "rows"
        yield got
        return "end"

    @stepscope.workflow
    def work():
        generator = rows()
        use(next(generator))
        assert generator.send(7) == 7
        with pytest.raises(StopIteration) as stop:
            next(generator)
        return stop.value.value

    assert inspect.isgeneratorfunction(rows)
    assert work() == "end"
    assert recorded.step("use").parent_id == recorded.execution().span_id
    assert recorded.step("rows").output == {"yielded": 2, "returned": "end"}


def test_a_generator_closed_early_ends_well_and_one_thrown_into_fails(recorded):
    """issue #3: closed early, exceptions thrown in."""
    cleaned = []

    @stepscope.step
    def rows():
        try:
            yield 1
            yield 2
        except KeyError:
            yield "caught"
            raise
        finally:
            cleaned.append(True)

    @stepscope.workflow
    def work():
        early = rows()
        next(early)
        early.close()
        thrown = rows()
        next(thrown)
        assert thrown.throw(KeyError("x")) == "caught"
        with pytest.raises(KeyError):
            next(thrown)

    work()
    first, second = recorded.steps
    assert (first.outcome, first.output) == ("success", {"yielded": 1, "closed_early": True})
    assert (second.outcome, second.attributes["error.type"]) == ("failure", "KeyError")
    assert cleaned == [True, True]


def test_async_generators_yield_accept_and_close(recorded):
    """issue #3: async generators."""

    @stepscope.step
    async def rows(n):
        for number in range(n):
            sent = yield number
            assert sent in (None, "hello")

    @stepscope.workflow
    async def work():
        full = [number async for number in rows(3)]
        part = rows(3)
        assert await part.asend(None) == 0
        assert await part.asend("hello") == 1
        await part.aclose()
        broken = rows(3)
        await anext(broken)
        with pytest.raises(KeyError):
            await broken.athrow(KeyError("x"))
        return full

    assert inspect.isasyncgenfunction(rows)
    assert asyncio.run(work()) == [0, 1, 2]
    assert [step.output for step in recorded.steps] == [
        {"yielded": 3}, {"yielded": 2, "closed_early": True}, None,
    ]  # fmt: skip
    assert recorded.steps[2].outcome == "failure"


def test_methods_leave_out_self_and_decorators_stack_in_either_order(recorded):
    """issue #3: methods, classmethods, staticmethods."""

    class Shop:
        @stepscope.step
        def plain(self, a):
            return a

        @stepscope.step
        @classmethod
        def outer_class(cls, a):
            return cls.__name__, a

        @classmethod
        @stepscope.step
        def inner_class(cls, a):
            return cls.__name__, a

        @stepscope.step
        @staticmethod
        def outer_static(a):
            return a

        @staticmethod
        @stepscope.step
        def inner_static(a):
            return a

    @stepscope.workflow
    def work():
        shop = Shop()
        return [
            shop.plain(1), Shop.outer_class(2), shop.inner_class(3),
            Shop.outer_static(4), shop.inner_static(5),
        ]  # fmt: skip

    assert work() == [1, ("Shop", 2), ("Shop", 3), 4, 5]
    assert [step.input for step in recorded.steps] == [{"a": n} for n in range(1, 6)]


def test_partials_and_callable_objects_have_names(recorded):
    """issue #3: callables and functools.partial."""

    def scale(factor, value):
        return factor * value

    class Doubler:
        def __call__(self, value):
            return 2 * value

    class AsyncDoubler:
        async def __call__(self, value):
            return 2 * value

    double = stepscope.step(functools.partial(scale, 2))
    other = stepscope.step(Doubler())
    third = stepscope.step(AsyncDoubler())
    length = stepscope.step(len)
    assert (double(4), other(5), asyncio.run(third(6)), length("abc")) == (8, 10, 12, 3)
    assert [span.name for span in recorded.executions] == [
        "scale",
        "Doubler",
        "AsyncDoubler",
        "len",
    ]
    assert recorded.execution("Doubler").input == {"value": 5}


def test_blocks_in_generators_that_take_turns_all_end(recorded):
    """issue #3: context managers; blocks may end in another order than they began."""

    def block(name):
        with stepscope.step(name):
            yield 1
            yield 2

    with stepscope.workflow("w"):
        first, second = block("first"), block("second")
        next(first)
        next(second)
        assert list(first) == [2]
        with stepscope.step("between"):
            pass
        assert list(second) == [2]
        with stepscope.step("after"):
            pass
    assert stepscope.current_execution() is None
    assert [step.name for step in recorded.steps] == ["first", "between", "second", "after"]
    root = recorded.execution("w").span_id
    assert recorded.step("first").parent_id == root
    assert recorded.step("after").parent_id == root
    assert {step.outcome for step in recorded.steps} == {"success"}


def test_generators_that_are_dropped_end_when_they_are_collected(recorded):
    """issue #3: generators closed early, also by nobody."""

    @stepscope.step
    def rows():
        yield 1
        yield 2

    @stepscope.step
    async def pages():
        yield 1
        yield 2

    async def main():
        async for _ in pages():
            break
        for _ in range(3):  # asyncio closes a dropped generator in a task of its own
            await asyncio.sleep(0)

    with stepscope.workflow("w"):
        next(rows())
        asyncio.run(main())
        gc.collect()
    assert sorted((step.name, step.outcome) for step in recorded.steps) == [
        ("pages", "success"),
        ("rows", "success"),
    ]
    assert stepscope.current_execution() is None

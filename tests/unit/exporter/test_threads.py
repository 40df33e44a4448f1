"""The stock thread classes, when asked to hand the context on."""

import threading
from concurrent.futures import ThreadPoolExecutor

import stepscope
from stepscope import testing
from stepscope.integrations import threads


@stepscope.step
def part(number):
    return number


@stepscope.workflow
def work():
    with ThreadPoolExecutor(max_workers=2) as pool:
        results = list(pool.map(part, range(4)))
    thread = threading.Thread(target=part, args=(9,))
    thread.start()
    thread.join()
    return results


def test_stock_threads_keep_their_execution_while_instrumented():
    """brief: ThreadPoolExecutor.submit keeps its execution through an opt-in."""
    submit, start = ThreadPoolExecutor.submit, threading.Thread.start
    threads.instrument()
    threads.instrument()
    try:
        with testing.capture() as recorded:
            assert work() == [0, 1, 2, 3]
    finally:
        threads.uninstrument()
        threads.uninstrument()
    assert (ThreadPoolExecutor.submit, threading.Thread.start) == (submit, start)
    assert len(recorded.executions) == 1
    assert {step.parent_id for step in recorded.steps} == {recorded.execution().span_id}


def test_without_it_steps_in_stock_threads_are_executions_of_their_own():
    """ours: what Python does with context variables in threads, told as it is."""
    with testing.capture() as recorded:
        work()
    assert len(recorded.executions) == 6
    assert recorded.steps == []

"""Threads keep their execution without a change of the code that starts them.

    stepscope.integrations.threads.instrument()

From then on `threading.Thread.start` and `ThreadPoolExecutor.submit` hand the current context on:
the execution and step, and every other context variable. That is a change of what other libraries
see in their threads, so it is made only on request.
"""

import contextvars
import functools
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

__all__ = ["instrument", "uninstrument"]

_originals: dict[str, Callable[..., Any]] = {}


def instrument() -> None:
    """Start handing the context on; a second call changes nothing."""
    if _originals:
        return
    submit: Any = ThreadPoolExecutor.submit
    start = threading.Thread.start
    _originals.update(submit=submit, start=start)

    @functools.wraps(submit)
    def submit_with_context(
        self: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Future[Any]:
        context = contextvars.copy_context()
        future: Future[Any] = submit(self, context.run, fn, *args, **kwargs)
        return future

    @functools.wraps(start)
    def start_with_context(self: threading.Thread) -> None:
        run, context = self.run, contextvars.copy_context()
        self.run = lambda: context.run(run)  # type: ignore[method-assign]
        start(self)

    ThreadPoolExecutor.submit = submit_with_context  # type: ignore[assignment, method-assign]
    threading.Thread.start = start_with_context  # type: ignore[method-assign]


def uninstrument() -> None:
    """Stop it; threads that run keep what they got."""
    if _originals:
        ThreadPoolExecutor.submit = _originals.pop("submit")  # type: ignore[method-assign]
        threading.Thread.start = _originals.pop("start")  # type: ignore[method-assign]

"""Reading the current execution and step, and carrying them to other threads."""

import concurrent.futures
import contextvars
import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from stepscope._frames import Execution, Frame, Step, current_frame

__all__ = ["Executor", "annotate", "current_execution", "current_step", "progress", "skip", "wrap"]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def current_execution() -> Execution | None:
    """The execution this code runs in; None outside any."""
    frame = current_frame()
    return None if frame is None else frame.execution


def current_step() -> Frame | None:
    """The innermost step this code runs in; an execution of one step is its own step; else None."""
    frame = current_frame()
    if isinstance(frame, Step) or (frame is not None and frame.is_one_step):
        return frame
    return None


def annotate(**values: object) -> None:
    """Record named values on the innermost step or execution; nothing outside any."""
    frame = current_frame()
    if frame is not None:
        frame.annotate(**values)


def progress(done: float, total: float | None = None) -> None:
    """Record how far the innermost step or execution is; visible while it runs."""
    frame = current_frame()
    if frame is not None:
        frame.progress(done, total)


def skip(reason: str | None = None) -> None:
    """End the innermost step or execution as skipped: `return stepscope.skip("no orders")`.

    Nothing is raised; the function goes on until it returns.
    """
    frame = current_frame()
    if frame is not None:
        frame.skip(reason)


def wrap(function: Callable[P, R]) -> Callable[P, R]:
    """The function, bound to the current execution and step, for a thread or a callback.

    Each call runs in a copy of the context of now, so it may be called many times at once.
    """
    context = contextvars.copy_context()

    @functools.wraps(function)
    def bound(*args: P.args, **kwargs: P.kwargs) -> R:
        return context.copy().run(function, *args, **kwargs)

    return bound


class Executor(concurrent.futures.ThreadPoolExecutor):
    """A ThreadPoolExecutor whose work stays in the execution and step that submitted it."""

    def submit(
        self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> concurrent.futures.Future[T]:
        """Like ThreadPoolExecutor.submit; `map` uses it too."""
        context: Any = contextvars.copy_context()
        return super().submit(context.run, fn, *args, **kwargs)

"""A step under a retry policy: one span per attempt, all of one step.

Outside any workflow the attempts are steps of an execution of their own, so the waits between
them are part of it.
"""

import threading
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from opentelemetry import trace

from stepscope._frames import Execution, Frame, Step, detach, guarded, where
from stepscope._retry import Retry
from stepscope._specs import StepSpec

__all__ = ["Attempts", "pause", "retry_async", "retry_sync"]


class Opener(Protocol):
    """What a decorated function knows of itself."""

    name: str
    spec: Any

    def arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any] | None:
        """Arguments by name."""
        ...


class Attempts:
    """The attempts of one step in order. Opens and closes spans; decides nothing else."""

    def __init__(self, name: str, spec: StepSpec, policy: Retry, kind: str) -> None:
        self._name = name
        self._policy = policy
        self._number = 0
        self._task_id: str | None = None
        self._fixed: dict[str, Any] = {
            "workflow.task.type": spec.type or kind,
            "stepscope.retry.strategy": policy.strategy,
            **spec.fixed,
        }
        if policy.attempts is not None:
            self._fixed["stepscope.step.max_attempts"] = policy.attempts
        self._whole: Execution | None = None
        base, parent = where()
        if parent is None:
            parent = self._whole = Execution(name, None, base)
            base = parent.context
        self._base = base
        self._parent: Frame = parent
        self._index = parent.execution.next_index()

    def open(self, arguments: dict[str, Any] | None) -> Step:
        """The next attempt, open and not attached."""
        self._number += 1
        fixed = {**self._fixed, "stepscope.step.attempt": self._number}
        if self._task_id is not None:
            fixed["workflow.task.id"] = self._task_id
        frame = Step(self._name, self._parent, self._base, self._index, fixed)
        if self._task_id is None:
            span_id = frame.span.get_span_context().span_id
            self._task_id = trace.format_span_id(span_id)
            frame.identify("workflow.task.id", self._task_id)
        if arguments:
            frame.capture_input(arguments)
        return frame

    def failed(self, frame: Step, error: BaseException) -> float | None:
        """Close the attempt; seconds to wait before the next one, or None to give up."""
        wait = self._policy.wait_after(self._number, error)
        extra: dict[str, Any] = {"stepscope.step.is_expected_retry": self._policy.expects(error)}
        if wait is not None:
            extra["stepscope.retry.delay_s"] = wait
        frame.end_with(error, extra)
        if wait is None and self._whole is not None:
            self._whole.end_with(error)
        return wait

    def succeeded(self, frame: Step, result: object) -> None:
        """Close the attempt, and the execution it made."""
        frame.succeed(result, True)
        if self._whole is not None:
            self._whole.succeed(result, True)

    def interrupted(self, error: BaseException) -> None:
        """The wait between two attempts was cut off."""
        if self._whole is not None:
            self._whole.end_with(error)


def pause(seconds: float) -> None:
    """Wait; Ctrl-C ends it."""
    threading.Event().wait(seconds)


def _begin(opener: Opener, policy: Retry, kind: str) -> Attempts | None:
    try:
        return Attempts(opener.name, opener.spec, policy, kind)
    except Exception as error:  # noqa: BLE001 - never into the watched program
        guarded(error)
        return None


def _open(attempts: Attempts | None, arguments: dict[str, Any] | None) -> Step | None:
    try:
        return attempts.open(arguments) if attempts is not None else None
    except Exception as error:  # noqa: BLE001 - never into the watched program
        guarded(error)
        return None


def retry_sync(
    opener: Opener, policy: Retry, function: Callable[..., Any],
    args: tuple[Any, ...], kwargs: dict[str, Any],
) -> Any:  # fmt: skip
    """Call until the policy is satisfied; the last error leaves unchanged."""
    attempts = _begin(opener, policy, "function")
    number = 0
    while True:
        number += 1
        frame = _open(attempts, opener.arguments(args, kwargs))
        token = frame.attach() if frame is not None else None
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            detach(token)
            wait = _failed(attempts, frame, policy, number, error)
            if wait is None:
                raise
        else:
            detach(token)
            if attempts is not None and frame is not None:
                attempts.succeeded(frame, result)
            return result
        try:
            if wait > 0:
                pause(wait)
        except BaseException as error:
            if attempts is not None:
                attempts.interrupted(error)
            raise


async def retry_async(
    opener: Opener, policy: Retry, function: Callable[..., Awaitable[Any]],
    args: tuple[Any, ...], kwargs: dict[str, Any],
) -> Any:  # fmt: skip
    """Like `retry_sync`, waiting with `asyncio.sleep`."""
    import asyncio  # 15 ms for programs that have no use for it

    attempts = _begin(opener, policy, "coroutine")
    number = 0
    while True:
        number += 1
        frame = _open(attempts, opener.arguments(args, kwargs))
        token = frame.attach() if frame is not None else None
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            detach(token)
            wait = _failed(attempts, frame, policy, number, error)
            if wait is None:
                raise
        else:
            detach(token)
            if attempts is not None and frame is not None:
                attempts.succeeded(frame, result)
            return result
        try:
            await asyncio.sleep(wait)
        except BaseException as error:
            if attempts is not None:
                attempts.interrupted(error)
            raise


def _failed(
    attempts: Attempts | None, frame: Step | None, policy: Retry, number: int, error: BaseException
) -> float | None:
    if attempts is None or frame is None:
        return policy.wait_after(number, error)
    return attempts.failed(frame, error)

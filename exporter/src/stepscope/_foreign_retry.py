"""Attempts made by somebody else's retry: tenacity, stamina or a loop of one's own.

A hook of that library says what the next call of a step is; the next step opened in the same
context takes it over and becomes an attempt of the same step.
"""

import dataclasses
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from opentelemetry import trace

from stepscope._frames import Frame, Step, current_frame, last_failed

__all__ = ["Attempt", "Group", "next_attempt", "pending"]


@dataclasses.dataclass(slots=True)
class Group:
    """What the attempts of one step share; filled in by the first of them."""

    strategy: str | None = None
    max_attempts: int | None = None
    expects: Callable[[BaseException], bool] | None = None
    task_id: str | None = None
    index: int | None = None


@dataclasses.dataclass(slots=True)
class Attempt:
    """The next call of a step inside `parent`.

    `name`: only a step of this name; None: whichever comes.
    """

    group: Group
    number: int
    parent: Frame | None
    name: str | None = None

    def is_for(self, name: str, parent: Frame) -> bool:
        """Whether a step that opens now is meant."""
        return self.parent is parent and self.name in (None, name)

    def attributes(self) -> dict[str, Any]:
        """What the attempt's span says about itself."""
        group = self.group
        found: dict[str, Any] = {"stepscope.step.attempt": self.number}
        if group.strategy is not None:
            found["stepscope.retry.strategy"] = group.strategy
        if group.max_attempts is not None:
            found["stepscope.step.max_attempts"] = group.max_attempts
        if group.task_id is not None:
            found["workflow.task.id"] = group.task_id
        return found

    def joined(self, step: Step) -> None:
        """The step is this attempt from now on."""
        group = self.group
        step.expects = group.expects
        group.index = step.index
        if group.task_id is None:
            group.task_id = trace.format_span_id(step.span.get_span_context().span_id)
            step.identify("workflow.task.id", group.task_id)


pending: ContextVar[Attempt | None] = ContextVar("stepscope-next-attempt", default=None)


def next_attempt(max_attempts: int | None = None) -> bool:
    """Say that the step that has just failed here is going to be tried again.

    For retry loops and libraries without an integration. The next call of the step of that name
    in this thread or task becomes its next attempt. False when no step has failed here.
    """
    step = last_failed.get()
    if step is None or step.parent is not current_frame():
        return False
    known = step.identity
    group = Group(
        max_attempts=max_attempts,
        task_id=known.get("workflow.task.id")
        or trace.format_span_id(step.span.get_span_context().span_id),
        index=step.index,
    )
    number = known.get("stepscope.step.attempt", 1) + 1
    pending.set(Attempt(group, number, step.parent, step.name))
    return True

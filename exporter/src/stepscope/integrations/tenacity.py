"""Attempts of tenacity (and of stamina, which is built on it) as attempts of one step.

    @tenacity.retry(stop=tenacity.stop_after_attempt(3), before=before)
    @stepscope.step
    def fetch(): ...

For stamina: `stamina.instrumentation.set_on_retry_hooks([on_stamina_retry])`; it has no hook
before the first attempt, so that one is not numbered and the others say which step it was.
"""

from typing import Any

from stepscope._foreign_retry import Attempt, Group, next_attempt, pending
from stepscope._frames import current_frame, guarded

__all__ = ["before", "on_stamina_retry"]

_KEY = "_stepscope_group"


def before(retry_state: Any) -> None:
    """The `before` hook of tenacity: the next step is attempt n of this call."""
    try:
        group = getattr(retry_state, _KEY, None)
        if group is None:
            group = _group(retry_state.retry_object)
            setattr(retry_state, _KEY, group)
        pending.set(Attempt(group, retry_state.attempt_number, current_frame()))
    except Exception as error:  # noqa: BLE001 - never into the watched program
        guarded(error)


def on_stamina_retry(details: Any) -> None:
    """An on-retry hook of stamina: the step that has just failed is tried again."""
    try:
        next_attempt()
    except Exception as error:  # noqa: BLE001 - never into the watched program
        guarded(error)


def _group(retrying: Any) -> Group:
    limit = getattr(retrying.stop, "max_attempt_number", None)
    predicate = getattr(retrying.retry, "predicate", None)
    waits = type(retrying.wait).__name__
    if limit is None:
        strategy = "keep-trying"
    elif "exponential" in waits:
        strategy = "exponential-backoff"
    else:
        strategy = "fail-after-n"
    return Group(strategy, limit, predicate if callable(predicate) else None)

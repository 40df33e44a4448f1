"""What an error says: type, message, stack and the outcome it means."""

import os
import traceback
from typing import Any

from stepscope._capture import Capture

__all__ = ["describe", "outcome_of", "qualified_name"]

_TIMEOUTS = frozenset({"TimeoutError", "TimeoutExpired", "TimeoutException", "Timeout"})
"""Classes by name, none of which need derive from the built-in one: those of multiprocessing,
subprocess, httpx and requests. By name, because nothing is imported to compare with."""
_CANCELLATIONS = frozenset({"KeyboardInterrupt", "GeneratorExit", "CancelledError", "Cancelled"})
"""Likewise: those of asyncio, concurrent.futures and trio."""
_OWN_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep  # noqa: PTH100, PTH120 - compared with code file names


def qualified_name(kind: type[BaseException]) -> str:
    """`module.Class`, a built-in class without its module: as the OpenTelemetry SDK says it."""
    name = kind.__qualname__
    return name if kind.__module__ == "builtins" else f"{kind.__module__}.{name}"


def outcome_of(error: BaseException) -> str:
    """The outcome word an error that ends a span stands for.

    A group of errors, as `asyncio.TaskGroup` raises it, stands for what all of its errors do.
    """
    if isinstance(error, SystemExit):
        return "success" if error.code in (None, 0) else "failure"
    if isinstance(error, BaseExceptionGroup):
        words = {outcome_of(each) for each in error.exceptions}
        return words.pop() if len(words) == 1 and words != {"success"} else "failure"
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & _TIMEOUTS:
        return "timeout"
    return "cancellation" if names & _CANCELLATIONS else "failure"


def describe(error: BaseException, capture: Capture) -> dict[str, Any]:
    """The attributes of an `exception` event; redacted and bounded.

    The stack leaves out this package's own frames. A message that cannot be made is named so.
    """
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - __str__ is the user's code
        message = "<no message: str() of the error failed>"
    try:
        stack = _stack(error)
    except Exception:  # noqa: BLE001 - RecursionError, odd __cause__ objects
        stack = "<no stack: formatting it failed>"
    return {
        "exception.type": qualified_name(type(error)),
        "exception.message": capture.text(message),
        "exception.stacktrace": capture.text(stack),
    }


def _stack(error: BaseException) -> str:
    report = traceback.TracebackException.from_exception(error, compact=True)
    seen = 0
    queue: list[traceback.TracebackException | None] = [report]
    while queue and seen < 100:
        part = queue.pop()
        if part is None:
            continue
        seen += 1
        kept = [frame for frame in part.stack if not frame.filename.startswith(_OWN_FOLDER)]
        part.stack[:] = kept
        queue += [part.__cause__, part.__context__]
    return "".join(report.format())

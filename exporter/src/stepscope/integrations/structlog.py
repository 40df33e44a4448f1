"""structlog events as log records of the execution they happen in.

    structlog.configure(processors=[..., stepscope.integrations.structlog.processor, renderer])

Put `processor` after the processors that add fields and before the one that renders.
"""

import logging
from collections.abc import MutableMapping
from typing import Any

from stepscope._exceptions import describe
from stepscope._frames import guarded
from stepscope._logs import emit, seen
from stepscope._state import state

__all__ = ["processor"]

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "exception": logging.ERROR,
    "critical": logging.CRITICAL,
    "fatal": logging.CRITICAL,
}
_LEFT_OUT = frozenset(
    {"event", "level", "timestamp", "exc_info", "stack_info", "logger", "_record"}
)


def processor(
    _logger: object, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Record the event and hand it on unchanged."""
    try:
        text = str(event.get("event", ""))
        fields = {key: value for key, value in event.items() if key not in _LEFT_OUT}
        error = event.get("exc_info")
        if isinstance(error, tuple):
            error = error[1]
        if isinstance(error, BaseException):
            fields |= describe(error, state.capture)
        emit(text, _LEVELS.get(method, logging.INFO), fields)
        # When structlog renders into the logging module, the same event comes by again.
        seen(text)
    except Exception as failure:  # noqa: BLE001 - never into the watched program
        guarded(failure)
    return event

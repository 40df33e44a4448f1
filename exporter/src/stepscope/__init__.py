"""Stepscope: record workflow executions and their steps as OpenTelemetry spans.

import stepscope
stepscope.configure()

@stepscope.workflow
def checkout(order_id): ...
"""

from stepscope._configure import Status, configure, environment, flush, shutdown, status
from stepscope._context import (
    Executor,
    annotate,
    current_execution,
    current_step,
    progress,
    skip,
    wrap,
)
from stepscope._decorators import step, workflow
from stepscope._foreign_retry import next_attempt
from stepscope._frames import Execution, Frame, Step
from stepscope._propagation import extract, inject
from stepscope._retry import Retry
from stepscope._settings import VERSION
from stepscope.errors import MisuseError, StepscopeError

__version__ = VERSION

__all__ = [
    "Execution", "Executor", "Frame", "MisuseError", "Retry", "Status", "Step", "StepscopeError",
    "annotate", "configure", "current_execution", "current_step", "environment", "extract",
    "flush", "inject", "next_attempt", "progress", "shutdown", "skip", "status", "step",
    "workflow", "wrap",
]  # fmt: skip

"""The stores of designs 000 and 002 as classes: executions, steps, logs and parameters one by one.

    with ExecutionStore("http://127.0.0.1:4319") as store: …    a running server
    with ExecutionStore(data="history") as store: …             the server on that directory, else its file

What it writes become spans of our own dialect on the same way into the store as OTLP, and what it reads
are the views `compat_000.*` and `compat_002.*`: there is no state of its own.
"""

from stepscope_collector.execution_store.history import (
    ExecutionHistory,
    HistoryExecution,
    HistoryLog,
)
from stepscope_collector.execution_store.records import (
    ExecutionStats,
    ExecutionStep,
    ExecutionWithSteps,
    WorkflowExecution,
)
from stepscope_collector.execution_store.store import ExecutionStore

__all__ = [
    "ExecutionHistory",
    "ExecutionStats",
    "ExecutionStep",
    "ExecutionStore",
    "ExecutionWithSteps",
    "HistoryExecution",
    "HistoryLog",
    "WorkflowExecution",
]

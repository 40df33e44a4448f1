"""The store of design 000 as a class: executions and steps written and read one by one.

    with ExecutionStore("http://127.0.0.1:4319") as store: …    a running server
    with ExecutionStore(data="history") as store: …             the server on that directory, else its file

What it writes become spans of our own dialect on the same way into the store as OTLP, and what it reads
are the views `compat_000.*`: there is no state of its own.
"""

from stepscope_collector.execution_store.records import (
    ExecutionStats,
    ExecutionStep,
    ExecutionWithSteps,
    WorkflowExecution,
)
from stepscope_collector.execution_store.store import ExecutionStore

__all__ = [
    "ExecutionStats",
    "ExecutionStep",
    "ExecutionStore",
    "ExecutionWithSteps",
    "WorkflowExecution",
]

"""Which executions were deleted, as long as that is known (docs/retention.md)."""

from collections.abc import Sequence
from dataclasses import dataclass

from stepscope_collector.query.load import sql
from stepscope_collector.query.rows import fetch
from stepscope_collector.store import Database

__all__ = ["DeletedExecution", "deleted_executions"]


@dataclass(frozen=True, slots=True)
class DeletedExecution:
    """An execution that was deleted; nothing of it is stored before `ends_at`."""

    execution_id: str
    deleted_at: int
    ends_at: int
    """Both UTC nanoseconds."""


def deleted_executions(database: Database, execution_ids: Sequence[str]) -> list[DeletedExecution]:
    """Those of the executions that are known to be deleted, in order of their ids."""
    params = {"execution_ids": list(execution_ids)}
    # What was deleted is committed when `delete` is answered: nothing that waits can change it.
    with database.read(is_fresh=False) as connection:
        return fetch(connection, DeletedExecution, sql("compat/deleted"), params)

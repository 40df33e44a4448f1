"""The workflows of the history."""

from stepscope_collector.query.load import sql
from stepscope_collector.query.rows import Workflow, fetch
from stepscope_collector.store import Database

__all__ = ["workflow_list"]


def workflow_list(database: Database) -> list[Workflow]:
    """Every workflow with the execution of it that started last, the newest first."""
    with database.read() as connection:
        return fetch(connection, Workflow, sql("workflows/list"), {})

"""Statements about executions and steps as designs 000 and 002 kept them; `POST /api/sql` runs them anywhere."""

from typing import Final

from stepscope_collector.query.load import sql

__all__ = ["record_sql"]

_NAMES: Final = (
    "records/one", "records/page", "records/some", "records/steps", "records/state", "records/step_execution",
    "records/step_state", "records/stats", "records/beyond",
    "records/history_some", "records/history_page", "records/history_logs", "records/history_params",
)  # fmt: skip


def record_sql(name: str) -> str:
    """The statement of that name, without its folder; KeyError for one that there is not."""
    return sql({each.rpartition("/")[2]: each for each in _NAMES}[name])

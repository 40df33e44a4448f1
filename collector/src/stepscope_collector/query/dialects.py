"""The dialects of the history, and what an engine does not emit."""

import json
from typing import Final

from stepscope_collector.query.load import sql
from stepscope_collector.query.rows import Cursor, Dialect, Execution, NotEmitted, fetch
from stepscope_collector.store import Database

__all__ = ["dialect_list", "not_emitted"]

_PAYLOADS: Final = ("input", "output", "params")


def dialect_list(database: Database) -> list[Dialect]:
    """Every profile in force, and every dialect of the history."""
    with database.read() as connection:
        return fetch(connection, Dialect, sql("dialects/list"), {})


def not_emitted(
    reader: Cursor, execution: Execution, bounds: dict[str, object], profile: str | None
) -> list[NotEmitted]:
    """What the engine of an execution does not emit; without what is there all the same.

    Args:
        reader: inside a transaction.
        execution: the execution.
        bounds: those of its rows.
        profile: what that of its dialect says, JSON; None: there is none.
    """
    told = _not_emitted(execution.dialect, profile)
    present: set[str] = set()
    if any(each.field in _PAYLOADS for each in told):
        reader.execute(sql("executions/payload_kinds"), bounds)
        present = {kind for (kind,) in reader.fetchall()}
    return [
        each
        for each in told
        if each.field == "status"
        or (each.field not in present and getattr(execution, each.field, None) is None)
    ]


def _not_emitted(dialect: str, profile: str | None) -> list[NotEmitted]:
    """What the profile says, in the order of the fields."""
    if profile is None:
        return []
    told = json.loads(profile)
    return [
        NotEmitted(field, reason, dialect, told.get("description"))
        for field, reason in sorted(told.get("not_emitted", {}).items())
    ]

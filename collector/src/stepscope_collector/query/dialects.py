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
    reader: Cursor, execution: Execution, bounds: dict[str, object]
) -> list[NotEmitted]:
    """What the engine of an execution does not emit; without what is there all the same.

    Args:
        reader: inside a transaction.
        execution: the execution.
        bounds: those of its rows.
    """
    told = _told(reader, execution.dialect)
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


def _told(reader: Cursor, dialect: str) -> list[NotEmitted]:
    """What the profile says, in the order of the fields."""
    reader.execute(sql("executions/not_emitted"), {"dialect": dialect})
    return [
        NotEmitted(field, reason, dialect, profile.get("description"))
        for profile in (json.loads(told) for (told,) in reader.fetchall())
        for field, reason in sorted(profile.get("not_emitted", {}).items())
    ]

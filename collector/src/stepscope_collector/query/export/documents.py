"""Chosen executions as one document each: the execution and everything that belongs to it."""

from collections.abc import Iterator
from typing import Any, Final

from stepscope_collector.query.export.chosen import Chosen, of_ids, pages
from stepscope_collector.query.export.tables import rows
from stepscope_collector.store import Connection

__all__ = ["PARTS", "documents"]

PARTS: Final = ("steps", "attempts", "logs", "params", "payloads")
"""Lists of a document, beside its `execution`."""


def documents(connection: Connection, chosen: Chosen) -> Iterator[dict[str, Any]]:
    """`{"execution": …, "steps": [...], …}` for each, those that started first in front.

    Args:
        connection: inside one transaction; in use until the last document was taken.
        chosen: BadRequest as `Chosen.conditions`.
    """
    for ids in pages(connection, chosen):
        conditions = of_ids(ids)
        found: dict[str, dict[str, Any]] = {}
        for row in rows(connection, "executions", conditions):
            found[row["execution_id"]] = {"execution": row, **{part: [] for part in PARTS}}
        for part in PARTS:
            for row in rows(connection, part, conditions):
                found[row["execution_id"]][part].append(row)
        yield from found.values()

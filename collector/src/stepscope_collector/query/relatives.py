"""Executions that belong to one: the tree it stands in, the last success of its workflow."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from stepscope_collector.errors import NotFound
from stepscope_collector.query.load import sql
from stepscope_collector.query.place import find, locate
from stepscope_collector.query.rows import Cursor, Execution, fetch
from stepscope_collector.query.visible import Viewer, is_visible
from stepscope_collector.store import Database

__all__ = [
    "MAX_TREE",
    "TreeExecution",
    "execution_tree",
    "in_depth_first_order",
    "last_success",
    "success_before",
]

MAX_TREE: Final = 1000
"""Executions of one tree in an answer at most; it is cut from below."""


@dataclass(frozen=True, slots=True)
class TreeExecution:
    """An execution in its tree. A parent that is not in the list was not received (yet)."""

    execution_id: str
    parent_execution_id: str | None
    workflow_id: str
    workflow_name: str
    workflow_version: str | None
    status: str
    started_at: int | None
    ended_at: int | None
    duration_ns: int | None
    error_type: str | None
    error_message: str | None
    depth: int = 0
    """0: at the top."""


def execution_tree(
    database: Database, execution_id: str, viewer: Viewer | None = None
) -> tuple[list[TreeExecution], bool]:
    """The whole tree an execution stands in, parents before their children; whether it was cut.

    With a `viewer` that part of it which the viewer sees.

    Raises:
        NotFound: there is no such execution.
    """
    with database.read() as connection:
        reader: Cursor = connection
        top = _top(reader, locate(reader, execution_id).execution_id, viewer)
        params = {"execution_ids": _below(reader, top), "limit": MAX_TREE + 1}
        rows = fetch(reader, TreeExecution, sql("executions/tree"), params)
    return in_depth_first_order(rows[:MAX_TREE]), len(rows) > MAX_TREE


def _top(reader: Cursor, execution_id: str, viewer: Viewer | None) -> str:
    """The execution at the top, or one of a circle of parents."""
    seen: set[str] = set()
    above = execution_id
    while above not in seen and len(seen) < MAX_TREE:
        seen.add(above)
        execution_id = above
        reader.execute(sql("executions/parent_of"), {"execution_id": execution_id})
        parents = reader.fetchall()
        parent = find(reader, parents[0][0]) if parents else None
        if parent is None or (viewer is not None and not is_visible(reader, parent, viewer)):
            break
        above = parents[0][0]
    return execution_id


def _below(reader: Cursor, top: str) -> list[str]:
    """The execution and all below it, a level at a time, until there are too many."""
    found = {top: None}
    level = [top]
    while level and len(found) <= MAX_TREE:
        params = {"execution_ids": level, "limit": MAX_TREE + 1}
        reader.execute(sql("executions/started_by"), params)
        level = [row[0] for row in reader.fetchall() if row[0] not in found]
        found.update(dict.fromkeys(level))
    return list(found)[: MAX_TREE + 1]


def success_before(database: Database, execution_id: str) -> Execution:
    """The execution of the same workflow that succeeded last before one began.

    Raises:
        NotFound: there is no such execution, or no success before it.
    """
    with database.read() as connection:
        reader: Cursor = connection
        return last_success(reader, locate(reader, execution_id).execution)


def last_success(reader: Cursor, execution: Execution) -> Execution:
    """The execution of the same workflow that succeeded last before this one began.

    Raises:
        NotFound: none did.
    """
    params = {
        "workflow_id": execution.workflow_id,
        "execution_id": execution.execution_id,
        "before_ns": execution.ingested_at
        if execution.started_at is None
        else execution.started_at,
    }
    if found := fetch(reader, Execution, sql("executions/last_success"), params):
        return found[0]
    raise NotFound(
        f"no execution of workflow {execution.workflow_id!r} succeeded before"
        f" {execution.execution_id!r}",
        hint="name the execution to compare with",
    )


def in_depth_first_order(rows: Sequence[TreeExecution]) -> list[TreeExecution]:
    """Parents before children, siblings in the order of `rows`, each with its depth.

    Rows in a circle of parents stand below the first of them.
    """
    ids = {row.execution_id for row in rows}
    below: dict[str | None, list[TreeExecution]] = {}
    for row in rows:
        parent = row.parent_execution_id
        below.setdefault(parent if parent in ids else None, []).append(row)
    placed: list[TreeExecution] = []
    seen: set[str] = set()

    def walk(top: Sequence[TreeExecution]) -> None:
        waiting = [(row, 0) for row in reversed(top)]
        while waiting:
            row, depth = waiting.pop()
            if row.execution_id in seen:
                continue
            seen.add(row.execution_id)
            placed.append(replace(row, depth=depth))
            children = below.get(row.execution_id, [])
            waiting.extend((child, depth + 1) for child in reversed(children))

    walk(below.get(None, []))
    for row in rows:
        walk([row])
    return placed

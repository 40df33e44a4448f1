"""Executions as the documents of design 001: nested, camelCase, members without value left out (R043, R044)."""

import json
from collections.abc import Mapping
from typing import Any

from stepscope_collector.errors import BadRequest, NotFound
from stepscope_collector.query.load import sql
from stepscope_collector.query.rows import Cursor
from stepscope_collector.store import Database

__all__ = ["MAX_DOCUMENTS", "document_count", "document_of", "document_page"]

MAX_DOCUMENTS = 1000
"""Documents on one page at most."""

Row = dict[str, Any]


def document_page(
    database: Database, workflow_id: str, *, limit: int, offset: int, status: str | None = None
) -> list[Row]:
    """The executions of a workflow, newest first, each with its nodes; two statements in all.

    Args:
        database: what is read.
        workflow_id: the workflow; one that nobody knows has none.
        limit: executions at most.
        offset: executions to pass over.
        status: running, success or error; None: any.

    Raises:
        BadRequest: limit or offset is out of range.
    """
    if not 1 <= limit <= MAX_DOCUMENTS:
        raise BadRequest(f"limit={limit} is out of range", hint=f"1 to {MAX_DOCUMENTS}; use offset")
    if offset < 0:
        raise BadRequest(f"offset={offset} is negative")
    asked = {"workflow_id": workflow_id, "status": status, "limit": limit, "offset": offset}
    with database.read() as connection:
        ids = [row["execution_id"] for row in _rows(connection, sql("compat/page"), asked)]
        return _documents(connection, ids)


def document_count(database: Database, workflow_id: str, status: str | None = None) -> int:
    """How many executions a workflow has; arguments as of `document_page`."""
    params = {"workflow_id": workflow_id, "status": status}
    with database.read() as connection:
        return int(connection.execute(sql("compat/count"), params).fetchall()[0][0])


def document_of(database: Database, execution_id: str) -> Row:
    """The execution with this id.

    Raises:
        NotFound: there is none.
    """
    with database.read() as connection:
        found = _documents(connection, [execution_id])
    if not found:
        raise NotFound(
            f"no execution with the id {execution_id!r}", hint="GET /api/executions lists them"
        )
    return found[0]


def _documents(cursor: Cursor, ids: list[str]) -> list[Row]:
    rows = _rows(cursor, sql("compat/documents"), {"ids": ids}) if ids else []
    place = {execution_id: number for number, execution_id in enumerate(ids)}
    rows.sort(key=lambda row: place[row["id"]])
    return [_execution(row, [_node(node) for node in row["nodes"] or ()]) for row in rows]


def _rows(cursor: Cursor, statement: str, params: Mapping[str, Any]) -> list[Row]:
    cursor.execute(statement, dict(params))
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _execution(row: Row, nodes: list[Row]) -> Row:
    return _told(
        id=row["id"],
        workflowId=row["workflow_id"],
        workflowName=row["workflow_name"],
        status=row["status"],
        startedAt=row["started_at"],
        completedAt=row["completed_at"],
        durationMs=row["duration_ms"],
        trigger={"type": row["trigger_type"], "data": json.loads(row["trigger_data"])},
        nodeExecutions=nodes,
        error=_error(row, nodeId=row["error_node_id"]),
    )


def _node(row: Row) -> Row:
    # What was sent as null is told as null.
    payloads = {
        name: json.loads(row[name]) for name in ("input", "output") if row[name] is not None
    }
    told = _told(
        nodeId=row["node_id"],
        nodeName=row["node_name"],
        nodeType=row["node_type"],
        status=row["status"],
        startedAt=row["started_at"],
        completedAt=row["completed_at"],
        durationMs=row["duration_ms"],
        error=_error(row),
    )
    return told | payloads


def _error(row: Row, **more: Any) -> Row | None:
    if row["status"] != "error":
        return None
    return _told(message=row["error_message"] or "", stack=row["error_stack"], **more)


def _told(**members: Any) -> Row:
    return {name: value for name, value in members.items() if value is not None}

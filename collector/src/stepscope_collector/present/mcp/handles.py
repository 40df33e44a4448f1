"""The three tools that an older process runner had, with its names and fields (R078–R080).

Its `handle_id` is the execution id.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from stepscope_collector.present.mcp.executions import nothing_found
from stepscope_collector.present.mcp.tool import Answer, Argument, Asker, Tool

__all__ = ["HANDLE_TOOLS"]

_HANDLE: Final = Argument(
    "handle_id", "Id of the execution, or of its trace.", is_required=True
)  # fmt: skip
_BODY_SQL: Final = "select substr(body, $from, 8000) from execution_logs where execution_id = $id and sequence = $n"
"""How a model gets a piece of a long log record."""
_OPEN: Final = ("queued", "running", "waiting", "retrying")


def _list_history(asker: Asker, given: Mapping[str, Any]) -> Answer:
    limit, offset, workflow = given["limit"], given["offset"], given.get("workflow_id")
    page = asker.get(
        "/api/executions", {"workflow": workflow, "limit": limit, "offset": offset}
    )  # fmt: skip
    rows = [
        {
            "handle_id": row["execution_id"],
            "workflow_name": row["workflow_name"],
            "status": row["status"],
            "start": row["started_at"],
            "end": row["ended_at"],
        }
        for row in page["executions"]
    ]
    of = f", workflow_id={workflow!r}" if workflow else ""

    def more(kept: int) -> str:
        return f"list_execution_history(limit={limit}, offset={offset + kept}{of})"

    document: dict[str, Any] = {"executions": rows}
    if page["next_cursor"] is not None:
        document["more"] = more(limit)
    if not rows:
        document |= nothing_found(asker, workflow) if workflow else {}
    return Answer(document, {"executions": more}, goes_on="executions")


def _status(asker: Asker, given: Mapping[str, Any]) -> Answer:
    found = asker.get(_path(given["handle_id"]), {"include": ("steps",)})
    row, steps = found["execution"], found["steps"]
    document: dict[str, Any] = {
        "handle_id": row["execution_id"],
        "workflow_id": row["workflow_id"],
        "workflow_name": row["workflow_name"],
        "status": row["status"],
        "start": row["started_at"],
        "end": row["ended_at"],
        "exit_code": row["exit_code"],
        "error": row["error_message"],
        "failed_step": (found["error_step"] or {}).get("step_name"),
        "running_steps": [each["step_name"] for each in steps if each["status"] in _OPEN],
        "step_count": len(steps),
        "last_seen": row["last_seen_at"],
    }
    return Answer(
        document,
        {"running_steps": lambda _: f"get_execution(execution_id={row['execution_id']!r})"},
        whole=lambda path: _whole_error(row["execution_id"]),
    )


def _whole_error(execution_id: str) -> str:
    return f"get_execution(execution_id={execution_id!r}, path='execution.error_message')"


def _logs(asker: Asker, given: Mapping[str, Any]) -> Answer:
    handle, limit, after = given["handle_id"], given["limit"], given.get("after")
    is_tail = after is None
    asked = {"tail": limit + 1} if is_tail else {"after": after, "limit": limit}
    answer = asker.get(f"{_path(handle)}/logs", {**asked, "before": given.get("before")})
    logs = answer["logs"]
    has_more = len(logs) > limit or answer["is_truncated"]
    kept = logs[-limit:]
    rows = [
        {
            "sequence": row["sequence"],
            "timestamp": row["logged_at"],
            "log_type": row["event_name"] or row["severity_text"] or "LOG",
            "log_data": row["body"],
            **({"step": row["step_name"]} if row["step_name"] else {}),
        }
        for row in kept
    ]

    def more(count: int) -> str:
        if is_tail:
            first = f"before={rows[-count]['sequence']}" if count else "limit=1"
            earlier = f"get_logs(handle_id={handle!r}, {first}) reads those before"
            return f"{earlier}, after=-1 from the first record on"
        last = rows[count - 1]["sequence"] if count else after
        return f"get_logs(handle_id={handle!r}, after={last})"

    document: dict[str, Any] = {"handle_id": handle, "logs": rows}
    if answer["logs_dropped"]:
        document["logs_dropped"] = answer["logs_dropped"]
    if has_more:
        document["more"] = more(len(rows))
    newest = frozenset({"logs"}) if is_tail else frozenset()

    def whole(path: str) -> str:
        number = int(path.removeprefix("logs[").partition("]")[0])
        about = {"id": handle, "n": rows[number]["sequence"], "from": 1}
        return f"run_sql(sql={_BODY_SQL!r}, params={about})"

    return Answer(document, {"logs": more}, newest, whole, goes_on="logs")


def _path(handle: str) -> str:
    return f"/api/executions/{quote(handle, safe='')}"


HANDLE_TOOLS: Final = (
    Tool(
        "list_execution_history",
        "Executions of workflows, newest first: handle_id, workflow_name, status, start, end. "
        "handle_id is the execution id that the other tools take. search_executions has filters.",
        (
            Argument("limit", "Executions at most.", "integer", 10, minimum=1, maximum=1000),
            Argument("offset", "Executions to pass over.", "integer", 0, minimum=0),
            Argument("workflow_id", "Only of the workflow with this id or name."),
        ),
        _list_history,
    ),
    Tool(
        "get_status",
        "Status of one execution, running or ended: times, exit code, error, failed step, and the "
        "steps that run now.",
        (_HANDLE,),
        _status,
    ),
    Tool(
        "get_logs",
        "Log records of one execution in order of sequence: the last `limit`, those `before` a "
        "sequence, or the first ones `after` one.",
        (
            _HANDLE,
            Argument("limit", "Records at most.", "integer", 100, minimum=1, maximum=10_000),
            Argument("after", "Sequence after which to read; -1: from the first on.", "integer"),
            Argument(
                "before", "Sequence before which to read: the last `limit` of those.", "integer"
            ),
        ),
        _logs,
    ),
)

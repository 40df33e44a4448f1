"""The two tools that delete (R046). They are there only where `mcp.allow_delete` is on.

What an answer says of success is that of design 001; a token needs the scope admin.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from stepscope_collector.present.mcp.tool import Answer, Argument, Asker, Tool

__all__ = ["DELETING_TOOLS"]


def _delete(asker: Asker, given: Mapping[str, Any]) -> Answer:
    handle = given["handle_id"]
    path = f"/api/compat/001/executions/{quote(handle, safe='')}"
    return Answer({**asker.send("DELETE", path), "handle_id": handle})


def _clear(asker: Asker, given: Mapping[str, Any]) -> Answer:
    workflow = given["workflow_id"]
    path = f"/api/compat/001/workflows/{quote(workflow, safe='')}/executions"
    return Answer({**asker.send("DELETE", path), "workflow_id": workflow})


DELETING_TOOLS: Final = (
    Tool(
        "delete_execution",
        "Remove every trace of one execution: steps, logs, payloads. It cannot be undone; ask the user "
        "first.",
        (Argument("handle_id", "Whole id of the execution.", is_required=True),),
        _delete,
        is_deleting=True,
    ),
    Tool(
        "clear_workflow",
        "Remove every trace of all executions of one workflow, running ones included; `deleted` says how "
        "many. It cannot be undone; ask the user first.",
        (Argument("workflow_id", "Id of the workflow.", is_required=True),),
        _clear,
        is_deleting=True,
    ),
)

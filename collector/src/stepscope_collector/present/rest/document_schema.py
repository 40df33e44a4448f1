"""JSON Schema of the documents of design 001, posted and answered."""

from typing import Any, Final

__all__ = ["ANSWER_SCHEMAS", "BODY_SCHEMAS", "FURTHER_ANSWERS"]

_ID: Final = {"type": "string", "minLength": 1, "maxLength": 512}
_TIME: Final = {"type": "string", "description": "ISO 8601; without a zone it is UTC."}
_MILLISECONDS: Final = {"type": "number", "minimum": 0}


def _maybe(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _object(properties: dict[str, Any], required: tuple[str, ...]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


_TEXT: Final = {"type": "string"}
_ERROR_OF_NODE: Final = _object({"message": _TEXT, "stack": _TEXT}, ("message",))
_ERROR: Final = _object({"message": _TEXT, "stack": _TEXT, "nodeId": _TEXT}, ("message",))
_NODE: Final = {
    "nodeId": _ID,
    "nodeName": _TEXT,
    "nodeType": _TEXT,
    "status": {"type": "string", "enum": ["pending", "running", "success", "error", "skipped"]},
    "startedAt": _TIME,
    "completedAt": _TIME,
    "durationMs": _MILLISECONDS,
    "input": {},
    "output": {},
    "error": _ERROR_OF_NODE,
}
_EXECUTION: Final = {
    "id": _ID,
    "workflowId": _ID,
    "workflowName": _TEXT,
    "status": {"type": "string", "enum": ["pending", "running", "success", "error"]},
    "startedAt": _TIME,
    "completedAt": _TIME,
    "durationMs": _MILLISECONDS,
    "trigger": _object({"type": _TEXT, "data": {}}, ("type",)),
    "nodeExecutions": {
        "type": "array",
        "items": _object(_NODE, ("nodeId", "nodeName", "nodeType", "status")),
    },
    "error": _ERROR,
}

_DOCUMENT: Final = _object(
    _EXECUTION,
    ("id", "workflowId", "workflowName", "status", "startedAt", "trigger", "nodeExecutions"),
)

_POSTED_ERROR: Final = {
    "type": "object",
    "properties": {"message": _maybe(_TEXT), "stack": _maybe(_TEXT), "nodeId": _maybe(_TEXT)},
}
_POSTED_NODE: Final = _object(
    {
        **_NODE,
        "nodeName": _maybe(_ID),
        "nodeType": _maybe(_ID),
        "status": _TEXT,
        "startedAt": _maybe(_TIME),
        "completedAt": _maybe(_TIME),
        "durationMs": _maybe(_MILLISECONDS),
        "error": _maybe(_POSTED_ERROR),
    },
    ("nodeId", "status"),
)
_POSTED: Final = _object(
    {
        **_EXECUTION,
        "id": _maybe(_ID),
        "workflowName": _maybe(_ID),
        "status": _TEXT,
        "completedAt": _maybe(_TIME),
        "durationMs": _maybe(_MILLISECONDS),
        "trigger": _maybe(_object({"type": _ID, "data": {}}, ("type",))),
        "nodeExecutions": _maybe({"type": "array", "items": _POSTED_NODE}),
        "error": _maybe(_POSTED_ERROR),
        "metadata": {},
    },
    ("workflowId", "status", "startedAt"),
)

BODY_SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "post_execution": {
        "application/json": _POSTED,
        "application/x-protobuf": {
            "type": "string",
            "format": "binary",
            "description": "ExportTraceServiceRequest of OTLP, or what `signal` says, as ExecutionStore sends it.",
        },
    }
}
"""Name of a route → media type → the body it takes."""

ANSWER_SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "post_execution": _object(
        {
            "success": {"const": True},
            "id": {**_TEXT, "description": "Of the execution, when the document had none."},
        },
        ("success",),
    ),
    "get_document": _DOCUMENT,
    "delete_document": _object({"success": {"const": True}}, ("success",)),
    "clear_workflow": _object(
        {"success": {"const": True}, "deleted": {"type": "integer"}}, ("success", "deleted")
    ),
}
"""Name of a route → what it answers."""

FURTHER_ANSWERS: Final[dict[str, tuple[dict[str, Any], ...]]] = {
    "list_executions": (
        {"type": "array", "items": _DOCUMENT},
        _object(
            {
                "executions": {"type": "array", "items": _DOCUMENT},
                "total": {"type": "integer"},
                "page": {"type": "integer"},
                "pageSize": {"type": "integer"},
            },
            ("executions", "total", "page", "pageSize"),
        ),
    )
}
"""Name of a route → what else it may answer."""

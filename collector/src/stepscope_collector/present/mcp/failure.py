"""Tools that say why: the evidence about one failure, and what differs between two executions.

Evidence only: everything here stands in the history, and the same history gives the same answer.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from stepscope_collector.errors import BadRequest, NotFound
from stepscope_collector.present.mcp.executions import nothing_found, read_execution, without_nulls
from stepscope_collector.present.mcp.tool import Answer, Argument, Asker, Document, Tool

__all__ = ["FAILURE_TOOLS"]

_FAILED: Final = ("failed", "timed_out")
_LOGS: Final = 20
"""Records of the log before the failure."""
_STEPS: Final = 100
"""Steps of an execution up to which all are told."""
_AROUND: Final = 10
"""Steps on either side of the failing one that are told of longer executions."""
_WHO: Final = (
    "execution_id", "workflow_name", "workflow_version", "status", "status_native", "started_at",
    "ended_at", "duration_ns", "exit_code", "user_id", "trigger_type", "parent_execution_id",
    "retry_of_execution_id",
)  # fmt: skip
_ATTEMPT: Final = (
    "attempt", "max_attempts", "is_expected_retry", "status", "started_at", "duration_ns",
    "error_type", "error_message",
)  # fmt: skip


def _explain(asker: Asker, given: Mapping[str, Any]) -> Answer:
    execution_id = _wanted(asker, given)
    found = read_execution(asker, execution_id, "steps", "attempts", "payloads", "children")
    row = found["execution"]
    execution_id = row["execution_id"]
    if row["status"] not in (*_FAILED, "lost", "partial"):
        raise BadRequest(
            f"execution {execution_id!r} has not failed, its status is {row['status']}",
            hint="get_execution tells all about it",
        )
    leaf = found["error_step"]
    attempts = [one for one in found["attempts"] if leaf and one["step_id"] == leaf["step_id"]]
    document: Document = {
        "execution": without_nulls(row, _WHO),
        "error": _error(row, leaf, attempts),
        "attempts_of_the_failing_step": [without_nulls(one, _ATTEMPT) for one in attempts],
        "input_of_the_failing_step": _input(found["payloads"], attempts),
        **_steps(found["steps"], leaf),
        "failed_children": [
            without_nulls(one, ("execution_id", "workflow_name", "status", "error_message"))
            for one in found["children"]
            if one["status"] in _FAILED
        ],
        "logs_before_the_failure": _logs(asker, execution_id, attempts or [row]),
        "same_error": _same_error(asker, row),
        **_last_success(asker, execution_id),
    }
    how = f"get_execution(execution_id={execution_id!r}, "
    return Answer(
        document,
        {
            "attempts_of_the_failing_step": lambda _: f"{how}path='attempts')",
            "input_of_the_failing_step": lambda _: f"{how}path='payloads')",
            "steps": lambda _: f"{how}path='steps')",
            "failed_children": lambda _: f"{how}path='children')",
            "logs_before_the_failure": lambda _: f"get_logs(handle_id={execution_id!r})",
            **_rest_of_differences(document, execution_id),
        },
        newest=frozenset({"logs_before_the_failure", "attempts_of_the_failing_step"}),
        whole=lambda _: f"{how}step=…) or {how}path=…)",
    )


def _rest_of_differences(document: Document, execution_id: str) -> dict[str, Any]:
    success = document["last_success"]
    if success is None:
        return {}
    asked = f"compare_executions(left={success['execution_id']!r}, right={execution_id!r})"
    return {
        name: lambda _: asked
        for name in ("different_facts", "different_values", "different_steps", "different_logs")
    }


def _wanted(asker: Asker, given: Mapping[str, Any]) -> str:
    if "execution_id" in given:
        return str(given["execution_id"])
    if "workflow" not in given:
        raise BadRequest(
            "explain_failure needs execution_id or workflow",
            hint="with workflow, its newest failure is explained",
        )
    filters = {"workflow": given["workflow"], "status": _FAILED, "limit": 1}
    failures = asker.get("/api/executions", filters)["executions"]
    if not failures:
        said = nothing_found(asker, given["workflow"])["note"]
        raise NotFound(f"no failed execution of workflow {given['workflow']!r}", hint=said)
    return str(failures[0]["execution_id"])


def _steps(rows: list[Document], leaf: Document | None) -> Document:
    """The steps; of many those that did not succeed, and those around the one that failed."""
    chosen = rows
    if len(rows) > _STEPS:
        at = next(
            (n for n, row in enumerate(rows) if leaf and row["step_id"] == leaf["step_id"]), 0
        )
        chosen = [
            row
            for n, row in enumerate(rows)
            if row["status"] not in ("success", "skipped") or abs(n - at) <= _AROUND
        ]
    names = ("step_index", "step_name", "status", "attempt_count", "duration_ns")
    told: Document = {"steps": [without_nulls(row, names) for row in chosen]}
    if len(chosen) < len(rows):
        told["steps_left_out"] = len(rows) - len(chosen)
    return told


def _error(row: Document, leaf: Document | None, attempts: list[Document]) -> Document:
    error = without_nulls(row, ("error_type", "error_message"))
    if leaf is not None:
        error["failing_step"] = without_nulls(leaf)
        stack = attempts[-1]["error_stack"] if attempts else None
        if stack:
            error["stack"] = stack
    return error


def _input(payloads: list[Document], attempts: list[Document]) -> list[Document]:
    spans = {(one["trace_id"], one["span_id"]) for one in attempts}
    return [
        without_nulls(one, ("kind", "key", "body", "size_bytes"))
        for one in payloads
        if (one["trace_id"], one["span_id"]) in spans and one["kind"] in ("input", "params")
    ]


def _logs(asker: Asker, execution_id: str, attempts: list[Document]) -> list[Document]:
    """The last records of the execution up to the failure of its step."""
    path = f"/api/executions/{quote(execution_id, safe='')}/logs"
    records = asker.get(path, {"tail": 50 * _LOGS})["logs"]
    failed_at = attempts[-1]["ended_at"]
    before = [one for one in records if failed_at is None or (one["logged_at"] or "") <= failed_at]
    return [
        without_nulls(one, ("sequence", "logged_at", "severity_text", "step_name", "body"))
        for one in before[-_LOGS:]
    ]


def _same_error(asker: Asker, row: Document) -> Document:
    """How often, and since when, the workflow fails like this, as far as 1000 executions tell."""
    asked = {
        "workflow": row["workflow_id"],
        "status": _FAILED,
        "error_type": row["error_type"],
        "limit": 1000,
    }
    failures = asker.get("/api/executions", asked)["executions"]
    alike = [one for one in failures if one["error_message"] == row["error_message"]]
    stats = asker.get("/api/stats", {"workflow": row["workflow_id"]})["stats"]
    return {
        "of_this_type": len(failures),
        "with_this_message": len(alike),
        "first_of_this_message": alike[-1]["started_at"] if alike else None,
        "versions": sorted({one["workflow_version"] or "none" for one in alike}),
        "workflow": without_nulls(stats[0], ("count", "success", "failed", "success_rate"))
        if stats
        else None,
    }


def _last_success(asker: Asker, execution_id: str) -> Document:
    """What differs from the last success before it; without one, only that there is none."""
    try:
        found = asker.get("/api/compare", {"right": execution_id})
    except NotFound:
        return {"last_success": None}
    return {
        "last_success": without_nulls(found["left"], _WHO),
        "differences": "left: the last success, right: this failure",
        **{f"different_{name}": rows for name, rows in _different(found).items()},
    }


def _different(found: Document) -> Document:
    """The lists of a comparison, equal steps left out."""
    return {
        "facts": found["facts"],
        "values": [without_nulls(row) for row in found["values"]],
        "path": [found["path"]] if not found["path"]["is_same"] else [],
        "steps": [without_nulls(row) for row in found["steps"] if row["change"] != "same"],
        "logs": [without_nulls(row) for row in found["logs"]],
    }


def _compare(asker: Asker, given: Mapping[str, Any]) -> Answer:
    found = asker.get("/api/compare", {"left": given.get("left"), "right": given["right"]})
    document: Document = {
        "left": without_nulls(found["left"], _WHO),
        "right": without_nulls(found["right"], _WHO),
        **_different(found),
    }
    if found["truncated"]:
        document["truncated"] = found["truncated"]
    ids = [found[side]["execution_id"] for side in ("left", "right")]
    both = " and ".join(f"get_execution(execution_id={one!r}, path=…)" for one in ids)
    names = ("facts", "values", "steps", "logs")
    return Answer(document, {name: lambda _: both for name in names}, whole=lambda _: both)


FAILURE_TOOLS: Final = (
    Tool(
        "compare_executions",
        "What differs between two executions: facts, params, inputs and outputs by path, the way they "
        "went, status, duration, attempts and error of steps, and log lines.",
        (
            Argument("right", "Id of the execution in question.", is_required=True),
            Argument(
                "left", "Id of the other; without it the last success of the workflow before."
            ),
        ),
        _compare,
    ),
    Tool(
        "explain_failure",
        "The evidence about a failure in one answer: the error with the step that caused it and its "
        "stack, its attempts and input, the log before it, how often it happened, and what differs "
        "from the last success of the workflow.",
        (
            Argument("execution_id", "The execution that failed."),
            Argument("workflow", "Or the workflow: its newest failure."),
        ),
        _explain,
    ),
)

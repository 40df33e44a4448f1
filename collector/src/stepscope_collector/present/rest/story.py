"""Endpoints that tell of one execution: tree, times, payloads, time left, last success."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from stepscope_collector.present.rest.encode import dumps, encode_row, encode_rows
from stepscope_collector.present.rest.route import Param, Part, Route
from stepscope_collector.query.critical_path import (
    CriticalPath,
    PathSegment,
    Slack,
    execution_critical_path,
)
from stepscope_collector.query.estimate import Estimate, execution_estimate
from stepscope_collector.query.payloads import MAX_CHARS, PayloadPart, payload_parts
from stepscope_collector.query.relatives import (
    MAX_TREE,
    TreeExecution,
    execution_tree,
    success_before,
)
from stepscope_collector.query.rows import Execution
from stepscope_collector.query.visible import Viewer
from stepscope_collector.query.waits import StepWaits, Waits, execution_waits
from stepscope_collector.store import Database

__all__ = ["ANSWERS", "ROUTES"]

_KINDS: Final = ("input", "output", "params", "trigger", "attribute")

ROUTES: Final = (
    Route(
        "get_tree", "/api/executions/{id}/tree",
        f"The whole tree of executions that one stands in, at most {MAX_TREE}.",
        (),
        (
            Part("tree", TreeExecution, "Parents before their children, siblings by start."),
            Part("is_truncated", None, "Whether there are more.", False),
        ),
        errors=(404,),
    ),
    Route(
        "get_waits", "/api/executions/{id}/waits",
        "Where the time of one execution went, in parts that sum to its duration.",
        (),
        (
            Part("waits", Waits, "The execution.", False),
            Part("steps", StepWaits, "Each of its steps, in order of start."),
        ),
        errors=(404,),
    ),
    Route(
        "get_critical_path", "/api/executions/{id}/critical-path",
        "What the duration of one execution consists of, and how much slack each step has.",
        (),
        (
            Part("critical_path", CriticalPath, "The path in sum.", False),
            Part("segments", PathSegment, "From start to end, without holes."),
            Part("slacks", Slack, "Every step and child execution, those on the path or not."),
        ),
        errors=(404,),
    ),
    Route(
        "get_payloads", "/api/executions/{id}/payloads",
        "Inputs, outputs and the like of one execution, with the step each belongs to; all of them, or "
        "a part of each.",
        (
            Param("kind", "Only of these kinds.", "output", is_list=True, values=_KINDS),
            Param("step", "Only of the step with this id.", "load-1"),
            Param("max_chars", "Characters of each body at most; 0: none.", "2000", "integer", MAX_CHARS),
            Param("offset", "Characters of each body to pass over.", "2000", "integer", 0),
        ),
        (
            Part("payloads", PayloadPart, "In order of their spans' start."),
            Part("is_truncated", None, "Whether there are more.", False),
        ),
        errors=(400, 404),
    ),
    Route(
        "get_estimate", "/api/executions/{id}/estimate",
        "How much longer an execution will go on, from the newest successes of its workflow that took "
        "longer than it has until now.",
        (), (Part("estimate", Estimate, "And how many it rests on.", False),), errors=(404,),
    ),
    Route(
        "get_last_success", "/api/executions/{id}/last-success",
        "The execution of the same workflow that succeeded last before this one began.",
        (), (Part("execution", Execution, "The success.", False),), errors=(404,),
    ),
)  # fmt: skip


def _get_tree(
    database: Database,
    _params: Mapping[str, Any],
    id: str,  # noqa: A002  # the name in the path
    viewer: Viewer | None = None,
) -> tuple[int, bytes]:
    tree, is_truncated = execution_tree(database, id, viewer)
    return 200, dumps({"tree": encode_rows(tree), "is_truncated": is_truncated})


def _get_waits(database: Database, _params: Mapping[str, Any], id: str) -> tuple[int, bytes]:  # noqa: A002  # the name in the path
    waits, steps = execution_waits(database, id, now_ns=time.time_ns())
    return 200, dumps({"waits": encode_row(waits), "steps": encode_rows(steps)})


def _get_critical_path(
    database: Database,
    _params: Mapping[str, Any],
    id: str,  # noqa: A002  # the name in the path
) -> tuple[int, bytes]:
    path, segments, slacks = execution_critical_path(database, id, now_ns=time.time_ns())
    body = {
        "critical_path": encode_row(path),
        "segments": encode_rows(segments),
        "slacks": encode_rows(slacks),
    }
    return 200, dumps(body)


def _get_payloads(database: Database, params: Mapping[str, Any], id: str) -> tuple[int, bytes]:  # noqa: A002  # the name in the path
    rows, is_truncated = payload_parts(
        database,
        id,
        kinds=params.get("kind", ()),
        step_id=params.get("step"),
        offset=params["offset"],
        max_chars=params["max_chars"],
    )
    return 200, dumps({"payloads": encode_rows(rows), "is_truncated": is_truncated})


def _get_estimate(database: Database, _params: Mapping[str, Any], id: str) -> tuple[int, bytes]:  # noqa: A002  # the name in the path
    estimate = execution_estimate(database, id, now_ns=time.time_ns())
    return 200, dumps({"estimate": encode_row(estimate)})


def _get_last_success(
    database: Database,
    _params: Mapping[str, Any],
    id: str,  # noqa: A002  # the name in the path
) -> tuple[int, bytes]:
    return 200, dumps({"execution": encode_row(success_before(database, id))})


ANSWERS: Final[Mapping[str, Callable[..., tuple[int, bytes]]]] = {
    "get_tree": _get_tree,
    "get_waits": _get_waits,
    "get_critical_path": _get_critical_path,
    "get_estimate": _get_estimate,
    "get_payloads": _get_payloads,
    "get_last_success": _get_last_success,
}
"""Name of a route → its function: it gets the database, the parameters and those of the path."""

"""Endpoints of the statistics: one per view, and all that is known of one workflow."""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from stepscope_collector.present.rest.encode import dumps, encode_rows
from stepscope_collector.present.rest.params import filters_of
from stepscope_collector.present.rest.route import FILTERS, Param, Part, Route
from stepscope_collector.query.rows import StepStats, WorkflowStats
from stepscope_collector.query.statistic_names import SLOWEST, SLOWEST_PARAMS, STATISTICS
from stepscope_collector.query.statistics import (
    MAX_ROWS,
    OF_WORKFLOW,
    SlowestStep,
    row_of,
    slowest_steps,
    statistic_rows,
    workflow_statistics,
)
from stepscope_collector.store import Database
from stepscope_schema.load import load_schema

__all__ = ["ANSWERS", "ROUTES"]

_PARAMS: Final = {
    param.name: param
    for param in (
        Param("workflow", "Id or name of the workflow.", "checkout"),
        Param("step", "Name of the step.", "charge"),
        Param("project", "Project of the workflows.", "shop"),
        Param("user", "Who the executions ran for.", "user-42"),
        Param("version", "Version of the workflow.", "2.3.1"),
        Param("fingerprint", "Kind of failure, of statistic clusters.", "0c2af91b77de"),
        Param("change", "What became of the duration.", "slower",
              values=("slower", "faster", "steady")),
        Param("started_after", "Of this time or later: RFC 3339, a date, or a time ago.", "7d"),
        Param("started_before", "Before this time: RFC 3339, a date, or a time ago.", "2026-07-24"),
    )
}  # fmt: skip
_LIMIT: Final = Param("limit", f"Rows at most, 1 to {MAX_ROWS}.", "100", "integer", 1000)
_MEANINGS: Final = {one.name: one.header for one in load_schema().of("views")}


def _params_of(names: Sequence[str]) -> tuple[Param, ...]:
    """What chooses rows, and the filters that choose the executions these are about."""
    return (
        *(_PARAMS[name] for name in names),
        *(each for each in FILTERS if each.name not in names),
    )


def _key(name: str) -> str:
    """Name of a list in the document of a workflow."""
    return name.replace("-", "_")


ROUTES: Final = (
    Route(
        "get_workflow_statistics", "/api/workflows/{name}/statistics",
        "All that is known of one workflow, by its id or name.",
        (),
        (
            Part("workflow", WorkflowStats, "Counts and durations."),
            Part("steps", StepStats, "Of each of its steps, the most time first."),
            *(
                Part(_key(name), row_of(STATISTICS[name].view), f"Statistic {name}, 100 rows at most.")
                for name in OF_WORKFLOW
            ),
        ),
        errors=(404,),
    ),
    Route(
        "get_slowest_steps", f"/api/statistics/{SLOWEST}",
        "The tries of steps that took longest, the longest first.",
        (
            *_params_of(SLOWEST_PARAMS),
            Param("limit", f"Rows at most, 1 to {MAX_ROWS}.", "20", "integer", 20),
        ),
        (Part("rows", SlowestStep, "The tries."),),
        errors=(400,),
    ),
    *(
        Route(
            f"get_statistics_{_key(name)}", f"/api/statistics/{name}",
            _MEANINGS[statistic.view].partition(". ")[0].rstrip(".") + ".",
            (*_params_of(statistic.params), _LIMIT),
            (
                Part("rows", row_of(statistic.view), f"Of view {statistic.view}."),
                Part("is_truncated", None, "Whether there are more.", False),
            ),
            errors=(400,),
        )
        for name, statistic in STATISTICS.items()
    ),
)  # fmt: skip


def _asked(params: Mapping[str, Any]) -> dict[str, str]:
    chosen = {name: params[name] for name in _PARAMS if name in params}
    return {**chosen, **filters_of(params)}


def _get_statistic(name: str, database: Database, params: Mapping[str, Any]) -> tuple[int, bytes]:
    rows, is_truncated = statistic_rows(
        database, name, _asked(params), now_ns=time.time_ns(), limit=params["limit"]
    )
    return 200, dumps({"rows": encode_rows(rows), "is_truncated": is_truncated})


def _get_slowest(database: Database, params: Mapping[str, Any]) -> tuple[int, bytes]:
    rows = slowest_steps(database, _asked(params), now_ns=time.time_ns(), limit=params["limit"])
    return 200, dumps({"rows": encode_rows(rows)})


def _get_workflow(database: Database, _params: Mapping[str, Any], name: str) -> tuple[int, bytes]:
    found = workflow_statistics(database, name, now_ns=time.time_ns())
    return 200, dumps({_key(part): encode_rows(rows) for part, rows in found.items()})


ANSWERS: Final[Mapping[str, Callable[..., tuple[int, bytes]]]] = {
    "get_workflow_statistics": _get_workflow,
    "get_slowest_steps": _get_slowest,
    **{
        f"get_statistics_{_key(name)}": functools.partial(_get_statistic, name)
        for name in STATISTICS
    },
}
"""Name of a route → its function: it gets the database, the parameters and those of the path."""

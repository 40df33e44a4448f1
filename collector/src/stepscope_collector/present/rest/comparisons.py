"""Endpoints that compare executions: two of them, and two cohorts."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from stepscope_collector.errors import BadRequest
from stepscope_collector.present.rest.encode import dumps, encode_row, encode_rows
from stepscope_collector.present.rest.params import filters_of
from stepscope_collector.present.rest.route import FILTERS, Param, Part, Route
from stepscope_collector.query.cohorts import (
    AGAINST,
    COHORT,
    LEAST,
    MAX_LIFTS,
    Cohorts,
    Lift,
    compare_cohorts,
)
from stepscope_collector.query.compare import (
    MAX_LINES,
    MAX_VALUES,
    Fact,
    LineCounts,
    PathComparison,
    ValueDifference,
    compare_executions,
)
from stepscope_collector.query.rows import Execution
from stepscope_collector.query.step_pairs import StepComparison
from stepscope_collector.store import Database

__all__ = ["ANSWERS", "ROUTES"]

ROUTES: Final = (
    Route(
        "compare_executions", "/api/compare", "What differs between two executions.",
        (
            Param("right", "The execution in question, by its id or that of its trace.", "whole-3"),
            Param(
                "left", "What it is compared with; without it the last success of its workflow "
                "before it.", "whole-1",
            ),
        ),
        (
            Part("left", Execution, "The one.", False),
            Part("right", Execution, "The other one.", False),
            Part("facts", Fact, "Columns of view executions that differ."),
            Part(
                "values", ValueDifference, f"What differs in params, inputs and outputs of the "
                f"executions as a whole, at most {MAX_VALUES}.",
            ),
            Part("path", PathComparison, "How long they went the same way.", False),
            Part("steps", StepComparison, "Every step of either, equal ones too."),
            Part(
                "logs", LineCounts, "Log lines, ids and numbers in them aside, that one logged more "
                f"often, at most {MAX_LINES}.",
            ),
            Part("truncated", None, "Names of the lists above that were cut."),
        ),
        errors=(400, 404),
    ),
    Route(
        "compare_cohorts", "/api/cohorts",
        "Which params, tags, versions, hosts and the like go with failure: values that one cohort of "
        "executions has more often than another.",
        (
            Param("cohort", "A filter: the ones.", COHORT, default=COHORT),
            Param("against", "A filter: the others.", AGAINST, default=AGAINST),
            *FILTERS,
            Param("min_count", "Executions a value must have.", "5", "integer", LEAST),
            Param("limit", f"Values at most, 1 to {MAX_LIFTS}.", "50", "integer", 50),
        ),
        (
            Part("cohorts", Cohorts, "The cohorts.", False),
            Part("lifts", Lift, "The surest ones first."),
        ),
        errors=(400, 408),
    ),
)  # fmt: skip


def _compare_executions(database: Database, params: Mapping[str, Any]) -> tuple[int, bytes]:
    right = params.get("right")
    if not right:
        raise BadRequest("nothing says which execution to compare", hint="give right=ID")
    found = compare_executions(database, params.get("left"), right)
    body = {
        "left": encode_row(found.left),
        "right": encode_row(found.right),
        "facts": encode_rows(found.facts),
        "values": encode_rows(found.values),
        "path": encode_row(found.path),
        "steps": encode_rows(found.steps),
        "logs": encode_rows(found.logs),
        "truncated": list(found.truncated),
    }
    return 200, dumps(body)


def _compare_cohorts(
    database: Database, timeout_s: float, params: Mapping[str, Any]
) -> tuple[int, bytes]:
    cohorts, lifts = compare_cohorts(
        database,
        filters_of(params),
        now_ns=time.time_ns(),
        cohort=params["cohort"],
        against=params["against"],
        least=params["min_count"],
        limit=params["limit"],
        timeout_s=timeout_s,
    )
    return 200, dumps({"cohorts": encode_row(cohorts), "lifts": encode_rows(lifts)})


ANSWERS: Final[Mapping[str, Callable[..., tuple[int, bytes]]]] = {
    "compare_executions": _compare_executions,
}
"""Name of a route → its function: it gets the database and the parameters."""

LIMITED: Final[Mapping[str, Callable[..., tuple[int, bytes]]]] = {
    "compare_cohorts": _compare_cohorts,
}
"""Likewise, of routes with filters that may take long: also how many seconds they may take."""

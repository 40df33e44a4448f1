"""What goes with failure, and where the time of an execution went, for language models."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from stepscope_collector.present.mcp.executions import FILTERS, without_nulls
from stepscope_collector.present.mcp.tool import Answer, Argument, Asker, Tool
from stepscope_collector.query.filters import FIELDS

__all__ = ["ANALYSIS_TOOLS"]

_MOST: Final = 1000


def _cohorts(asker: Asker, given: Mapping[str, Any]) -> Answer:
    names = (*FIELDS, "cohort", "against", "min_count", "limit")
    found = asker.get("/api/cohorts", {name: given[name] for name in names if name in given})
    document = {
        "cohorts": without_nulls(found["cohorts"]),
        "lifts": [without_nulls(row) for row in found["lifts"]],
        "meaning": "lift_low above 1: the value goes with the cohort, more than chance would have it",
    }
    return Answer(
        document, {"lifts": lambda kept: f"the surest stand first; limit={kept} has these"}
    )


def _duration(asker: Asker, given: Mapping[str, Any]) -> Answer:
    base = f"/api/executions/{quote(given['execution_id'], safe='')}"
    waits, path = asker.get(f"{base}/waits"), asker.get(f"{base}/critical-path")
    estimate = asker.get(f"{base}/estimate")["estimate"]
    document: dict[str, Any] = {
        "waits": without_nulls(waits["waits"]),
        "critical_path": without_nulls(path["critical_path"]),
        "segments": [without_nulls(row) for row in path["segments"]],
        "slacks": [without_nulls(row) for row in path["slacks"] if not row["is_critical"]],
        "steps": [without_nulls(row) for row in waits["steps"]],
    }
    if estimate["elapsed_ns"] is not None and estimate["reason"] != "it does not go on":
        document["time_left"] = without_nulls(estimate)
    rest = "run_sql over view steps of this execution, longest first"
    return Answer(document, {name: lambda _: rest for name in ("segments", "slacks", "steps")})


ANALYSIS_TOOLS: Final = (
    Tool(
        "compare_cohorts",
        "Which params, tags, versions, hosts and the like go with failure, or with any other cohort "
        "of executions: values that it has more often, with counts, support, lift and what the lift "
        "is at least.",
        (
            Argument("cohort", "A filter: the ones; without it those that failed or timed out."),
            Argument("against", "A filter: the others; without it those that succeeded."),
            *FILTERS,
            Argument("min_count", "Executions a value must have.", "integer", 5, minimum=1),
            Argument("limit", "Values at most.", "integer", 20, minimum=1, maximum=_MOST),
        ),
        _cohorts,
    ),
    Tool(
        "explain_duration",
        "Where the time of one execution went, in nanoseconds: work, child executions, queues, "
        "back-off between attempts, gaps; its critical path; the slack of what is not on it; and for "
        "one that goes on how much longer it will take.",
        (Argument("execution_id", "Id of the execution, or of its trace.", is_required=True),),
        _duration,
    ),
)

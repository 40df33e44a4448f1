"""Which statistics there are, and by what their rows can be chosen; imports no database."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["SLOWEST", "SLOWEST_PARAMS", "STATISTICS", "TIMES", "Statistic"]


@dataclass(frozen=True, slots=True)
class Statistic:
    """One statistic; its name is the key in STATISTICS."""

    view: str
    statement: str
    params: tuple[str, ...] = ("workflow",)
    """Of workflow, step, project, user, version, fingerprint, change, started_after, started_before."""


TIMES: Final = ("started_after", "started_before")
"""Parameters that are times."""
_IN_TIME: Final = ("workflow", *TIMES)
_STEP: Final = ("workflow", "step")

STATISTICS: Final[Mapping[str, Statistic]] = {
    "projects": Statistic("project_stats", "statistics/project_stats", ("project",)),
    "users": Statistic("user_stats", "statistics/user_stats", ("user",)),
    "versions": Statistic("version_stats", "statistics/version_stats", ("workflow", "version")),
    "hours": Statistic("workflow_hours", "statistics/workflow_hours", _IN_TIME),
    "days": Statistic("workflow_days", "statistics/workflow_days", _IN_TIME),
    "project-days": Statistic(
        "project_days", "statistics/project_days", ("project", *TIMES)
    ),
    "step-hours": Statistic("step_hours", "statistics/step_hours", (*_STEP, *TIMES)),
    "step-days": Statistic("step_days", "statistics/step_days", (*_STEP, *TIMES)),
    "histogram": Statistic("workflow_histogram", "statistics/workflow_histogram"),
    "step-histogram": Statistic("step_histogram", "statistics/step_histogram", _STEP),
    "retries": Statistic("step_retries", "statistics/step_retries", _STEP),
    "failures": Statistic("failures", "statistics/failures", (*_STEP, "fingerprint", *TIMES)),
    "clusters": Statistic(
        "failure_clusters", "statistics/failure_clusters", ("workflow", "fingerprint", *TIMES)
    ),
    "cadence": Statistic("workflow_cadence", "statistics/workflow_cadence"),
    "gaps": Statistic("workflow_gaps", "statistics/workflow_gaps", _IN_TIME),
    "regressions": Statistic(
        "workflow_regressions", "statistics/workflow_regressions", ("workflow", "change")
    ),
    "step-regressions": Statistic(
        "step_regressions", "statistics/step_regressions", (*_STEP, "change")
    ),
    "space": Statistic("workflow_space", "statistics/workflow_space", _IN_TIME),
}  # fmt: skip
"""Name in the API and on the command line → statistic."""

SLOWEST: Final = "slowest-steps"
"""The one statistic that is no view: the tries that took longest."""
SLOWEST_PARAMS: Final = (*_STEP, *TIMES)

"""`stepscope stats`: counts and durations per workflow or step, and the other statistics."""

from collections.abc import Sequence

import click

from stepscope_collector.cli.filters import filter_options
from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.errors import BadRequest
from stepscope_collector.present.text.lists import step_stats_table, workflow_stats_table
from stepscope_collector.present.text.statistics import statistic_table
from stepscope_collector.query.nearest import unknown
from stepscope_collector.query.statistic_names import SLOWEST, SLOWEST_PARAMS, STATISTICS

__all__ = ["command"]

_COUNTS = {"workflows": "workflow", "steps": "step"}
_FURTHER = ("step", "fingerprint", "change", "limit")


@click.command("stats")
@click.argument("what", metavar="[WHAT]", required=False)
@click.option("--steps", "is_by_step", is_flag=True, help="The same as steps.")
@filter_options
@click.option("--step", metavar="NAME", help="Only this step.")
@click.option("--fingerprint", metavar="ID", help="Only this kind of failure, of clusters.")
@click.option("--change", metavar="WORD", help="Only slower, faster or steady.")
@click.option(
    "--limit",
    metavar="NUMBER",
    help="Rows at most; default 1000, of slowest-steps 20, of workflows and steps all.",
)
@shared_options()
@pass_session
def command(
    session: Session, /, *, what: str | None, is_by_step: bool, **options: str | None
) -> None:
    """Counts, durations and more per workflow, step, day and so on.

    WHAT is workflows (default), steps, or one of: projects, users, versions, hours, days,
    project-days, step-hours, step-days, histogram, step-histogram, retries, failures, clusters,
    cadence, gaps, regressions, step-regressions, slowest-steps, space.

    Quantiles are exact unless said otherwise. Rates are shares of what has ended. Filters choose the
    executions that are counted.
    """
    what = what or ("steps" if is_by_step else "workflows")
    given = {name: value for name, value in options.items() if value is not None}
    if what in _COUNTS:
        _counts(session, what, given)
    elif what in STATISTICS:
        known = STATISTICS[what]
        _statistic(session, what, known.params, given, view=known.view)
    elif what == SLOWEST:
        _statistic(session, what, SLOWEST_PARAMS, given, view=None)
    else:
        raise unknown("statistic", what, [*_COUNTS, *STATISTICS, SLOWEST])


def _counts(session: Session, what: str, given: dict[str, str]) -> None:
    for name in _FURTHER[:-1]:
        if name in given:
            raise BadRequest(
                f"stats {what} takes no --{name}", hint="it takes --limit and all filters"
            )
    limit = _limit(given.pop("limit", None))
    with session.client() as client:
        rows = client.get("/api/stats", {**given, "by": _COUNTS[what]})["stats"]
    table, view = (
        (step_stats_table, "step_stats")
        if what == "steps"
        else (workflow_stats_table, "workflow_stats")
    )
    session.write_rows(rows[:limit], table, view=view)
    if limit is not None and len(rows) > limit:
        session.note("there are more: raise --limit, or choose fewer")


def _limit(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:9]):
        raise BadRequest(f"limit={text} is out of range", hint="1 or more")
    return int(text[:9])


def _statistic(
    session: Session, what: str, params: Sequence[str], given: dict[str, str], *, view: str | None
) -> None:
    for name in _FURTHER:
        if name in given and name not in (*params, "limit"):
            further = [f"--{each}" for each in _FURTHER if each in (*params, "limit")]
            raise BadRequest(
                f"stats {what} takes no --{name}",
                hint=f"it takes {', '.join(further)} and all filters",
            )
    with session.client() as client:
        answer = client.get(f"/api/statistics/{what}", given)
    session.write_rows(
        answer["rows"],
        lambda rows, screen: statistic_table(view or what, rows, screen),
        view=view,
    )
    if answer.get("is_truncated"):
        session.note("there are more: raise --limit, or choose fewer")

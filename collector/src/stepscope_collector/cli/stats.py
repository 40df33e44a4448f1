"""`stepscope stats`: counts and durations per workflow or step."""

import click

from stepscope_collector.cli.filters import filter_options
from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.present.text.lists import step_stats_table, workflow_stats_table

__all__ = ["command"]


@click.command("stats")
@click.option("--steps", "is_by_step", is_flag=True, help="Per step instead of per workflow.")
@filter_options
@shared_options()
@pass_session
def command(session: Session, /, *, is_by_step: bool, **filters: str | None) -> None:
    """Counts and durations per workflow or step.

    Quantiles are exact. The rate is successes among what has ended. Filters choose the executions
    that are counted.
    """
    with session.client() as client:
        question = {**filters, "by": "step" if is_by_step else "workflow"}
        rows = client.get("/api/stats", question)["stats"]
    if is_by_step:
        session.write_rows(rows, step_stats_table, view="step_stats")
    else:
        session.write_rows(rows, workflow_stats_table, view="workflow_stats")

"""`stepscope stats`: counts and durations per workflow or step."""

import click

from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.present.text.lists import step_stats_table, workflow_stats_table

__all__ = ["command"]


@click.command("stats")
@click.option("--workflow", metavar="WORKFLOW", help="Id or name of the workflow.")
@click.option("--steps", "is_by_step", is_flag=True, help="Per step instead of per workflow.")
@shared_options()
@pass_session
def command(session: Session, *, workflow: str | None, is_by_step: bool) -> None:
    """Counts and durations per workflow or step.

    Quantiles are exact. The rate is successes among what has ended.
    """
    question = {"workflow": workflow, "by": "step" if is_by_step else "workflow"}
    with session.client() as client:
        rows = client.get("/api/stats", question)["stats"]
    session.write_rows(rows, step_stats_table if is_by_step else workflow_stats_table)

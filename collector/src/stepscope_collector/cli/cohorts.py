"""`stepscope cohorts`: what distinguishes two cohorts of executions."""

import click

from stepscope_collector.cli.filters import filter_options
from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.present.text.comparison import cohorts_text

__all__ = ["command"]


@click.command("cohorts")
@click.option("--cohort", metavar="FILTER", help="The ones; default: failed or timed out.")
@click.option("--against", metavar="FILTER", help="The others; default: succeeded.")
@filter_options
@click.option(
    "--min-count", type=click.IntRange(min=1), help="Executions a value must have; default: 5."
)
@click.option("--limit", type=click.IntRange(min=1), help="Values at most; default: 50.")
@shared_options()
@pass_session
def command(session: Session, /, **question: str | int | None) -> None:
    """Say which params, tags, versions and hosts go with failure.

    Compares two cohorts of executions, those that failed with those that succeeded if not told else:
    values that the one has more often, those first of which that is surest. Filters choose the
    executions that are looked at.
    """
    with session.client() as client:
        document = client.get("/api/cohorts", question)
    session.write_document(document, cohorts_text)

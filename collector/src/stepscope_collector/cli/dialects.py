"""`stepscope dialects`: the profiles, and how much of the history each mapped."""

import click

from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.present.text.lists import dialect_table

__all__ = ["command"]


@click.command("dialects")
@click.option("--seen", "is_seen", is_flag=True, help="Only those the history has spans of.")
@shared_options()
@pass_session
def command(session: Session, *, is_seen: bool) -> None:
    """List profiles, what they do not emit, and what they mapped.

    Profiles that are shipped and your own, with the executions and spans of the history that each
    mapped. The data formats have the fields each fills, and why others are not emitted.
    """
    with session.client() as client:
        rows = client.get("/api/dialects")["dialects"]
    if is_seen:
        rows = [row for row in rows if row["span_count"]]
    session.write_rows(rows, dialect_table, view="dialects")

"""`stepscope compare`: what differs between two executions."""

import click

from stepscope_collector.cli.lookup import find_id
from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.present.text.comparison import comparison_text

__all__ = ["command"]


@click.command("compare")
@click.argument("first", metavar="LEFT")
@click.argument("second", metavar="[RIGHT]", required=False)
@click.option("--all", "is_all", is_flag=True, help="Steps that are the same, too.")
@shared_options()
@pass_session
def command(session: Session, *, first: str, second: str | None, is_all: bool) -> None:
    """Say what differs between two executions.

    Facts, params, inputs and outputs, the way they went, every step, log lines. With one ID only,
    it is compared with the last success of its workflow before it. Ids may be the beginnings of ids.
    """
    with session.client() as client:
        right = find_id(client, first if second is None else second)
        left = None if second is None else find_id(client, first)
        document = client.get("/api/compare", {"left": left, "right": right})
    session.write_document(
        document, lambda shown, screen: comparison_text(shown, screen, is_all=is_all)
    )
    if document["truncated"]:
        session.note(f"not all of these are shown: {', '.join(document['truncated'])}")

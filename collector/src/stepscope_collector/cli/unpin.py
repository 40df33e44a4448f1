"""`stepscope unpin`: keep executions no longer than retention says."""

from collections.abc import Sequence
from urllib.parse import quote

import click

from stepscope_collector.cli.session import Session, pass_session, shared_options

__all__ = ["command"]


@click.command("unpin")
@click.argument("execution_ids", metavar="ID...", nargs=-1, required=True)
@shared_options()
@pass_session
def command(session: Session, execution_ids: Sequence[str]) -> None:
    """Keep executions no longer than retention says.

    Whole ids only.
    """
    with session.client(is_writing=True) as client:
        rows = [
            {
                "execution_id": each,
                **client.send("DELETE", f"/api/executions/{quote(each, safe='')}/pin"),
            }
            for each in execution_ids
        ]
    session.write_rows(
        rows, lambda given, _: "".join(f"unpinned {row['execution_id']}\n" for row in given)
    )

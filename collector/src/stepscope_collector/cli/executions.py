"""`stepscope executions`: the list, with every filter of the read API."""

from collections.abc import Callable
from typing import Any

import click

from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.present.text.lists import execution_table
from stepscope_collector.query.filters import FIELDS, ORDERS

__all__ = ["command"]

_PAGE = 50
_LARGEST_PAGE = 1000


def _filters(command: Callable[..., Any]) -> Callable[..., Any]:
    for name, field in reversed(list(FIELDS.items())):
        text = f"{field.meaning} Example: {field.example}."
        metavar = name.rpartition("_")[2].upper()
        command = click.option(f"--{name.replace('_', '-')}", metavar=metavar, help=text)(command)
    return command


@click.command("executions")
@_filters
@click.option(
    "--order",
    metavar="COLUMN",
    help=f"{' or '.join(ORDERS)}; a minus in front turns it round. Default: -started_at.",
)
@click.option(
    "--limit", type=click.IntRange(min=1), help=f"Executions of one page; default: {_PAGE}."
)
@click.option("--cursor", metavar="CURSOR", help="The page after the one that printed this.")
@click.option("--all", "is_all", is_flag=True, help="All pages.")
@shared_options()
@pass_session
def command(
    session: Session,
    /,
    *,
    order: str | None,
    limit: int | None,
    cursor: str | None,
    is_all: bool,
    **filters: str | None,
) -> None:
    """List executions, newest first."""
    question: dict[str, Any] = {**filters, "order": order, "cursor": cursor}
    question["limit"] = limit if limit is not None else _LARGEST_PAGE if is_all else _PAGE
    rows: list[dict[str, Any]] = []
    with session.client() as client:
        while True:
            page = client.get("/api/executions", question)
            rows += page["executions"]
            question["cursor"] = page["next_cursor"]
            if not is_all or page["next_cursor"] is None:
                break
    session.write_rows(rows, execution_table)
    if page["next_cursor"] is not None:
        session.note(f"more: --cursor {page['next_cursor']}")
    elif not rows and session.format == "table":
        session.note("no execution matches")

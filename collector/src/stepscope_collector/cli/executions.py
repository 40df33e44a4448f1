"""`stepscope executions`: the list, with every filter of the read API."""

from typing import Any

import click

from stepscope_collector.cli.filters import filter_options
from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.present.text.lists import chosen_table, execution_table, status_table
from stepscope_collector.query.filters import ORDERS

__all__ = ["command"]

_PAGE = 50
# query.executions.MAX_PAGE; a test compares the two, since importing it would import DuckDB.
LARGEST_PAGE = 1000


@click.command("executions")
@filter_options
@click.option(
    "--order",
    metavar="COLUMN",
    help=f"Field to sort by, of {', '.join(ORDERS)}, or a path such as params.customer; a minus in"
    " front turns it round. Default: "
    "-started_at.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help=f"Executions at most, of all pages together; default: {_PAGE}.",
)
@click.option(
    "--columns",
    metavar="COLUMNS",
    help="Only these, with commas: fields, columns of the view, or paths. Example: "
    "workflow,duration,params.customer.",
)
@click.option("--cursor", metavar="CURSOR", help="Go on after the list that ended with this.")
@click.option("--all", "is_all", is_flag=True, help="All executions; not with --limit.")
@click.option(
    "--counts",
    "is_counting",
    is_flag=True,
    help="How many there are per status, instead of the list.",
)
@shared_options()
@pass_session
def command(
    session: Session,
    /,
    *,
    order: str | None,
    columns: str | None,
    limit: int | None,
    cursor: str | None,
    is_all: bool,
    is_counting: bool,
    **filters: str | None,
) -> None:
    """List executions, newest first."""
    if is_all and limit is not None:
        raise click.UsageError("--all and --limit exclude each other", click.get_current_context())
    if is_counting:
        with session.client() as client:
            question = {**filters, "include": "counts", "limit": 1}
            counts = client.get("/api/executions", question)["counts"]
        session.write_rows(counts, status_table)
        return
    left = None if is_all else limit or _PAGE
    is_narrow = any(value is not None for value in (cursor, *filters.values()))
    rows: list[dict[str, Any]] = []
    with session.client() as client:
        while True:
            size = LARGEST_PAGE if left is None else min(left - len(rows), LARGEST_PAGE)
            question = {
                **filters,
                "order": order,
                "columns": columns,
                "cursor": cursor,
                "limit": size,
            }
            page = client.get("/api/executions", question)
            rows += page["executions"]
            cursor = page["next_cursor"]
            if cursor is None or (left is not None and len(rows) >= left):
                break
    if columns is None:
        session.write_rows(rows, execution_table, view="executions")
    else:
        session.write_rows(rows, chosen_table)
    if cursor is not None:
        session.note(f"more: --cursor {cursor}")
    elif not rows and session.format == "table":
        session.note("no execution matches" if is_narrow else "the history is empty so far")

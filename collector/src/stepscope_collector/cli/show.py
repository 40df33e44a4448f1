"""`stepscope show`: one execution in full."""

import functools

import click

from stepscope_collector.cli.lookup import add_stack, find_execution
from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.present.text.execution import execution_text

__all__ = ["command"]


@click.command("show")
@click.argument("execution_id", metavar="ID")
@click.option("--logs", "has_logs", is_flag=True, help="Its log records too.")
@click.option("--full", "is_full", is_flag=True, help="Inputs and outputs however long.")
@shared_options()
@pass_session
def command(session: Session, *, execution_id: str, has_logs: bool, is_full: bool) -> None:
    """Show one execution in full.

    Facts, error with stack, inputs, outputs, the steps on a time axis with their attempts, and
    child executions. ID may be the beginning of an id when only one begins so.
    """
    include = ["steps", "attempts", "payloads", "children", *(["logs"] if has_logs else [])]
    with session.client() as client:
        document = find_execution(client, execution_id, *include)
        add_stack(client, document)
    text = functools.partial(execution_text, max_body_lines=None) if is_full else execution_text
    session.write_document(document, text)
    if document["truncated"]:
        session.note(f"not all of these are shown: {', '.join(document['truncated'])}")

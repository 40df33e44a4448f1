"""`stepscope show`: one execution in full."""

import contextlib
from collections.abc import Mapping
from typing import Any

import click

from stepscope_collector.cli.client import Client
from stepscope_collector.cli.lookup import add_stack, execution_path, find_execution
from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.errors import NotFound, PermissionDenied
from stepscope_collector.present.text.cuts import MAX_ROWS
from stepscope_collector.present.text.execution import execution_text
from stepscope_collector.present.text.story import path_text, tree_text, waits_text
from stepscope_collector.present.text.tables import Screen

__all__ = ["command"]

_LIVE = {"queued", "running", "waiting", "retrying"}
_FAILED = {"failed", "timed_out", "lost", "cancelled"}


@click.command("show")
@click.argument("execution_id", metavar="ID")
@click.option("--logs", "has_logs", is_flag=True, help="Its log records too.")
@click.option(
    "--full", "is_full", is_flag=True, help="All steps, inputs and outputs, however long."
)
@click.option("--waits", "has_waits", is_flag=True, help="Where its time went, step by step.")
@click.option(
    "--critical-path",
    "has_path",
    is_flag=True,
    help="What its duration consists of, and the slack.",
)
@click.option("--tree", "has_tree", is_flag=True, help="All executions of its tree.")
@shared_options()
@pass_session
def command(
    session: Session,
    *,
    execution_id: str,
    has_logs: bool,
    is_full: bool,
    has_waits: bool,
    has_path: bool,
    has_tree: bool,
) -> None:
    """Show one execution in full.

    Facts, error with stack, inputs, outputs, the steps on a time axis with their attempts, and
    child executions. ID may be the beginning of an id when only one begins so.
    """
    include = ["steps", "attempts", "payloads", "children", *(["logs"] if has_logs else [])]
    with session.client() as client:
        document = find_execution(client, execution_id, *include)
        add_stack(client, document)
        _add_outlook(client, document)
        if has_waits:
            document["waits"] = _more(client, document, "waits")
        if has_path:
            document["critical_path"] = _more(client, document, "critical-path")
        if has_tree:
            document["tree"] = _more(client, document, "tree")

    def text(shown: Mapping[str, Any], screen: Screen) -> str:
        most = None if is_full else MAX_ROWS
        parts = [execution_text(shown, screen, is_full=is_full)]
        if has_waits:
            parts.append(waits_text(shown["waits"], screen, most=most))
        if has_path:
            parts.append(path_text(shown["critical_path"], screen, most=most))
        if has_tree:
            parts.append(tree_text(shown["tree"], shown["execution"]["execution_id"], screen))
        return "\n".join(parts)

    session.write_document(document, text)
    if document["truncated"]:
        session.note(f"not all of these are shown: {', '.join(document['truncated'])}")


def _add_outlook(client: Client, document: dict[str, Any]) -> None:
    """How much longer what goes on will, and the last success before what failed."""
    status = document["execution"]["status"]
    # A token of a user may not ask: both rest on executions of anybody.
    with contextlib.suppress(NotFound, PermissionDenied):
        if status in _LIVE:
            document["estimate"] = _more(client, document, "estimate")["estimate"]
        elif status in _FAILED:
            document["last_success"] = _more(client, document, "last-success")["execution"]


def _more(client: Client, document: Mapping[str, Any], name: str) -> dict[str, Any]:
    return client.get(execution_path(document["execution"]["execution_id"], name))

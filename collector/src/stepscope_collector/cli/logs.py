"""`stepscope logs`: the log records of an execution, once or as they come."""

import threading
from collections.abc import Sequence
from typing import Any

import click

from stepscope_collector.cli.client import Client
from stepscope_collector.cli.lookup import execution_path, find_execution
from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.errors import BadRequest
from stepscope_collector.present.text.execution import dropped_text
from stepscope_collector.present.text.lists import log_lines

__all__ = ["command"]

_AGAIN_S = 1.0


@click.command("logs")
@click.argument("execution_id", metavar="ID")
@click.option("--tail", type=click.IntRange(min=0), help="Only the last N records.")
@click.option("--after", type=int, metavar="SEQUENCE", help="Only records after this one.")
@click.option("--before", type=int, metavar="SEQUENCE", help="Only records before this one.")
@click.option(
    "-f", "--follow", "is_following", is_flag=True, help="Go on until the execution has ended."
)
@shared_options()
@pass_session
def command(
    session: Session,
    *,
    execution_id: str,
    tail: int | None,
    after: int | None,
    before: int | None,
    is_following: bool,
) -> None:
    """Print the log records of an execution.

    ID may be the beginning of an id when only one begins so.
    """
    if is_following and session.format in {"json", "csv"}:
        raise BadRequest(
            f"--follow has no end that --format {session.format} could wait for",
            hint="use --format ndjson or table",
        )
    if is_following and before is not None:
        raise BadRequest(
            "--follow goes on behind the last record, --before ends at one", hint="leave one out"
        )
    with session.client() as client:
        execution = find_execution(client, execution_id)["execution"]
        path = execution_path(execution["execution_id"], "logs")
        if is_following and client.is_live:
            _follow(session, client, path, {"tail": tail, "after": after})
            return
        rows, dropped = _read(client, path, {"tail": tail, "after": after, "before": before})
        session.write_rows(rows, log_lines, view="execution_logs")
        if dropped:
            session.note(dropped_text(dropped))
        if is_following:
            session.note("no server runs, so nothing can follow")


def _follow(session: Session, client: Client, path: str, question: dict[str, Any]) -> None:
    """Print records as they come; return when the execution has ended and all were printed."""
    last_id: str | None = None
    while True:
        for name, event_id, data in client.events(f"{path}/stream", question, last_id):
            if name == "end":
                session.note(
                    "execution is lost: no sign of life for too long"
                    if data["status"] == "lost"
                    else f"execution has ended: {data['status']}"
                )
                return
            last_id = event_id or last_id
            session.write_rows([data], log_lines)
            session.flush()
        # The server stops; what comes next is the other one, or the error that none answers.
        threading.Event().wait(_AGAIN_S)


def _read(client: Client, path: str, question: dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
    """The records asked for, and how many were refused; several answers when one cannot hold them."""
    answer = client.get(path, question)
    rows: list[dict[str, Any]] = answer["logs"]
    while answer["is_truncated"]:
        answer = client.get(path, {**question, "after": _last(rows, None)})
        rows += answer["logs"]
    return rows, answer["logs_dropped"]


def _last(rows: Sequence[dict[str, Any]], before: int | None) -> int | None:
    numbers = [int(row["sequence"]) for row in rows]
    return max(numbers) if numbers else before

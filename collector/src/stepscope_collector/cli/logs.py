"""`stepscope logs`: the log records of an execution, once or as they come."""

import threading
from collections.abc import Sequence
from typing import Any

import click

from stepscope_collector.cli.client import Client
from stepscope_collector.cli.lookup import execution_path, find_execution
from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.errors import BadRequest
from stepscope_collector.present.text.lists import log_lines

__all__ = ["command"]

_LIVE = {"queued", "running", "waiting", "retrying"}
_POLL_S = 1.0


@click.command("logs")
@click.argument("execution_id", metavar="ID")
@click.option("--tail", type=click.IntRange(min=0), help="Only the last N records.")
@click.option("--after", type=int, metavar="SEQUENCE", help="Only records after this one.")
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
    with session.client() as client:
        execution = find_execution(client, execution_id)["execution"]
        path = execution_path(execution["execution_id"], "logs")
        rows = _read(client, path, {"tail": tail, "after": after})
        session.write_rows(rows, log_lines, view="execution_logs")
        if is_following and not client.is_live:
            session.note("no server runs, so nothing can follow")
        elif is_following:
            _follow(session, client, path, _last(rows, after))


def _follow(session: Session, client: Client, path: str, last: int | None) -> None:
    """Print records as they come; return when the execution has ended and all were printed."""
    pause = threading.Event()
    parent = path.removesuffix("/logs")
    while True:
        # The status is asked before the records: what came before the end is still fetched.
        status = client.get(parent)["execution"]["status"]
        rows = _read(client, path, {"after": last})
        session.write_rows(rows, log_lines)
        session.flush()
        last = _last(rows, last)
        if status not in _LIVE:
            session.note(
                "execution is lost: no sign of life for too long"
                if status == "lost"
                else f"execution has ended: {status}"
            )
            return
        pause.wait(_POLL_S)


def _read(client: Client, path: str, question: dict[str, Any]) -> list[dict[str, Any]]:
    """The records asked for; several answers when one cannot hold them."""
    answer = client.get(path, question)
    rows: list[dict[str, Any]] = answer["logs"]
    while answer["is_truncated"]:
        answer = client.get(path, {"after": _last(rows, None)})
        rows += answer["logs"]
    return rows


def _last(rows: Sequence[dict[str, Any]], before: int | None) -> int | None:
    numbers = [int(row["sequence"]) for row in rows]
    return max(numbers) if numbers else before

"""`stepscope delete`: every trace of an execution, gone."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import click

from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.errors import BadRequest

__all__ = ["command"]


@click.command("delete")
@click.argument("execution_ids", metavar="[ID]...", nargs=-1)
@click.option("--user", metavar="USER", help="All executions that ran for this user.")
@click.option("--workflow", metavar="ID", help="All executions of this workflow.")
@click.option(
    "--now",
    "is_now",
    is_flag=True,
    help="End when its bytes are gone from the database file, too: the file is compacted.",
)
@shared_options()
@pass_session
def command(
    session: Session,
    /,
    execution_ids: Sequence[str],
    user: str | None,
    workflow: str | None,
    *,
    is_now: bool,
) -> None:
    """Remove every trace of executions.

    Spans, payloads, log records, data points that name them. Whole ids only. What their senders tell of them later is dropped and counted, for as long as the
    setting retention.deleted_known_s says.
    """
    if sum((bool(execution_ids), user is not None, workflow is not None)) != 1:
        raise BadRequest(
            "name executions, or a user, or a workflow",
            hint="stepscope delete ID; --user USER; --workflow ID",
        )
    given = [
        ("execution_id", each, f"/api/executions/{quote(each, safe='')}") for each in execution_ids
    ]
    if user is not None:
        given.append(("user_id", user, f"/api/users/{quote(user, safe='')}/executions"))
    if workflow is not None:
        path = f"/api/workflows/{quote(workflow, safe='')}/executions"
        given.append(("workflow_id", workflow, path))
    rows, copies = [], set[str]()
    with session.client(is_writing=True) as client:
        for name, value, path in given:
            is_last = path == given[-1][2]
            told = client.send("DELETE", path, {"compact": "true"} if is_now and is_last else {})
            rows.append({name: value, **told["removed"]})
            copies.update(told["copies"])
    session.write_rows(rows, lambda given, _: "".join(map(_line, given)))
    if not is_now:
        session.note(
            "its bytes leave the database file with the next compaction: stepscope compact, or delete with --now"
        )
    if copies:
        session.note(
            f"these files of the data directory may still hold it: {', '.join(sorted(copies))}"
        )


def _line(row: Mapping[str, Any]) -> str:
    whose = row.get("user_id") or row.get("workflow_id")
    what = row.get("execution_id") or f"{row['executions']} executions of {whose}"
    return (
        f"deleted {what}: {row['spans']} spans, {row['payloads']} payloads, "
        f"{row['log_records']} log records, {row['metric_points']} data points\n"
    )

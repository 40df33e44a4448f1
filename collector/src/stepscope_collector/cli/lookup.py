"""An execution by its id or by the beginning of it, when only one begins so."""

from importlib.resources import files
from typing import Any
from urllib.parse import quote

from stepscope_collector.cli.client import Client
from stepscope_collector.errors import BadRequest, NotFound, PermissionDenied

__all__ = ["add_stack", "execution_path", "find_execution", "find_id", "read_sql"]

_SHOWN = 5


def read_sql(name: str) -> str:
    """The statement in `cli/sql/<name>.sql`, as it stands there."""
    return files(__package__).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


def execution_path(execution_id: str, *further: str) -> str:
    """Path of what the read API tells of an execution, quoted: `/api/executions/{id}/…`."""
    return "/".join(("/api/executions", quote(execution_id, safe=""), *further))


def find_execution(client: Client, written: str, *include: str) -> dict[str, Any]:
    """The answer for the execution with this id, else for the only one whose id begins so.

    Raises:
        NotFound: no id begins so.
        BadRequest: several do; the hint names some.
    """
    if not written:
        raise NotFound("no execution has an empty id", hint="stepscope executions lists them")
    try:
        return client.execution(written, *include)
    except NotFound as error:
        try:
            rows = client.sql(read_sql("execution_ids"), {"prefix": written})["rows"]
        except PermissionDenied:  # a token of a user, which may not ask SQL
            raise error from None
        if not rows:
            raise NotFound(
                f"no execution with the id {written!r}, and none whose id begins so",
                hint="stepscope executions lists them",
            ) from error
        if len(rows) > 1:
            shown = ", ".join(row[0] for row in rows[:_SHOWN])
            raise BadRequest(
                f"several executions have an id that begins with {written!r}",
                hint=f"write more of it: {shown}" + (", …" if len(rows) > _SHOWN else ""),
            ) from error
    return client.execution(rows[0][0], *include)


def find_id(client: Client, written: str) -> str:
    """The id of the execution that `find_execution` finds."""
    return str(find_execution(client, written)["execution"]["execution_id"])


def add_stack(client: Client, document: dict[str, Any]) -> None:
    """Put `error_stack` into the execution when it failed in no step: then its own span has it."""
    execution = document["execution"]
    if not execution["error_type"] or document.get("error_step") or not execution["span_id"]:
        return
    place = {"trace_id": execution["trace_id"], "span_id": execution["span_id"]}
    try:
        rows = client.sql(read_sql("execution_stack"), place)["rows"]
    except PermissionDenied:  # likewise
        return
    execution["error_stack"] = rows[0][0] if rows else None

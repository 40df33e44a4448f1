"""`stepscope query`: statements with a name."""

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.cli.sql import param_of, print_answer, statement_of
from stepscope_collector.errors import BadRequest
from stepscope_collector.present.text.tables import Column, Screen, render_table

__all__ = ["command"]


@click.group("query")
def command() -> None:
    """Save statements under names, ask them again.

    A saved query is an endpoint, /api/queries/NAME, and a tool of language models, too.
    """


@command.command("save")
@click.argument("name")
@click.argument("statement", metavar="[SQL]", required=False)
@click.option(
    "--file",
    "-F",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Read the statement from a file.",
)
@click.option("--description", metavar="TEXT", help="What it answers; language models read it.")
@shared_options()
@pass_session
def save(
    session: Session,
    /,
    name: str,
    statement: str | None,
    file: Path | None,
    description: str | None,
) -> None:
    """Keep a statement under a name, in the place of one that has it.

    Its $parameters get their values when it is asked.
    """
    text = statement_of(statement, file)
    document = {"sql": text, "description": description}
    with session.client(is_writing=True) as client:
        saved = client.send("POST", _path(name), document=document)["query"]
    session.write_rows([saved], _table)


@command.command("list")
@shared_options()
@pass_session
def list_(session: Session, /) -> None:
    """List all saved queries."""
    with session.client() as client:
        session.write_rows(client.get("/api/queries")["queries"], _table)


@command.command("run")
@click.argument("name")
@click.option(
    "--param",
    "-p",
    "params",
    metavar="NAME=VALUE",
    multiple=True,
    help="Value of a parameter: JSON if it is that, else text.",
)
@click.option("--max-rows", type=click.IntRange(min=1), help="Rows of the answer, at most.")
@shared_options(has_arrow=True)
@pass_session
def run(session: Session, /, name: str, params: tuple[str, ...], max_rows: int | None) -> None:
    """Ask a saved query."""
    given: dict[str, Any] = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in map(param_of, params)
    }
    if max_rows is not None:
        given["max_rows"] = max_rows
    is_document = session.format in {"table", "json"}
    given["format"] = "json" if is_document else session.format
    if session.format in {"arrow", "parquet"} and sys.stdout.isatty():
        raise BadRequest(f"{session.format} is binary and stdout is a terminal", hint="add > FILE")
    with session.client() as client:
        if is_document:
            print_answer(session, client.get(_path(name), given))
        else:
            session.write_bytes(client.stream(_path(name), given))


@command.command("delete")
@click.argument("name")
@shared_options()
@pass_session
def delete(session: Session, /, name: str) -> None:
    """Forget a saved query."""
    with session.client(is_writing=True) as client:
        client.send("DELETE", _path(name))
    session.note(f"deleted {name}")


def _path(name: str) -> str:
    return f"/api/queries/{quote(name, safe='')}"


def _table(rows: Any, screen: Screen) -> str:
    columns = [
        Column("NAME", lambda row: row["name"]),
        Column("PARAMETERS", lambda row: ", ".join(row["params"]) or "-"),
        Column("DESCRIPTION", lambda row: row["description"]),
        Column("SQL", lambda row: " ".join(row["statement"].split()), is_cut=True),
    ]
    return render_table(columns, rows, screen)

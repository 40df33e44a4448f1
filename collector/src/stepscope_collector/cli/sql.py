"""`stepscope sql`: one statement, its answer in any format."""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.config import environment
from stepscope_collector.config.setting import default_state_dir
from stepscope_collector.errors import BadRequest
from stepscope_collector.present.text.formats import to_json, unique_names
from stepscope_collector.present.text.lists import sql_table

__all__ = ["answer_sql", "command", "param_of", "print_answer", "statement_of"]

_OF_EXPLAIN: Final = ["explain_key", "explain_value"]


@click.command("sql")
@click.argument("statement", metavar="[SQL]", required=False)
@click.option(
    "--file",
    "-F",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Read the statement from a file.",
)
@click.option(
    "--param",
    "-p",
    "params",
    metavar="NAME=VALUE",
    multiple=True,
    help="Value of $NAME in the statement: JSON if it is that, else text.",
)
@click.option(
    "--max-rows", type=click.IntRange(min=1), help="Rows of the answer, at most; sql.max_rows."
)
@shared_options(has_arrow=True)
@pass_session
def command(
    session: Session,
    *,
    statement: str | None,
    file: Path | None,
    params: tuple[str, ...],
    max_rows: int | None,
) -> None:
    """Run one SQL statement against the history.

    SQL may also come from --file or, when it is missing or -, from stdin. Without any, on a terminal,
    statements are read one after the other, with completion and history. Only reading is allowed.
    The time it took is printed to stderr.
    """
    values = dict(param_of(param) for param in params)
    if statement is None and file is None and sys.stdin.isatty() and sys.stdout.isatty():
        _interactive(session, values, max_rows)
        return
    answer_sql(session, statement_of(statement, file), values, max_rows)


def _interactive(session: Session, values: dict[str, Any], max_rows: int | None) -> None:
    # Line editing costs 60 ms to import, which one statement need not spend.
    from stepscope_collector.cli.shell import Shell

    directory = default_state_dir(environment())
    history = None if directory is None else directory / "sql_history"
    Shell(session, lambda text: answer_sql(session, text, values, max_rows), history).run()


def answer_sql(
    session: Session, text: str, values: Mapping[str, Any], max_rows: int | None
) -> None:
    """Ask one statement and put its answer on stdout."""
    with session.client() as client:
        if session.format in {"table", "json"}:
            print_answer(session, client.sql(text, values, max_rows))
        else:
            if session.format in {"arrow", "parquet"} and sys.stdout.isatty():
                raise BadRequest(
                    f"{session.format} is binary and stdout is a terminal", hint="add > FILE"
                )
            started = time.monotonic()
            chunks = client.sql_stream(session.format, text, values, max_rows)
            session.write_bytes(chunks)
            session.note(f"{(time.monotonic() - started) * 1000:.0f} ms, answer included")


def print_answer(session: Session, answer: dict[str, Any]) -> None:
    """Put the answer to a statement on stdout as a table or as JSON, and say how long it took."""
    names = [column["name"] for column in answer["columns"]]
    if session.format == "json":
        keys = unique_names(names)
        session.write(to_json([dict(zip(keys, row, strict=True)) for row in answer["rows"]]))
    elif names == _OF_EXPLAIN:
        session.write(
            "".join(f"{plan.rstrip()}\n" for _, plan in answer["rows"])
        )  # a drawing of many lines
    else:
        session.write(sql_table(names, answer["rows"], session.screen))
    count = answer["row_count"]
    note = f"{count} row{'' if count == 1 else 's'} in {answer['elapsed_ms']:.1f} ms"
    if answer["is_truncated"]:
        note += "; there are more: raise --max-rows, or use --format ndjson, csv, arrow or parquet"
    session.note(note)


def statement_of(statement: str | None, file: Path | None) -> str:
    """The statement: an argument, the content of a file, or stdin; BadRequest."""
    if statement not in {None, "-"} and file is not None:
        raise BadRequest("SQL was given as an argument and as a file", hint="leave one out")
    if file is not None:
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise BadRequest(f"cannot read {file}: {reason.lower()}") from error
    if statement is not None and statement != "-":
        return statement
    if statement is None and sys.stdin.isatty():
        raise BadRequest("no SQL was given", hint='for example: stepscope sql "from executions"')
    return sys.stdin.read()


def param_of(written: str) -> tuple[str, Any]:
    """Name and value of NAME=VALUE: JSON if it is that, else text; BadRequest."""
    name, equals, value = written.partition("=")
    if not equals or not name:
        raise BadRequest(f"--param {written!r} is no parameter", hint="write NAME=VALUE")
    try:
        return name.removeprefix("$"), json.loads(value)
    except ValueError:
        return name.removeprefix("$"), value

"""`stepscope sql`: one statement, its answer in any format."""

import json
import re
import sys
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, Final

import click

from stepscope_collector.cli.output import form_of, write_file
from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.config import environment
from stepscope_collector.config.setting import default_state_dir
from stepscope_collector.errors import BadRequest
from stepscope_collector.present.text.formats import to_json, unique_names
from stepscope_collector.present.text.lists import sql_table

__all__ = ["answer_sql", "command", "param_of", "print_answer", "statement_of"]

_OF_EXPLAIN: Final = ["explain_key", "explain_value"]
_SUFFIXES: Final = {
    "json": ".json", "ndjson": ".ndjson", "csv": ".csv", "arrow": ".arrow", "parquet": ".parquet",
}  # fmt: skip
_OF_SHELL: Final = re.compile(r"[.\\]\w+|\\\?|help|quit|exit", re.IGNORECASE)


class _Statement(click.Command):
    """Takes a statement that begins with a comment for a statement, not for an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments left over."""
        spaced = [f" {each}" if _COMMENT.match(each) else each for each in args]
        return super().parse_args(ctx, spaced)


_COMMENT: Final = re.compile(r"--\s")


@click.command("sql", cls=_Statement)
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
@click.option(
    "--output", "-o", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
    help="File to write; its ending says the format if --format does not. Default: stdout.",
)  # fmt: skip
@shared_options(has_arrow=True)
@pass_session
def command(
    session: Session,
    *,
    statement: str | None,
    file: Path | None,
    params: tuple[str, ...],
    max_rows: int | None,
    output: Path | None,
) -> None:
    """Run one SQL statement against the history.

    SQL may also come from --file or, when it is missing or -, from stdin. Without any, on a terminal,
    statements are read one after the other, with completion and history. Only reading is allowed.
    The time it took is printed to stderr.
    """
    values = dict(param_of(param) for param in params)
    is_terminal = sys.stdin.isatty() and sys.stdout.isatty() and output is None
    if statement is None and file is None and is_terminal:
        _interactive(session, values, max_rows)
        return
    text = statement_of(statement, file)
    if _OF_SHELL.fullmatch(text.strip()):
        raise BadRequest(
            f"{text.strip()} is for the shell, and no SQL",
            hint="stepscope sql alone begins it; in SQL: show tables, describe executions",
        )
    if output is None:
        answer_sql(session, text, values, max_rows)
    else:
        _save(session, text, values, max_rows, output)


def _save(
    session: Session, text: str, values: Mapping[str, Any], max_rows: int | None, output: Path
) -> None:
    """Ask one statement and put its answer into a file."""
    form = session.format if session.format != "table" else form_of(output, _SUFFIXES)
    with session.client() as client:
        if form == "json":
            answer = client.sql(text, values, max_rows)
            write_file(output, _once(_as_json(answer).encode()), session)
            _note(session, answer)
        else:
            write_file(output, client.sql_stream(form, text, values, max_rows), session)


def _once(chunk: bytes) -> Generator[bytes, None, None]:
    yield chunk


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
                    f"{session.format} is binary and stdout is a terminal",
                    hint="stepscope sql -o FILE writes it",
                )
            started = time.monotonic()
            chunks = client.sql_stream(session.format, text, values, max_rows)
            session.write_bytes(chunks)
            session.note(f"{(time.monotonic() - started) * 1000:.0f} ms, answer included")


def print_answer(session: Session, answer: dict[str, Any]) -> None:
    """Put the answer to a statement on stdout as a table or as JSON, and say how long it took."""
    names = [column["name"] for column in answer["columns"]]
    if session.format == "json":
        session.write(_as_json(answer))
    elif names == _OF_EXPLAIN:
        session.write(
            "".join(f"{plan.rstrip()}\n" for _, plan in answer["rows"])
        )  # a drawing of many lines
    else:
        session.write(sql_table(names, answer["rows"], session.screen))
    _note(session, answer)


def _as_json(answer: dict[str, Any]) -> str:
    keys = unique_names([column["name"] for column in answer["columns"]])
    return to_json([dict(zip(keys, row, strict=True)) for row in answer["rows"]])


def _note(session: Session, answer: dict[str, Any]) -> None:
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

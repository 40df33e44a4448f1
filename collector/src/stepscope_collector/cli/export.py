"""`stepscope export`: chosen executions as a file, to keep, to share or to import elsewhere."""

import sys
from pathlib import Path

import click

from stepscope_collector.cli.filters import filter_options
from stepscope_collector.cli.output import form_of, write_file
from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.errors import BadRequest

__all__ = ["command"]

# Those of query.export; a test compares the two, since importing it would import DuckDB.
SUFFIXES = {
    "json": ".json", "ndjson": ".ndjson", "csv": ".csv", "parquet": ".parquet",
    "otlp": ".otlp.jsonl", "html": ".html",
    "bundle": ".zip",
}  # fmt: skip
TABLES = ("executions", "steps", "attempts", "spans", "logs", "params", "payloads")

_BINARY = ("parquet", "bundle")


@click.command("export")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(path_type=Path),
    help="File to write; its ending says the format if --format does not. Default: stdout.",
)  # fmt: skip
@click.option(
    "--table", type=click.Choice(TABLES),
    help="Rows of this view instead of whole executions; of csv and parquet: executions.",
)  # fmt: skip
@filter_options
@shared_options(formats=tuple(SUFFIXES))
@pass_session
def command(
    session: Session,
    /,
    *,
    ids: tuple[str, ...],
    output: Path | None,
    table: str | None,
    **filters: str | None,
) -> None:
    """Write executions to a file: JSON, CSV, Parquet, OTLP, a bundle.

    Those with the IDs and the filters given, else all.

    json and ndjson hold each execution with its steps, attempts, logs, params and payloads; csv and
    parquet rows of one view; otlp the spans, log records and data points as OTLP/JSON, one request
    per line; html one execution as a page that opens offline; bundle everything, to import elsewhere. The executions are those of one
    moment, while the server goes on receiving.
    """
    form = _form(session, output)
    if form in _BINARY and output is None and sys.stdout.isatty():
        raise BadRequest(f"{form} is not for a terminal", hint="name a file with -o")
    question = {**filters, "format": form, "table": table, "id": ids or None}
    with session.client() as client:
        chunks = client.export(question)
        if output is None:
            session.write_bytes(chunks)
        else:
            write_file(output, chunks, session)


def _form(session: Session, output: Path | None) -> str:
    if session.format != "table":
        return session.format
    return "json" if output is None else form_of(output, SUFFIXES)

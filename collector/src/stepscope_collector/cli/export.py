"""`stepscope export`: chosen executions as a file, to keep, to share or to import elsewhere."""

import os
import sys
import time
from collections.abc import Generator
from contextlib import closing, suppress
from pathlib import Path

import click

from stepscope_collector.cli.filters import filter_options
from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.errors import BadRequest, StoreUnavailable
from stepscope_collector.present.text.values import format_bytes

__all__ = ["command"]

# Those of query.export; a test compares the two, since importing it would import DuckDB.
SUFFIXES = {
    "json": ".json", "ndjson": ".ndjson", "csv": ".csv", "parquet": ".parquet",
    "otlp": ".otlp.jsonl", "html": ".html",
    "bundle": ".zip",
}  # fmt: skip
TABLES = ("executions", "steps", "attempts", "spans", "logs", "params", "payloads")

_BINARY = ("parquet", "bundle")
_SAY_EVERY_S = 2.0


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
            size = _write(output, chunks, session)
            session.note(f"{output}: {format_bytes(size)}")


def _form(session: Session, output: Path | None) -> str:
    if session.format != "table":
        return session.format
    if output is None:
        return "json"
    # the longest ending that fits: .otlp.jsonl before .jsonl
    for form, suffix in SUFFIXES.items():
        if output.name.endswith(suffix):
            return form
    raise BadRequest(
        f"the ending of {output.name} names no format",
        hint=f"give --format, or end it with one of {', '.join(SUFFIXES.values())}",
    )


def _write(path: Path, chunks: Generator[bytes, None, None], session: Session) -> int:
    """Write the file under another name first: what has the name is whole. Its bytes."""
    partial = path.with_name(f"{path.name}.partial")
    written, said_s = 0, time.monotonic()
    try:
        # for nobody else's eyes: payloads may hold anything
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0)
        with closing(chunks), os.fdopen(os.open(partial, flags, 0o600), "wb") as file:
            for chunk in chunks:
                file.write(chunk)
                written += len(chunk)
                if time.monotonic() - said_s > _SAY_EVERY_S:
                    said_s = time.monotonic()
                    session.note(f"written {format_bytes(written)}")
        partial.replace(path)
    except OSError as error:
        raise StoreUnavailable(
            f"{path} cannot be written: {(error.strerror or str(error)).lower()}",
            hint="name another place",
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return written

"""The forms a file may have, and the bytes of each."""

import itertools
import json
import tempfile
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, Final

from stepscope_collector.decode.otlp_json import to_json
from stepscope_collector.errors import BadRequest
from stepscope_collector.query.attempts import error_step_of, spans_of
from stepscope_collector.query.export.bundle import bundle
from stepscope_collector.query.export.chosen import Chosen
from stepscope_collector.query.export.documents import documents
from stepscope_collector.query.export.otlp import requests
from stepscope_collector.query.export.page import page
from stepscope_collector.query.export.tables import TABLES, as_csv, as_parquet, rows
from stepscope_collector.query.nearest import unknown
from stepscope_collector.query.place import locate, program_of
from stepscope_collector.store import Connection, Database

__all__ = ["FORMS", "TABLES", "Form", "export"]

_CHUNK_BYTES: Final = 1 << 18
_ROWS_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Form:
    """A form of file."""

    media_type: str
    suffix: str
    """Of files in this form."""
    meaning: str
    has_table: bool = True
    """Whether it can hold the rows of one table."""


FORMS: Final[dict[str, Form]] = {
    "json": Form("application/json", ".json", "documents, or rows of a table, as one JSON array"),
    "ndjson": Form("application/x-ndjson", ".ndjson", "the same, one JSON object per line"),
    "csv": Form("text/csv; charset=utf-8", ".csv", "rows of a table with a header"),
    "parquet": Form("application/vnd.apache.parquet", ".parquet", "rows of a table with their types"),
    "otlp": Form(
        "application/x-ndjson", ".otlp.jsonl",
        "OTLP/JSON, one request per line, as the OpenTelemetry Collector writes and reads files",
        has_table=False,
    ),
    "html": Form(
        "text/html; charset=utf-8", ".html",
        "one execution as a page that opens offline, without network and script", has_table=False,
    ),
    "bundle": Form(
        "application/zip", ".zip", "everything, to import elsewhere without loss", has_table=False
    ),
}  # fmt: skip


def export(
    database: Database, chosen: Chosen, form: str, table: str | None = None
) -> Generator[bytes, None, None]:
    """The bytes of a file, in pieces; the executions are those of one moment.

    What makes no sense is refused with the first piece.

    Args:
        database: where to read; a connection of it is in use until the last piece.
        chosen: which executions.
        form: one of FORMS.
        table: rows of this table; None: documents in JSON, `executions` in CSV and Parquet.

    Raises:
        BadRequest: an unknown form, table or filter, or a table in a form that has none.
    """
    if (known := FORMS.get(form)) is None:
        raise unknown("format", form, FORMS)
    if table is not None and not known.has_table:
        raise BadRequest(f"format={form} holds whole executions, no table", hint="leave table out")
    if table is not None and table not in TABLES:
        raise unknown("table", table, TABLES)
    with database.read() as connection:
        yield from _WRITERS[form](connection, chosen, table)


def _json(connection: Connection, chosen: Chosen, table: str | None) -> Iterator[bytes]:
    before = "[\n"
    for pieces in _some(_objects(connection, chosen, table)):
        yield (before + ",\n".join(pieces)).encode("utf-8", "replace")
        before = ",\n"
    yield b"\n]\n" if before != "[\n" else b"[]\n"


def _ndjson(connection: Connection, chosen: Chosen, table: str | None) -> Iterator[bytes]:
    for pieces in _some(_objects(connection, chosen, table)):
        yield ("\n".join(pieces) + "\n").encode("utf-8", "replace")


def _csv(connection: Connection, chosen: Chosen, table: str | None) -> Iterator[bytes]:
    return as_csv(connection, table or "executions", chosen.conditions())


def _parquet(connection: Connection, chosen: Chosen, table: str | None) -> Iterator[bytes]:
    # the end of such a file points back into it
    with tempfile.TemporaryFile() as file:
        as_parquet(connection, table or "executions", chosen.conditions(), file)
        file.seek(0)
        while piece := file.read(_CHUNK_BYTES):
            yield piece


def _otlp(connection: Connection, chosen: Chosen, _: str | None) -> Iterator[bytes]:
    for piece in requests(connection, chosen):
        yield (_text(to_json(piece.message)) + "\n").encode("utf-8", "replace")


def _html(connection: Connection, chosen: Chosen, _: str | None) -> Iterator[bytes]:
    found = list(itertools.islice(documents(connection, chosen), 2))
    if len(found) != 1:
        raise BadRequest(
            f"format=html holds one execution, {'none' if not found else 'more'} are chosen",
            hint="give the id of one",
        )
    (document,) = found
    execution = document["execution"]
    place = locate(connection, execution["execution_id"])
    error_step = error_step_of(place, spans_of(connection, place))
    program = program_of(connection, place)
    yield page(document, error_step, program).encode("utf-8", "replace")


def _bundle(connection: Connection, chosen: Chosen, _: str | None) -> Iterator[bytes]:
    return bundle(connection, chosen)


_WRITERS: Final[dict[str, Callable[[Connection, Chosen, str | None], Iterator[bytes]]]] = {
    "json": _json,
    "ndjson": _ndjson,
    "csv": _csv,
    "parquet": _parquet,
    "otlp": _otlp,
    "html": _html,
    "bundle": _bundle,
}


def _objects(connection: Connection, chosen: Chosen, table: str | None) -> Iterator[dict[str, Any]]:
    if table is None:
        return documents(connection, chosen)
    return rows(connection, table, chosen.conditions())


def _some(found: Iterator[dict[str, Any]]) -> Iterator[list[str]]:
    """As JSON texts, some at a time."""
    texts: list[str] = []
    size = 0
    for each in found:
        text = _text(each)
        texts.append(text)
        size += len(text)
        if len(texts) >= _ROWS_AT_ONCE or size >= _CHUNK_BYTES:
            yield texts
            texts, size = [], 0
    if texts:
        yield texts


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)

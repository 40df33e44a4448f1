"""Endpoints that give the history away as files."""

import base64
import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from stepscope_collector.errors import BadRequest, NotFound, StoreUnavailable
from stepscope_collector.importing.importer import Importer, Taken
from stepscope_collector.importing.piece import signal_of
from stepscope_collector.present.rest.encode import dumps, encode_row
from stepscope_collector.present.rest.route import FILTERS, Param, Part, Route
from stepscope_collector.present.rest.stream_response import Download
from stepscope_collector.query.export import FORMS, TABLES, Chosen, export
from stepscope_collector.query.place import locate
from stepscope_collector.query.rows import Cursor
from stepscope_collector.store import Database

__all__ = ["MAX_IMPORT_BYTES", "ROUTES", "STREAMS", "import_request", "payload_of"]

MAX_IMPORT_BYTES: Final = 512 * 1024 * 1024
"""Of a body that holds a request of a file: one span alone may be large."""

_FORMAT: Final = Param("format", "Form of the file.", "bundle", default="json", values=tuple(FORMS))
_TABLE: Final = Param(
    "table", "Rows of this view instead of whole executions; of csv and parquet: executions.",
    "steps", values=TABLES,
)  # fmt: skip

ROUTES: Final = (
    Route(
        "export_executions", "/api/export",
        "The executions that hold the filters as a file, streamed, all of one moment; "
        "`stepscope export`.",
        (
            _FORMAT, _TABLE, *FILTERS,
            Param(
                "id", "Only executions with these ids; give it once for each.", "0192f0c1-…",
                is_repeated=True,
            ),
        ),
        errors=(400, 404), media_type="application/octet-stream",
    ),
    Route(
        "export_execution", "/api/executions/{id}/export", "One execution as a file.",
        (_FORMAT, _TABLE), errors=(400, 404), media_type="application/octet-stream",
    ),
    Route(
        "import_request", "/api/admin/import",
        "Take one OTLP request of a file in, each row once; `stepscope import` sends them. Body: "
        "{\"signal\": traces, logs or metrics, \"payload\": the request in protobuf as base64, "
        "\"source\": name of the file, \"ingested\"?: [[ns, rows], …]}.",
        (), (Part("taken", Taken, "What became of its rows.", False),),
        method="POST", errors=(400, 413, 415, 503),
    ),
    Route(
        "correct_spans", "/api/admin/spans",
        "Write spans in the place of those that are stored with their ids; ExecutionStore corrects steps "
        "so. Body: {\"payload\": a trace request in protobuf as base64}.",
        (), (Part("corrected", None, "How many spans.", False),),
        method="POST", errors=(400, 404, 413, 415, 503),
    ),
)  # fmt: skip

_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9._-]+")


def _export_executions(database: Database, params: Mapping[str, Any]) -> Download:
    filters = {
        each.name: ",".join(value) if isinstance(value, tuple) else value
        for each in FILTERS
        if (value := params.get(each.name)) is not None
    }
    with database.read() as connection:
        ids = [found for each in params.get("id", ()) for found in _ids(connection, each)]
    chosen = Chosen(filters, ids, time.time_ns())
    return _download(database, chosen, params, "executions")


def _ids(reader: Cursor, written: str) -> list[str]:
    """The execution with this id; where there is none, those between its commas."""
    try:
        return [locate(reader, written).execution_id]
    except NotFound:
        parts = written.split(",")
        if len(parts) == 1:
            raise
        return [locate(reader, part).execution_id for part in parts]


def _export_execution(database: Database, params: Mapping[str, Any], id: str) -> Download:  # noqa: A002  # the name in the path
    with database.read() as connection:
        execution_id = locate(connection, id).execution_id
    chosen = Chosen(ids=(execution_id,))
    return _download(database, chosen, params, execution_id)


def _download(database: Database, chosen: Chosen, params: Mapping[str, Any], name: str) -> Download:
    form = FORMS[params["format"]]
    pieces = export(database, chosen, params["format"], params.get("table"))
    plain = _NOT_IN_NAMES.sub("-", name)[:100].strip(".-") or "execution"
    return Download(f"{plain}{form.suffix}", form.media_type, pieces)


STREAMS: Final[Mapping[str, Callable[..., Download]]] = {
    "export_executions": _export_executions,
    "export_execution": _export_execution,
}
"""Name of a route → its function: it gets the database, the parameters and those of the path."""


def payload_of(body: bytes) -> bytes:
    """The request in protobuf that a body holds as base64; BadRequest: it holds none."""
    try:
        return base64.b64decode(json.loads(body)["payload"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadRequest(
            f"the body is no request to correct spans: {error}", hint="see /openapi.json"
        ) from error


def import_request(importer: Importer | None, body: bytes) -> tuple[int, bytes]:
    """Take the request in that the body holds.

    Raises:
        StoreUnavailable: nobody can write the history now.
        BadRequest: the body is no such request.
    """
    if importer is None:
        raise StoreUnavailable("no server runs that could write the history")
    try:
        asked = json.loads(body)
        signal, source = signal_of(asked["signal"]), asked["source"]
        payload = base64.b64decode(asked["payload"], validate=True)
        ingested = asked.get("ingested") or []
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadRequest(
            f"the body is no request to import: {error}", hint="see /openapi.json"
        ) from error
    if signal is None or not isinstance(source, str) or not isinstance(ingested, list):
        raise BadRequest(
            "the body is no request to import: signal, source or ingested are wrong",
            hint="see /openapi.json",
        )
    return 200, dumps({"taken": encode_row(importer.take(signal, payload, source, ingested))})

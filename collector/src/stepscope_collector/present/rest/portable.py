"""Endpoints that give the history away as files."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from stepscope_collector.present.rest.route import FILTERS, Param, Route
from stepscope_collector.present.rest.stream_response import Download
from stepscope_collector.query.executions import locate
from stepscope_collector.query.export import FORMS, TABLES, Chosen, export
from stepscope_collector.store import Database

__all__ = ["ROUTES", "STREAMS"]

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
            Param("id", "Only executions with these ids.", "0192f0c1-…", is_list=True),
        ),
        errors=(400, 404), media_type="application/octet-stream",
    ),
    Route(
        "export_execution", "/api/executions/{id}/export", "One execution as a file.",
        (_FORMAT, _TABLE), errors=(400, 404), media_type="application/octet-stream",
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
        ids = [locate(connection, each).execution_id for each in params.get("id", ())]
    chosen = Chosen(filters, ids, time.time_ns())
    return _download(database, chosen, params, "executions")


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

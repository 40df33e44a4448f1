"""Endpoints for the log records of one execution. The stream is answered in log_stream.py."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from stepscope_collector.errors import BadRequest
from stepscope_collector.present.rest.encode import dumps, encode_rows
from stepscope_collector.present.rest.route import Param, Part, Route
from stepscope_collector.query.logs import MAX_LOGS, count_dropped, read_logs
from stepscope_collector.query.place import locate
from stepscope_collector.query.rows import LogRecord
from stepscope_collector.store import Database

__all__ = ["ANSWERS", "ROUTES"]

ROUTES: Final = (
    Route(
        "get_logs", "/api/executions/{id}/logs",
        f"Log records of one execution in order of sequence, at most {MAX_LOGS}.",
        (
            Param("tail", "Only the last so many.", "100", "integer"),
            Param("after", "Only records with a greater sequence.", "41", "integer"),
            Param("before", "Only records with a lesser sequence.", "100", "integer"),
            Param(
                "limit", f"The first so many, 1 to {MAX_LOGS}; not with tail.", "1000", "integer"
            ),
        ),
        (
            Part("logs", LogRecord, "The records."),
            Part("is_truncated", None, "Whether there are more after the last one.", False),
            Part("logs_dropped", None, "Records that were refused beyond the limits of one execution.", False),
        ),
        errors=(400, 404),
    ),
    Route(
        "follow_logs", "/api/executions/{id}/logs/stream",
        "The same as server-sent events: `log` for each record, then each that comes, and `end` with "
        "the status once the execution has ended. Header `last-event-id` goes on where one was.",
        (
            Param("tail", "First only the last so many.", "100", "integer"),
            Param("after", "First only records with a greater sequence.", "41", "integer"),
        ),
        media_type="text/event-stream", errors=(400, 404),
    ),
)  # fmt: skip


def _get_logs(database: Database, params: Mapping[str, Any], id: str) -> tuple[int, bytes]:  # noqa: A002  # the name in the path
    tail: int | None = params.get("tail")
    limit: int | None = params.get("limit")
    if tail is not None and limit is not None:
        raise BadRequest(
            "limit and tail exclude each other", hint="tail: the last; limit: the first"
        )
    most = MAX_LOGS if limit is None else limit
    if not 1 <= most <= MAX_LOGS:
        raise BadRequest(f"limit={limit} is out of range", hint=f"1 to {MAX_LOGS}")
    with database.read() as connection:
        bounds = locate(connection, id).bounds
        dropped = count_dropped(connection, bounds)
        logs = read_logs(
            connection,
            bounds,
            after=params.get("after"),
            before=params.get("before"),
            limit=most + 1 if tail is None else min(tail, MAX_LOGS),
            is_tail=tail is not None,
        )
    rows = encode_rows(logs[:most])
    is_truncated = len(logs) > most
    return 200, dumps({"logs": rows, "is_truncated": is_truncated, "logs_dropped": dropped})


ANSWERS: Final[Mapping[str, Callable[..., tuple[int, bytes]]]] = {"get_logs": _get_logs}
"""Name of a route → its function: it gets the database, the parameters and those of the path."""

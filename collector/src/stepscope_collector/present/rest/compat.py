"""Endpoints of the designs before Stepscope: their senders post, and their pages read, as before.

`POST /api/executions` is answered after the commit, as OTLP is.
"""

import asyncio
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from stepscope_collector.compat.document import read_document
from stepscope_collector.compat.named import named_executions
from stepscope_collector.compat.spans import request_of
from stepscope_collector.decode.batch import Signal
from stepscope_collector.errors import (
    BadRequest,
    Conflict,
    NotFound,
    PayloadTooLarge,
    StoreUnavailable,
    UnsupportedMedia,
)
from stepscope_collector.ingest import Ingest
from stepscope_collector.present.rest.encode import dumps, rfc3339
from stepscope_collector.present.rest.route import Param, Route
from stepscope_collector.query.deleted import deleted_executions
from stepscope_collector.query.documents import document_count, document_of, document_page
from stepscope_collector.query.nearest import unknown
from stepscope_collector.retention import Retention
from stepscope_collector.store import Database

__all__ = [
    "ANSWERS",
    "DELETING_ANSWERS",
    "DELETING_ROUTES",
    "DOCUMENT_PARAMS",
    "ROUTES",
    "Intake",
    "is_of_documents",
    "list_documents",
    "post_execution",
]

_STATUSES: Final = {
    "all": None, "completed": "success", "failed": "error", "running": "running",
    "success": "success", "error": "error",
}  # fmt: skip
_MEDIAS: Final = ("application/json", "application/x-protobuf")
"""A document, or a request of OTLP, as `ExecutionStore` and `ExecutionHistory` send it."""
_SIGNALS: Final = ("traces", "logs")
_OWN: Final = frozenset({"workflowId", "page", "pageSize", "limit", "offset", "order", "status"})

ROUTES: Final = (
    Route(
        "post_execution", "/api/executions",
        "Take in one execution with its nodes, as older generated workflows post it; answered "
        "after the commit.",
        (Param("signal", "With OTLP in protobuf: what it carries.", "logs", values=_SIGNALS),),
        method="POST", errors=(400, 409, 413, 415, 429, 503),
    ),
    Route(
        "get_document", "/api/compat/001/executions/{id}",
        "One execution as the document that older workflows post.", errors=(404,),
    ),
)  # fmt: skip

DELETING_ROUTES: Final = (
    Route(
        "delete_document", "/api/compat/001/executions/{id}",
        "Remove every trace of one execution; answers as an older design.", method="DELETE",
        errors=(404, 503),
    ),
    Route(
        "clear_workflow", "/api/compat/001/workflows/{workflow_id}/executions",
        "Remove every trace of all executions of a workflow; answers as an older design.",
        method="DELETE", errors=(503,),
    ),
)  # fmt: skip

DOCUMENT_PARAMS: Final = (
    Param(
        "workflowId", "Answers in the words of an older design: a list of nested documents of this "
        "workflow, with `limit` and `offset`, or an object with `page` and `pageSize`.", "checkout",
    ),
    Param("page", "With workflowId: the page, from 1.", "1", "integer"),
    Param("pageSize", "With workflowId: executions on a page.", "20", "integer"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Intake:
    """Where posted executions go, and how large they may be."""

    ingest: Ingest
    max_bytes: int


async def post_execution(
    request: Request, database: Database, intake: Intake | None, signal: Signal
) -> Response:
    """Store the posted execution; `{"success": true}`, and its id where it had none.

    Args:
        request: the document, or OTLP.
        database: knows what was deleted.
        intake: where it goes; None: nowhere.
        signal: what OTLP carries.

    Raises:
        Conflict: the execution was deleted.
    """
    if intake is None:
        raise StoreUnavailable("no server runs that could write the history")
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in _MEDIAS:
        raise UnsupportedMedia(
            f"content type {media!r} is not application/json",
            hint="send -H 'content-type: application/json'",
        )
    sender = request.client.host if request.client else None
    body, held = bytearray(), 0
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > intake.max_bytes:
                raise PayloadTooLarge(
                    f"document of more than limits.max_payload_bytes={intake.max_bytes} bytes; "
                    "raise it or send less"
                )
            intake.ingest.hold(len(chunk))
            held += len(chunk)
        payload, new_id = bytes(body), None
        if media == _MEDIAS[0]:
            signal = "traces"
            payload, new_id = await run_in_threadpool(_request_of, payload)
        await run_in_threadpool(_refuse_deleted, database, intake, signal, payload, sender)
    finally:
        intake.ingest.release(held)
    future = await run_in_threadpool(
        intake.ingest.submit,
        signal,
        payload,
        "protobuf",
        sender,
        transport="http",
        client=sender or "",
    )
    receipt = await asyncio.wrap_future(future)
    if receipt.rejected:
        raise BadRequest(f"{receipt.rejected} parts were refused: {receipt.message}")
    answer = {"success": True} if new_id is None else {"success": True, "id": new_id}
    return Response(dumps(answer), media_type="application/json")


def _refuse_deleted(
    database: Database, intake: Intake, signal: Signal, payload: bytes, sender: str | None
) -> None:
    """Nothing, unless the request names what was deleted: late spans are dropped, but who posts is told."""
    ids, rows = named_executions(signal, payload)
    for found in deleted_executions(database, ids):
        error = Conflict(
            f"execution {found.execution_id!r} was deleted at {rfc3339(found.deleted_at)}, and nothing of it is "
            f"stored before {rfc3339(found.ends_at)}",
            hint="post it with another id; how long that is known is retention.deleted_known_s",
        )
        # What is noted does not name it: nothing of what was deleted is to stay.
        noted = Conflict("the execution was deleted")
        size = len(payload)
        intake.ingest.note_refused(signal, noted, size, sender, transport="http", rows=rows)
        raise error


def _request_of(body: bytes) -> tuple[bytes, str | None]:
    """The request that a document is; the id it got, None: it has its own."""
    new_id = str(uuid.uuid4())
    record = read_document(body, new_id)
    return request_of(record), new_id if record.execution_id == new_id else None


def is_of_documents(params: Mapping[str, Any]) -> bool:
    """Whether a list of executions is asked for in the words of an older design.

    Raises:
        BadRequest: it has a parameter of those words, and not `workflowId`.
    """
    if "workflowId" in params:
        return True
    for name in ("page", "pageSize"):
        if name in params:
            raise BadRequest(f"{name} goes with workflowId only", hint="use limit and cursor")
    return False


def list_documents(database: Database, params: Mapping[str, Any]) -> tuple[int, bytes]:
    """The answer to a list of executions that names `workflowId`."""
    for name in params:
        if name not in _OWN:
            raise BadRequest(
                f"{name} does not go with workflowId",
                hint=f"ask with workflow instead, or leave {name} out",
            )
    workflow_id = params["workflowId"]
    status = _status(params)
    if "page" not in params and "pageSize" not in params:
        limit, offset = params["limit"], params["offset"]
        found = document_page(database, workflow_id, limit=limit, offset=offset, status=status)
        return 200, dumps(found)
    page, size = params.get("page", 1), params.get("pageSize", 20)
    if not 1 <= page <= 2**31:
        raise BadRequest(f"page={page} is out of range", hint="the first is 1")
    found = document_page(
        database, workflow_id, limit=size, offset=(page - 1) * size, status=status
    )
    total = document_count(database, workflow_id, status)
    answer = {"executions": found, "total": total, "page": page, "pageSize": size}
    return 200, dumps(answer)


def _status(params: Mapping[str, Any]) -> str | None:
    words = params.get("status", ())
    if len(words) > 1:
        raise BadRequest("workflowId takes one status", hint=f"one of {', '.join(_STATUSES)}")
    word = words[0] if words else "all"
    if word not in _STATUSES:
        raise unknown("status", word, _STATUSES)
    return _STATUSES[word]


def _get_document(database: Database, _params: Mapping[str, Any], id: str) -> tuple[int, bytes]:  # noqa: A002  # the name in the path
    return 200, dumps(document_of(database, id))


def _delete_document(
    retention: Retention,
    _params: Mapping[str, Any],
    id: str,  # noqa: A002  # the name in the path
) -> tuple[int, bytes]:
    retention.delete([id])
    return 200, dumps({"success": True})


def _clear_workflow(
    retention: Retention, _params: Mapping[str, Any], workflow_id: str
) -> tuple[int, bytes]:
    try:
        count = retention.delete_workflow(workflow_id).executions
    except NotFound:
        count = 0  # nothing to clear is no mistake in that design
    return 200, dumps({"success": True, "deleted": count})


DELETING_ANSWERS: Final[Mapping[str, Callable[..., tuple[int, bytes]]]] = {
    "clear_workflow": _clear_workflow,
    "delete_document": _delete_document,
}
"""Name of a route → its function: it gets the retention, the parameters and those of the path."""

ANSWERS: Final[Mapping[str, Callable[..., tuple[int, bytes]]]] = {"get_document": _get_document}
"""Name of a route → its function: it gets the database, the parameters and those of the path."""

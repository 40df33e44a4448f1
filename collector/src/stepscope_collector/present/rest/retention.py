"""Endpoints that remove executions: by name, and those whose time is up."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from stepscope_collector.config import RetentionConfig
from stepscope_collector.config.values import parse_bytes, parse_duration
from stepscope_collector.errors import BadRequest
from stepscope_collector.present.rest.compat import DELETING_ANSWERS, DELETING_ROUTES
from stepscope_collector.present.rest.encode import dumps, encode_row
from stepscope_collector.present.rest.route import Param, Part, Route
from stepscope_collector.retention import Compacted, Pruned, Retention
from stepscope_collector.store.eraser import Erased

__all__ = ["RETENTION_ANSWERS", "RETENTION_ROUTES"]

_LIMITS: Final = (
    Param("max_age", "Instead of the settings: what ended longer ago.", "30d"),
    Param(
        "max_count",
        "Instead of the settings: all but the newest of each workflow.",
        "100",
        "integer",
    ),
    Param("max_bytes", "Instead of the settings: until the file holds less.", "10GB"),
    Param("payload_max_age", "Instead of the settings: payloads of what ended longer ago.", "7d"),
    Param(
        "workflow", "Only workflows like this; `*` stands for any characters.", "etl-*", default="*"
    ),
)

_REMOVED: Final = (
    Part("removed", Erased, "How many rows.", False),
    Part("copies", None, "Files of the data directory that may still hold it."),
    Part(
        "is_overwritten",
        None,
        "Whether its bytes are gone from the database file, too; else they are after the next compaction.",
        False,
    ),
)
_COMPACT: Final = (
    Param(
        "compact",
        "true: the file is compacted before this answers, so that no byte of it is left there.",
        "true",
        default="false",
        values=("true", "false"),
    ),
)

RETENTION_ROUTES: Final = (
    *DELETING_ROUTES,
    Route(
        "delete_execution", "/api/executions/{id}",
        "Remove every trace of one execution; what comes of it later is dropped.",
        _COMPACT, _REMOVED,
        method="DELETE", errors=(400, 404, 503),
    ),
    Route(
        "pin_execution", "/api/executions/{id}/pin",
        "Keep one execution whatever retention says.",
        (), (Part("is_pinned", None, "True.", False),), method="POST", errors=(400, 404, 415, 503),
    ),
    Route(
        "unpin_execution", "/api/executions/{id}/pin",
        "Keep one execution no longer than retention says.",
        (), (Part("is_pinned", None, "False.", False),), method="DELETE", errors=(404, 503),
    ),
    Route(
        "delete_user", "/api/users/{user_id}/executions",
        "Remove every trace of all executions that ran for a user.",
        _COMPACT, _REMOVED,
        method="DELETE", errors=(400, 404, 503),
    ),
    Route(
        "compact", "/api/admin/compact",
        "Make the file as small as what is in it; answers when it is done.",
        (), (Part("compaction", Compacted, "Sizes and times.", False),),
        method="POST", errors=(400, 415, 503),
    ),
    Route(
        "delete_workflow", "/api/workflows/{workflow_id}/executions",
        "Remove every trace of all executions of a workflow, those that go on too.",
        _COMPACT, _REMOVED,
        method="DELETE", errors=(400, 404, 503),
    ),
    Route(
        "plan_prune", "/api/admin/prune", "What a prune would remove now, by rule.",
        _LIMITS, (Part("prune", Pruned, "Executions and estimated bytes.", False),),
        errors=(400, 503),
    ),
    Route(
        "prune", "/api/admin/prune", "Remove what the settings, or the limits given, say; answers when it is done.",
        _LIMITS, (Part("prune", Pruned, "What was removed.", False),),
        method="POST", errors=(400, 415, 503),
    ),
)  # fmt: skip


def _delete_execution(
    retention: Retention,
    params: Mapping[str, Any],
    id: str,  # noqa: A002  # the name in the path
) -> tuple[int, bytes]:
    return 200, _removed(retention, retention.delete([id]), params)


def _removed(retention: Retention, erased: Erased, params: Mapping[str, Any]) -> bytes:
    is_overwritten = params["compact"] == "true"
    if is_overwritten:
        retention.compact()
    return dumps(
        {
            "removed": encode_row(erased),
            "copies": retention.copies(),
            "is_overwritten": is_overwritten,
        }
    )


def _pin_execution(
    retention: Retention,
    _params: Mapping[str, Any],
    id: str,  # noqa: A002  # the name in the path
) -> tuple[int, bytes]:
    retention.pin(id)
    return 200, dumps({"is_pinned": True})


def _unpin_execution(
    retention: Retention,
    _params: Mapping[str, Any],
    id: str,  # noqa: A002  # the name in the path
) -> tuple[int, bytes]:
    retention.unpin(id)
    return 200, dumps({"is_pinned": False})


def _delete_user(
    retention: Retention, params: Mapping[str, Any], user_id: str
) -> tuple[int, bytes]:
    return 200, _removed(retention, retention.delete_user(user_id), params)


def _compact(retention: Retention, _params: Mapping[str, Any]) -> tuple[int, bytes]:
    return 200, dumps({"compaction": encode_row(retention.compact())})


def _delete_workflow(
    retention: Retention, params: Mapping[str, Any], workflow_id: str
) -> tuple[int, bytes]:
    return 200, _removed(retention, retention.delete_workflow(workflow_id), params)


def _plan_prune(retention: Retention, params: Mapping[str, Any]) -> tuple[int, bytes]:
    return 200, _told(retention.dry_run(_limits(params), params["workflow"]))


def _prune(retention: Retention, params: Mapping[str, Any]) -> tuple[int, bytes]:
    return 200, _told(retention.prune(_limits(params), params["workflow"]))


def _limits(params: Mapping[str, Any]) -> RetentionConfig | None:
    """The limits given; None: those of the settings."""
    given: dict[str, Any] = {}
    for name, read in _READERS.items():
        if name not in params:
            continue
        try:
            value = read(params[name])
        except ValueError as error:
            raise BadRequest(f"{name} {error}") from error
        if value <= 0:
            raise BadRequest(f"{name}={value} must be above 0")
        given[f"{name}_s" if name.endswith("age") else name] = value
    return RetentionConfig(**given) if given else None


def _age(text: str) -> int:
    return int(parse_duration(text, "s", is_whole=True))


_READERS: Final[Mapping[str, Callable[[Any], int]]] = {
    "max_age": _age, "max_count": int, "max_bytes": parse_bytes, "payload_max_age": _age,
}  # fmt: skip


def _told(pruned: Pruned) -> bytes:
    return dumps({"prune": encode_row(pruned)})


RETENTION_ANSWERS: Final[Mapping[str, Callable[..., tuple[int, bytes]]]] = {
    "compact": _compact,
    "delete_execution": _delete_execution,
    "delete_user": _delete_user,
    "delete_workflow": _delete_workflow,
    **DELETING_ANSWERS,
    "pin_execution": _pin_execution,
    "plan_prune": _plan_prune,
    "prune": _prune,
    "unpin_execution": _unpin_execution,
}
"""Name of a route → its function: it gets the retention, the parameters and those of the path."""

"""JSON documents of older designs, as executions. Pure.

What design 001 posts is read as where it is posted, so that both give the same spans. Others are rows
of their tables, in snake_case or camelCase, with lists of their steps, params and logs.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import tzinfo
from typing import Any, Final

from stepscope_collector.compat.document import read_document
from stepscope_collector.compat.record import ExecutionRecord
from stepscope_collector.errors import StepscopeError
from stepscope_collector.importing.older.requests import line_of
from stepscope_collector.importing.older.rows import (
    Extras,
    Line,
    Unreadable,
    read_execution,
    time_ns,
)

__all__ = ["executions_of", "is_document", "read_any"]

_STEPS: Final = (
    "steps", "execution_steps", "node_executions", "node_execution_results", "node_results",
    "component_executions", "components",
)  # fmt: skip
_LOGS: Final = ("logs", "execution_logs")
_PARAMS: Final = ("params", "execution_params")
_LISTS: Final = ("executions", "workflow_executions", "data", "items", "results")
_CAPITAL: Final = re.compile(r"(?<=[a-z0-9])([A-Z])")


def is_document(value: Any) -> bool:
    """Whether an object tells of an execution of an older design."""
    return isinstance(value, dict) and bool(
        value.keys() & {"workflowId", "workflow_id", "workflowName", "workflow_name"}
    )


def executions_of(value: Any) -> Iterable[Any] | None:
    """The documents in a JSON text: itself, a list of them, or a list in an object; None: none."""
    if isinstance(value, list) and value and is_document(value[0]):
        return value
    if is_document(value):
        return [value]
    if isinstance(value, dict):
        for name in _LISTS:
            inner = value.get(name)
            if isinstance(inner, list) and inner and is_document(inner[0]):
                return inner
    return None


def read_any(document: Any, zone: tzinfo) -> tuple[ExecutionRecord, Extras]:
    """The execution that a document tells of.

    Args:
        document: as `executions_of` gives it.
        zone: of times that name none.

    Raises:
        Unreadable: it tells of none.
    """
    if not is_document(document):
        raise Unreadable("it names no workflow")
    if "workflowId" in document and document.keys() & {"nodeExecutions", "trigger"}:
        try:
            body = json.dumps(document).encode()
            return read_document(body, _id_of(document)), Extras()
        except StepscopeError as error:
            raise Unreadable(error.message) from error
    row = _snake(document)
    parts = {name: row.pop(name, None) for name in (*_STEPS, *_LOGS, *_PARAMS)}
    steps = [_snake(each) for each in _first(parts, _STEPS) if isinstance(each, dict)]
    row.setdefault("id", _id_of(document))
    record, extras = read_execution(row, steps, zone, is_stepped_by_id=_have_ids(steps))
    return record, replace(
        extras, params=_params(parts), lines=tuple(_lines(_first(parts, _LOGS), zone))
    )


def _id_of(document: Mapping[str, Any]) -> str:
    """An id for a document without one: the same for the same document."""
    text = json.dumps(document, sort_keys=True, default=str).encode()
    return str(uuid.UUID(bytes=hashlib.sha256(text).digest()[:16], version=5))


def _have_ids(steps: list[dict[str, Any]]) -> bool:
    ids = [step.get("id") for step in steps]
    return all(isinstance(each, str) and each for each in ids) and len(set(ids)) == len(ids)


def _first(parts: Mapping[str, Any], names: Iterable[str]) -> list[Any]:
    return next((parts[name] for name in names if isinstance(parts[name], list)), [])


def _params(parts: Mapping[str, Any]) -> str | None:
    for name in _PARAMS:
        told = parts[name]
        if isinstance(told, list):
            pairs = [_snake(each) for each in told if isinstance(each, dict)]
            told = {str(each.get("param_name")): each.get("param_value") for each in pairs}
        if isinstance(told, dict) and told:
            return json.dumps(told, ensure_ascii=False)
    return None


def _lines(told: list[Any], zone: tzinfo) -> Iterable[Line]:
    for number, each in enumerate(told):
        if not isinstance(each, dict):
            raise Unreadable(f"log record {number} is no object")
        row = _snake(each)
        at_ns = time_ns(row.get("timestamp", row.get("time")), zone)
        if at_ns is None:
            raise Unreadable(f"log record {number} has no time")
        sequence = row.get("sequence")
        sequence = sequence if isinstance(sequence, int) else number
        if "message" in row:
            level = row.get("level")
            yield Line(
                sequence, at_ns, str(row["message"]),
                level=level if isinstance(level, str) else None,
            )  # fmt: skip
        else:
            yield line_of(
                sequence, at_ns, row.get("log_type"), row.get("log_data", row.get("data"))
            )


def _snake(document: Mapping[str, Any]) -> dict[str, Any]:
    return {_CAPITAL.sub(r"_\1", name).lower(): value for name, value in document.items()}

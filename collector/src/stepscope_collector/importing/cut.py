"""Large OTLP requests as several of about a thousand rows."""

from collections.abc import Iterator
from typing import Any, Final

from google.protobuf.message import Message

from stepscope_collector.decode.batch import Signal

__all__ = ["cut", "row_count"]

_ROWS: Final = 1000

_NAMES: Final[dict[Signal, tuple[str, str, str]]] = {
    "traces": ("resource_spans", "scope_spans", "spans"),
    "logs": ("resource_logs", "scope_logs", "log_records"),
    "metrics": ("resource_metrics", "scope_metrics", "metrics"),
}
"""Fields from the request down to its rows; a metric with its points counts as one."""


def row_count(signal: Signal, message: Any) -> int:
    """Rows of a request, of metrics the metrics."""
    outer, inner, rows = _NAMES[signal]
    return sum(
        len(getattr(scope, rows))
        for resource in getattr(message, outer)
        for scope in getattr(resource, inner)
    )


def cut(signal: Signal, message: Any) -> Iterator[Message]:
    """The request in parts; itself when it is small. Equal log records in a row stay together."""
    if row_count(signal, message) <= _ROWS:
        yield message
        return
    outer, inner, rows = _NAMES[signal]
    part, count = type(message)(), 0
    for resource in getattr(message, outer):
        envelope = None
        for scope in getattr(resource, inner):
            target, before = None, None
            for row in getattr(scope, rows):
                if count >= _ROWS and _differ(row, before):
                    yield part
                    part, count, envelope, target = type(message)(), 0, None, None
                before = row
                if envelope is None:
                    envelope = getattr(part, outer).add()
                    envelope.resource.CopyFrom(resource.resource)
                    envelope.schema_url = resource.schema_url
                if target is None:
                    target = getattr(envelope, inner).add()
                    target.scope.CopyFrom(scope.scope)
                    target.schema_url = scope.schema_url
                getattr(target, rows).append(row)
                count += 1
    if count:
        yield part


def _differ(row: Message, other: Message | None) -> bool:
    """As bytes: no NaN is equal to a number, itself included."""
    return other is None or row.SerializeToString() != other.SerializeToString()

"""Takes what was deleted out of the queue of the tee, where it may wait for an endpoint that is down.

A file of the queue is written anew with every record where it was: what is left of a record, and behind it
a record that fills up the rest and is sent to nobody. So the places of readers stay right, and the new file
takes the name of the old one in one step.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from stepscope_collector.decode.otlp_json import REQUESTS, to_message
from stepscope_collector.errors import PayloadUndecodable
from stepscope_collector.tee.record import HEAD_BYTES, Record, filler, packed
from stepscope_collector.tee.segment import records_in

__all__ = ["ERASING_SUFFIX", "Deleted", "erase_from", "without"]

ERASING_SUFFIX: Final = ".erasing"

_FEW: Final = 50
"""So many names are looked for in the bytes of a request, before it is read."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """What was deleted, as requests name it."""

    execution_ids: frozenset[str]
    traces: frozenset[bytes]
    """Trace ids of which nothing is left."""
    spans: frozenset[tuple[bytes, bytes]]
    """Trace and span id, in traces of which something is left."""

    def may_be_in(self, record: Record) -> bool:
        """Whether the request has to be read to tell."""
        names = len(self.execution_ids) + len(self.traces) + len(self.spans)
        if record.encoding == "json" or names > _FEW:
            return True  # JSON can write the same text in many ways
        needles = [*(each.encode() for each in self.execution_ids), *self.traces]
        return any(each in record.body for each in (*needles, *(trace for trace, _ in self.spans)))

    def has_span(self, item: Any) -> bool:
        """Whether a span or log record is of what was deleted, by its ids."""
        return item.trace_id in self.traces or (item.trace_id, item.span_id) in self.spans

    def is_named_in(self, attributes: Iterable[KeyValue]) -> bool:
        """Whether any attribute is one of the execution ids, or holds one."""
        return any(self._holds(attribute.value) for attribute in attributes)

    def unname(self, attributes: Iterable[KeyValue]) -> bool:
        """Empty the attributes that are or hold an execution id; whether there were any."""
        found = [attribute for attribute in attributes if self._holds(attribute.value)]
        for attribute in found:
            attribute.value.CopyFrom(AnyValue(string_value=""))
        return bool(found)

    def _holds(self, value: AnyValue) -> bool:
        kind = value.WhichOneof("value")
        if kind == "string_value":
            return value.string_value in self.execution_ids
        if kind == "array_value":
            return any(self._holds(each) for each in value.array_value.values)
        if kind == "kvlist_value":
            return self.is_named_in(value.kvlist_value.values)
        return False


def erase_from(path: Path, deleted: Deleted) -> Path | None:
    """Write a file of the queue anew, without what was deleted, beside it; None: nothing of it was there.

    Raises:
        OSError: it cannot be written, or is not there.
    """
    changed = False
    partial = path.with_suffix(ERASING_SUFFIX)
    try:
        with partial.open("wb") as file:
            partial.chmod(0o600)
            for record, _ in records_in(path):
                pieces = packed(record, record.sequence)
                if deleted.may_be_in(record):
                    left = without(record, deleted)
                    if left is not record:
                        changed = True
                        pieces = _in_place_of(record, left)
                file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    if changed:
        return partial
    partial.unlink()
    return None


def _in_place_of(record: Record, left: Record | None) -> list[bytes]:
    """As many bytes as the record took, with what is left of it."""
    room = record.size - (0 if left is None else left.size)
    if left is None or (room and room < HEAD_BYTES):  # too little for what fills it up
        return filler(record.sequence, record.size)
    rest = filler(record.sequence, room) if room else []
    return [*packed(left, record.sequence), *rest]


def without(record: Record, deleted: Deleted) -> Record | None:
    """A request without what was deleted; the same when nothing of it is there, None when all is."""
    message = _message(record)
    if message is None:
        return record
    drop = {"traces": _spans, "logs": _logs, "metrics": _points}[record.signal]
    dropped = drop(message, deleted)
    if dropped is None:
        return record
    if dropped >= record.rows:
        return None
    body = message.SerializeToString()
    return record._replace(encoding="protobuf", body=body, rows=record.rows - dropped)


def _message(record: Record) -> Any:
    """The request; None: it cannot be read, and nobody can."""
    try:
        if record.encoding == "json":
            return to_message(record.signal, record.body)[0]
        return REQUESTS[record.signal].FromString(record.body)
    except (PayloadUndecodable, DecodeError):
        return None


def _spans(request: Any, deleted: Deleted) -> int | None:
    """How many were dropped; None: nothing is changed."""
    dropped, changed = 0, False
    for resource_spans in request.resource_spans:
        changed |= deleted.unname(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            dropped += _drop(scope_spans.spans, deleted.has_span)
            for span in scope_spans.spans:
                changed |= deleted.unname(span.attributes)
                changed |= bool(_drop(span.links, deleted.has_span))
                for event in span.events:
                    changed |= deleted.unname(event.attributes)
    if dropped:  # a resource may be of one execution alone
        for resource_spans in request.resource_spans:
            _drop(resource_spans.scope_spans, lambda each: not each.spans)
        _drop(request.resource_spans, lambda each: not each.scope_spans)
    return dropped if dropped or changed else None


def _logs(request: Any, deleted: Deleted) -> int | None:
    dropped = 0

    def is_of_it(log: Any) -> bool:
        return deleted.has_span(log) or deleted.is_named_in(log.attributes)

    for resource_logs in request.resource_logs:
        is_named = deleted.is_named_in(resource_logs.resource.attributes)
        for scope_logs in resource_logs.scope_logs:
            dropped += _drop(scope_logs.log_records, lambda log, all=is_named: all or is_of_it(log))  # noqa: A006
    return dropped or None


def _points(request: Any, deleted: Deleted) -> int | None:
    dropped, changed = 0, False
    for resource_metrics in request.resource_metrics:
        is_named = deleted.is_named_in(resource_metrics.resource.attributes)
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in scope_metrics.metrics:
                kind = metric.WhichOneof("data")
                if kind is None:
                    continue
                points = getattr(metric, kind).data_points
                dropped += _drop(
                    points,
                    lambda point, all=is_named: all or deleted.is_named_in(point.attributes),  # noqa: A006
                )
                for point in points:
                    if kind != "summary":
                        changed |= bool(_drop(point.exemplars, deleted.has_span))
    return dropped if dropped or changed else None


def _drop(items: Any, is_of_it: Any) -> int:
    """Remove items in place; how many."""
    found = [at for at, item in enumerate(items) if is_of_it(item)]
    for at in reversed(found):
        del items[at]
    return len(found)

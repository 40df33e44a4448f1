"""The way back: OTLP requests made of the stored rows, equal to what was received.

Equal means: the same resources, scopes, spans, log records and data points with the same fields.
What OTLP does not tell apart may differ: the order of attributes without a repeated key, absent and
empty submessages, how an exporter cut its data into requests and envelopes. What was refused at
reception is not there; a payload that retention has removed is missing, and where the attribute
map holds the beginning of a large value, that beginning is the value then.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol
from uuid import UUID

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from stepscope_collector.query.load import sql
from stepscope_collector.query.otlp_points import PointGroup
from stepscope_collector.query.otlp_rows import Row, attributes_of, log_record_of, span_of

__all__ = [
    "Connection",
    "Envelopes",
    "exchange_spans",
    "parse_traces",
    "read_logs",
    "read_metrics",
    "read_traces",
    "read_traces_whole",
    "span_ids",
]

_ROWS_AT_ONCE = 2048
_FOREVER_NS = (1 << 64) - 1


class Connection(Protocol):
    """A cursor on the database."""

    def execute(self, query: str, parameters: object = None) -> Any:
        """Run a statement; the result gives `description` and `fetchmany`."""


def read_traces(
    connection: Connection, *, trace_id: str | None = None, execution_id: str | None = None
) -> ExportTraceServiceRequest:
    """Stored spans as one request, grouped by resource and scope; it is held in memory whole.

    Args:
        connection: where to read; its transaction makes spans and payloads agree.
        trace_id: 32 hex digits; None: all traces.
        execution_id: only spans of this execution; None: of all.

    Raises:
        ValueError: trace_id is not 32 hex digits.
    """
    ids = None if trace_id is None else [UUID(hex=trace_id)]
    return _traces(connection, ids, execution_id, (0, _FOREVER_NS), is_from_log=False)


def read_traces_whole(
    connection: Connection,
    trace_ids: Sequence[UUID],
    first_ns: int,
    last_ns: int,
    *,
    is_from_log: bool = False,
) -> ExportTraceServiceRequest:
    """All stored spans of some traces as one request, as `read_traces`.

    Args:
        connection: where to read.
        trace_ids: the traces.
        first_ns: least start of their spans.
        last_ns: greatest start of their spans.
        is_from_log: those that log records told of, instead of those that were sent.
    """
    bounds = (first_ns, last_ns)
    return _traces(connection, list(trace_ids), None, bounds, is_from_log=is_from_log)


def _traces(
    connection: Connection,
    trace_ids: list[UUID] | None,
    execution_id: str | None,
    bounds: tuple[int, int],
    *,
    is_from_log: bool,
) -> ExportTraceServiceRequest:
    chosen = {
        "trace_ids": trace_ids,
        "execution_id": execution_id,
        "first": bounds[0],
        "last": bounds[1],
    }
    payloads: dict[tuple[UUID, int, int], dict[str, str]] = {}
    for row in _rows(connection, "otlp/payloads", chosen):
        of_span = (row["trace_id"], row["span_id"], row["start_time_unix_nano"])
        payloads.setdefault(of_span, {})[row["key"]] = row["body"]
    rows: Iterable[Row]
    if trace_ids is None:
        envelopes = Envelopes(connection, None)
        rows = _rows(connection, "otlp/spans", chosen | {"is_from_log": is_from_log})
    else:  # few: of the resources and scopes only theirs are read
        rows = list(_rows(connection, "otlp/spans", chosen | {"is_from_log": is_from_log}))
        envelopes = Envelopes(connection, rows)
    request = ExportTraceServiceRequest()
    envelopes.into(request.resource_spans.add, lambda parent: parent.scope_spans.add())
    for row in rows:
        of_span = (row["trace_id"], row["span_id"], row["start_time_unix_nano"])
        envelopes.scope_of(row).spans.append(span_of(row, payloads.get(of_span, {})))
    return request


def read_logs(
    connection: Connection, *, trace_id: str | None = None, execution_id: str | None = None
) -> ExportLogsServiceRequest:
    """Stored log records as one request, grouped by resource and scope; it is held in memory whole.

    Args:
        connection: where to read.
        trace_id: 32 hex digits; None: records of any trace or none.
        execution_id: only records that name this execution or were written in a span of it.

    Raises:
        ValueError: trace_id is not 32 hex digits.
    """
    request = ExportLogsServiceRequest()
    envelopes = Envelopes(connection, None)
    envelopes.into(request.resource_logs.add, lambda parent: parent.scope_logs.add())
    chosen = {"trace_id": _uuid(trace_id), "execution_id": execution_id}
    for row in _rows(connection, "otlp/log_records", chosen):
        envelopes.scope_of(row).log_records.append(log_record_of(row))
    return request


def read_metrics(
    connection: Connection, *, execution_id: str | None = None
) -> ExportMetricsServiceRequest:
    """Stored data points as one request, grouped by resource, scope and metric; held in memory whole.

    Args:
        connection: where to read.
        execution_id: only points that name this execution; None: all.
    """
    request = ExportMetricsServiceRequest()
    envelopes = Envelopes(connection, None)
    envelopes.into(request.resource_metrics.add, lambda parent: parent.scope_metrics.add())
    group = PointGroup()
    for row in _rows(connection, "otlp/metric_points", {"execution_id": execution_id}):
        group.add(envelopes.scope_of(row), row)
    return request


def parse_traces(payload: bytes) -> ExportTraceServiceRequest:
    """The trace request that the bytes are; ValueError: they are none."""
    try:
        return ExportTraceServiceRequest.FromString(payload)
    except DecodeError as error:
        raise ValueError(str(error)) from error


def span_ids(request: ExportTraceServiceRequest) -> set[tuple[bytes, bytes]]:
    """Trace and span id of each span."""
    return {
        (span.trace_id, span.span_id)
        for resource_spans in request.resource_spans
        for scope_spans in resource_spans.scope_spans
        for span in scope_spans.spans
    }


def exchange_spans(request: ExportTraceServiceRequest, given: ExportTraceServiceRequest) -> None:
    """Put the spans of `given` in the place of those with their ids in `request`."""
    exchanged = span_ids(given)
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            kept = [s for s in scope_spans.spans if (s.trace_id, s.span_id) not in exchanged]
            del scope_spans.spans[:]
            scope_spans.spans.extend(kept)
    request.resource_spans.extend(given.resource_spans)


def _uuid(trace_id: str | None) -> UUID | None:
    return None if trace_id is None else UUID(hex=trace_id)


def _rows(connection: Connection, name: str, parameters: dict[str, Any]) -> Iterator[Row]:
    result = connection.execute(sql(name), parameters)
    names = [column[0] for column in result.description]
    while rows := result.fetchmany(_ROWS_AT_ONCE):
        for row in rows:
            yield dict(zip(names, row, strict=True))


class Envelopes:
    """Opens an envelope for a resource or scope when rows reach one.

    Args:
        connection: where resources and scopes are read, all at once.
        rows: those of these; None: all there are.
    """

    def __init__(self, connection: Connection, rows: Iterable[Row] | None) -> None:
        resources = None if rows is None else sorted({row["resource_id"] for row in rows})
        scopes = None if rows is None else sorted({row["scope_id"] for row in rows})
        self._resources = {
            row["resource_id"]: (_resource_of(row), row["schema_url"])
            for row in _rows(connection, "otlp/resources", {"ids": resources})
        }
        self._scopes = {
            row["scope_id"]: (_scope_of(row), row["schema_url"])
            for row in _rows(connection, "otlp/scopes", {"ids": scopes})
        }
        self._resource_id: int | None = None
        self._scope_id: int | None = None
        self._parent: Any = None
        self._child: Any = None

    def into(self, add_resource: Callable[[], Any], add_scope: Callable[[Any], Any]) -> None:
        """Where the envelopes of the rows that follow are opened."""
        self._add_resource = add_resource
        self._add_scope = add_scope
        self._resource_id = self._scope_id = None

    def scope_of(self, row: Row) -> Any:
        """The envelope that the row belongs in; rows come ordered by resource and scope."""
        if row["resource_id"] != self._resource_id:
            self._resource_id, self._scope_id = row["resource_id"], None
            self._parent = self._add_resource()
            resource, schema_url = self._resources[row["resource_id"]]
            self._parent.resource.CopyFrom(resource)
            self._parent.schema_url = schema_url
        if row["scope_id"] != self._scope_id:
            self._scope_id = row["scope_id"]
            self._child = self._add_scope(self._parent)
            scope, schema_url = self._scopes[row["scope_id"]]
            self._child.scope.CopyFrom(scope)
            self._child.schema_url = schema_url
        return self._child


def _resource_of(row: Row) -> Resource:
    if row["raw"] is not None:
        return Resource.FromString(row["raw"])
    return Resource(
        attributes=attributes_of(row),
        dropped_attributes_count=row["dropped_attributes_count"],
    )


def _scope_of(row: Row) -> InstrumentationScope:
    if row["raw"] is not None:
        return InstrumentationScope.FromString(row["raw"])
    return InstrumentationScope(
        name=row["name"],
        version=row["version"],
        attributes=attributes_of(row),
        dropped_attributes_count=row["dropped_attributes_count"],
    )

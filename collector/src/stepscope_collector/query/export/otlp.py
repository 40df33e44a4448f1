"""Chosen executions as OTLP requests of bounded size, with the times of their first commit.

A chunk never ends between rows of one time, nor a request between equal rows: so whoever takes the
requests in can tell a repetition from two equal log records.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stepscope_collector.decode.batch import Signal
from stepscope_collector.query.export.chosen import Chosen, pages
from stepscope_collector.query.load import sql
from stepscope_collector.query.otlp import Envelopes
from stepscope_collector.query.otlp_points import PointGroup
from stepscope_collector.query.otlp_rows import Row, log_record_of, span_of
from stepscope_collector.store import Connection

__all__ = ["Piece", "requests"]

_ROWS_AT_ONCE: Final = 1000
_BYTES_AT_ONCE: Final = 4 * 1024 * 1024
_LAST: Final = (1 << 64) - 1

_SQL: Final[dict[Signal, tuple[str, str]]] = {
    "traces": ("export/spans_until", "export/span_rows"),
    "logs": ("export/logs_until", "export/log_rows"),
    "metrics": ("export/metrics_until", "export/metric_rows"),
}


@dataclass(slots=True)
class Piece:
    """One OTLP request, and when its rows were committed first."""

    signal: Signal
    message: Message
    rows: int = 0
    size: int = 0
    """Bytes of its rows, about."""
    ingested: list[list[int]] = field(default_factory=list)
    """In the order of the rows: [ns since the epoch, number of rows in a row]."""

    def note(self, ingested_ns: int, size: int) -> None:
        """Count a row."""
        self.rows += 1
        self.size += size
        self.note_time(ingested_ns)

    def note_time(self, ingested_ns: int) -> None:
        """Add the time of the next row."""
        if self.ingested and self.ingested[-1][0] == ingested_ns:
            self.ingested[-1][1] += 1
        else:
            self.ingested.append([ingested_ns, 1])


def requests(connection: Connection, chosen: Chosen, *, is_whole: bool = False) -> Iterator[Piece]:
    """Everything of the chosen executions, a request at a time: spans, log records, data points.

    Args:
        connection: inside one transaction; in use until the last piece was taken.
        chosen: BadRequest as `Chosen.conditions`.
        is_whole: with the executions that tell only together with these what happened to them.
    """
    signals: tuple[Signal, ...] = ("traces", "logs", "metrics")
    if chosen.is_everything:
        for signal in signals:
            yield from _pieces(connection, signal, None)
        return
    told: set[str] = set()
    for page in pages(connection, chosen):
        ids = [each for each in page if each not in told]
        if is_whole:
            connection.execute(sql("export/told_with"), {"execution_ids": ids})
            together = {each for (each,) in connection.fetchall()} - told
            told |= together
            ids = sorted(together.union(ids))
        for signal in signals:
            yield from _pieces(connection, signal, ids)


def _pieces(connection: Connection, signal: Signal, ids: list[str] | None) -> Iterator[Piece]:
    until, chunk = _SQL[signal]
    first = 0
    while first <= _LAST:
        asked: dict[str, Any] = {"execution_ids": ids, "first": first}
        connection.execute(sql(until), {**asked, "rows": _ROWS_AT_ONCE})
        ((last,),) = connection.fetchall()
        if last is None:
            return
        yield from _BUILDERS[signal](connection, chunk, {**asked, "last": last})
        first = last + 1


def _rows(connection: Connection, name: str, asked: dict[str, Any]) -> list[Row]:
    connection.execute(sql(name), asked)
    names = [column[0] for column in connection.description or ()]
    return [dict(zip(names, row, strict=True)) for row in connection.fetchall()]


def _traces(connection: Connection, chunk: str, asked: dict[str, Any]) -> Iterator[Piece]:
    apart: dict[Any, dict[str, str]] = {}
    for row in _rows(connection, "export/payload_rows", asked):
        apart.setdefault(_span_of(row), {})[row["key"]] = row["body"]
    rows = _rows(connection, chunk, asked)
    envelopes = Envelopes(connection, rows)
    piece = None
    for row in rows:
        if piece is None or _is_full(piece):
            if piece is not None:
                yield piece
            request = ExportTraceServiceRequest()
            piece = Piece("traces", request)
            envelopes.into(request.resource_spans.add, lambda parent: parent.scope_spans.add())
        span = span_of(row, apart.get(_span_of(row), {}))
        envelopes.scope_of(row).spans.append(span)
        piece.note(row["ingested_unix_nano"], span.ByteSize())
    if piece is not None:
        yield piece


def _logs(connection: Connection, chunk: str, asked: dict[str, Any]) -> Iterator[Piece]:
    rows = _rows(connection, chunk, asked)
    envelopes = Envelopes(connection, rows)
    piece, before = None, None
    for row in rows:
        ingested_ns = row.pop("ingested_unix_nano")
        if piece is None or (_is_full(piece) and _differ(row, before)):
            if piece is not None:
                yield piece
            request = ExportLogsServiceRequest()
            piece = Piece("logs", request)
            envelopes.into(request.resource_logs.add, lambda parent: parent.scope_logs.add())
        before = row
        record = log_record_of(row)
        envelopes.scope_of(row).log_records.append(record)
        piece.note(ingested_ns, record.ByteSize())
    if piece is not None:
        yield piece


def _metrics(connection: Connection, chunk: str, asked: dict[str, Any]) -> Iterator[Piece]:
    rows = _rows(connection, chunk, asked)
    envelopes = Envelopes(connection, rows)
    piece, before, group = None, None, PointGroup()
    for row in rows:
        ingested_ns = row.pop("ingested_unix_nano")
        if piece is None or (_is_full(piece) and _differ(row, before)):
            if piece is not None:
                yield _timed(piece, group)
            request = ExportMetricsServiceRequest()
            piece, group = Piece("metrics", request), PointGroup()
            envelopes.into(request.resource_metrics.add, lambda parent: parent.scope_metrics.add())
        before = row
        piece.rows += 1
        piece.size += group.add(envelopes.scope_of(row), row, ingested_ns)
    if piece is not None:
        yield _timed(piece, group)


def _timed(piece: Piece, group: PointGroup) -> Piece:
    """With the times of its points, which stand in another order than their rows: by metric."""
    for ingested_ns in group.times():
        piece.note_time(ingested_ns)
    return piece


_BUILDERS: Final[dict[Signal, Callable[[Connection, str, dict[str, Any]], Iterator[Piece]]]] = {
    "traces": _traces,
    "logs": _logs,
    "metrics": _metrics,
}


def _is_full(piece: Piece) -> bool:
    return piece.rows >= _ROWS_AT_ONCE or piece.size >= _BYTES_AT_ONCE


def _differ(row: Row, other: Row | None) -> bool:
    """As text: no NaN is equal to a number, itself included."""
    return repr(row) != repr(other)


def _span_of(row: Row) -> tuple[Any, int, int]:
    return (row["trace_id"], row["span_id"], row["start_time_unix_nano"])

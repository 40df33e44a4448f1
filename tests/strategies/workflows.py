"""Spans of small histories, and a store to write them to, for tests of the write path."""

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from stepscope_collector.config import StoreConfig
from stepscope_collector.decode.native import id_set
from stepscope_collector.decode.spans import decode_spans
from stepscope_collector.mapping.compile import compile_profiles
from stepscope_collector.mapping.group import NewDimensions, group_of
from stepscope_collector.mapping.profile import load_shipped
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.database import Database

MAPPING = compile_profiles(load_shipped())
T0 = 1_795_000_000_000_000_000
NOW_NS = T0 + 10**12
NOW = datetime(2026, 11, 18, 12, tzinfo=UTC).replace(tzinfo=None)


class Sent(NamedTuple):
    """A span and the scope that sends it."""

    scope: str
    span: Span


def trace_id(name: str) -> bytes:
    """A trace id that a name stands for."""
    return hashlib.md5(name.encode(), usedforsecurity=False).digest()


def span_id(name: str) -> bytes:
    """A span id that a name stands for."""
    return trace_id(name)[:8]


def span(
    name: str,
    *,
    trace: str = "t",
    parent: str | None = None,
    start: int = 0,
    end: int | None = 10,
    scope: str = "stepscope",
    error: str | None = None,
    identity: str | None = None,
    attributes: dict[str, str | int | bool] | None = None,
) -> Sent:
    """A span whose ids derive from its name; times are ms after T0, end None: not ended."""
    made = Span(
        trace_id=trace_id(trace),
        span_id=span_id(f"{trace}/{identity or name}"),
        parent_span_id=span_id(f"{trace}/{parent}") if parent else b"",
        name=name,
        kind=Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=T0 + start * 1_000_000,
        end_time_unix_nano=0 if end is None else T0 + end * 1_000_000,
    )
    if error is not None:
        made.status.code = 2
        made.status.message = error
    for key, value in (attributes or {}).items():
        attribute = made.attributes.add()
        attribute.key = key
        if isinstance(value, bool):
            attribute.value.bool_value = value
        elif isinstance(value, int):
            attribute.value.int_value = value
        else:
            attribute.value.string_value = value
    return Sent(scope, made)


def execution(name: str, execution_id: str, *, outcome: str = "success", **more: Any) -> Sent:
    """The span of an execution as the SDK sends it."""
    extra = more.pop("attributes", {})
    return span(
        name,
        attributes={
            "workflow.execution.id": execution_id,
            "stepscope.span.role": "execution",
            "workflow.name": name,
            "workflow.execution.outcome": outcome,
            **extra,
        },
        **more,
    )


def step(name: str, execution_id: str, *, outcome: str = "success", **more: Any) -> Sent:
    """The span of one attempt of a step as the SDK sends it."""
    extra = more.pop("attributes", {})
    return span(
        name,
        attributes={
            "workflow.execution.id": execution_id,
            "stepscope.span.role": "step",
            "workflow.task.name": name,
            "workflow.task.outcome": outcome,
            **extra,
        },
        **more,
    )


def marker(of: Sent, *, at: int, phase: str = "started") -> Sent:
    """The live marker of an open span, `at` ms after T0."""
    made = Span()
    made.CopyFrom(of.span)
    made.parent_span_id = of.span.span_id
    made.span_id = span_id(f"{of.span.span_id.hex()}/{phase}/{at}")
    made.start_time_unix_nano = made.end_time_unix_nano = T0 + at * 1_000_000
    keep = [a for a in made.attributes if not a.key.endswith(".outcome")]
    del made.attributes[:]
    made.attributes.extend(keep)
    _add(made, "stepscope.live.phase", phase)
    attribute = made.attributes.add()
    attribute.key = "stepscope.live.start_time_unix_nano"
    attribute.value.int_value = of.span.start_time_unix_nano
    if of.span.parent_span_id:
        _add(made, "stepscope.live.parent_span_id", of.span.parent_span_id.hex())
    return Sent(of.scope, made)


def _add(made: Span, key: str, value: str) -> None:
    attribute = made.attributes.add()
    attribute.key = key
    attribute.value.string_value = value


def request(sent: Iterable[Sent], service: str = "shop") -> ExportTraceServiceRequest:
    """One request with the spans, in their order."""
    message = ExportTraceServiceRequest()
    resource_spans = message.resource_spans.add()
    attribute = resource_spans.resource.attributes.add()
    attribute.key = "service.name"
    attribute.value.string_value = service
    for scope, made in sent:
        if not resource_spans.scope_spans or resource_spans.scope_spans[-1].scope.name != scope:
            resource_spans.scope_spans.add().scope.name = scope
        resource_spans.scope_spans[-1].spans.append(made)
    return message


IN_MEMORY = StoreConfig(memory_limit_bytes=512 << 20)
"""Nothing can be put aside there: the limit is what it may hold."""


class History:
    """A database in memory with the real write path."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._committer = Committer(database.writer(), MAPPING, id_set=id_set)
        self._committer.known.fill(database.read)
        self._dimensions = NewDimensions()

    def write(self, *groups: Sequence[Sent], now_ns: int = NOW_NS) -> tuple[int, int]:
        """Commit the groups as the requests of one transaction; (stored, duplicate) spans."""
        batches = [decode_spans(request(group), MAPPING.plan) for group in groups]
        streams = group_of(batches, [], [], self._dimensions)
        written = self._committer.commit(streams, NOW, now_ns)
        self._dimensions.committed(batches)
        return written.stored, written.duplicate

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows of a question as dicts."""
        with self.database.read() as connection:
            result = connection.execute(sql)
            names = [column[0] for column in result.description]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Everything that must not depend on the order of arrival."""
        return {
            "spans": self.rows(
                "select * exclude (ingested_at) from stored.spans "
                "order by trace_id, span_id, start_time_unix_nano, odd_end_unix_nano, duration_ns, name"
            ),
            "executions": self.rows(
                "select * exclude (ingested_at, updated_at) from stored.executions "
                "order by execution_id"
            ),
            "open_spans": self.rows(
                "select * exclude (ingested_at) from stored.open_spans order by trace_id, span_id"
            ),
            "payloads": self.rows(
                "select * exclude (ingested_at) from stored.payloads "
                "order by trace_id, span_id, key, body"
            ),
        }


@contextmanager
def history():
    """A new History."""
    with Database.open(None, IN_MEMORY) as database:
        yield History(database)

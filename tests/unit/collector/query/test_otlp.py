"""A request that was received, stored and read back is the request that was sent."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from stepscope_collector.config import IngestConfig, StoreConfig
from stepscope_collector.decode.batch import Plan
from stepscope_collector.ingest import Ingest, Receipt
from stepscope_collector.mapping.compile import compile_profiles
from stepscope_collector.mapping.profile import load_shipped
from stepscope_collector.query.otlp import read_logs, read_metrics, read_traces
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.database import Database
from stepscope_collector.telemetry import Telemetry
from stepscope_schema.attributes import HOMES
from tests.strategies.canonical import canonical_logs, canonical_metrics, canonical_spans
from tests.strategies.otlp import log_requests, metric_requests, trace_requests


class Collector:
    """The real write path on a database in memory."""

    def __init__(self) -> None:
        self.database = Database.open(None, StoreConfig())
        mapping = compile_profiles(load_shipped())
        self.ingest = Ingest(
            Committer(self.database.writer(), mapping),
            mapping.plan,
            IngestConfig(group_max_wait_ms=0),
            1 << 30,
            Telemetry(),
        )

    def send(self, signal: Any, request: Any) -> Receipt:
        """Store the request alone, without what was stored before."""
        self.forget()
        return self.add(signal, request)

    def add(self, signal: Any, request: Any) -> Receipt:
        """Store the request."""
        payload = request.SerializeToString()
        return self.ingest.submit(signal, payload, "protobuf").result(timeout=30)

    def forget(self) -> None:
        """Empty the tables but resources and scopes: the ingest knows which of those are stored."""
        tables = (
            "spans", "payloads", "executions", "open_spans", "traces", "log_records",
            "metric_points", "requests",
        )  # fmt: skip

        def empty(committer: Committer, _: Plan) -> None:
            for table in tables:
                committer.connection.execute(f"delete from stored.{table}")

        self.ingest.between_commits(empty)

    def close(self) -> None:
        assert self.ingest.drain(10)
        self.database.close()


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


@given(request=trace_requests)
def test_spans_come_back_as_they_were_sent(
    collector: Collector, request: ExportTraceServiceRequest
) -> None:
    """issue #2: an OTLP request written, read back and re-encoded equals the original."""
    receipt = collector.send("traces", request)
    with collector.database.read() as connection:
        found = read_traces(connection)
    expected = canonical_spans(request)
    assert canonical_spans(found) == expected
    sent = sum(len(s.spans) for r in request.resource_spans for s in r.scope_spans)
    assert receipt.accepted == sum(len(spans) for spans in expected.values())
    assert receipt.accepted + receipt.rejected == sent


@given(request=log_requests)
def test_log_records_come_back_as_they_were_sent(
    collector: Collector, request: ExportLogsServiceRequest
) -> None:
    """issue #2: the same for logs; a log record is never refused."""
    receipt = collector.send("logs", request)
    with collector.database.read() as connection:
        found = read_logs(connection)
    assert canonical_logs(found) == canonical_logs(request)
    sent = sum(len(s.log_records) for r in request.resource_logs for s in r.scope_logs)
    assert (receipt.accepted, receipt.rejected) == (sent, 0)


@given(request=metric_requests)
def test_data_points_come_back_as_they_were_sent(
    collector: Collector, request: ExportMetricsServiceRequest
) -> None:
    """issue #2: the same for metrics of all five types."""
    receipt = collector.send("metrics", request)
    with collector.database.read() as connection:
        found = read_metrics(connection)
    expected = canonical_metrics(request)
    assert canonical_metrics(found) == expected
    assert (receipt.accepted, receipt.rejected) == (sum(map(len, expected.values())), 0)


def _spans(*spans: Span, service: str = "", scope: str = "") -> ResourceSpans:
    found = ResourceSpans(scope_spans=[ScopeSpans(spans=spans)])
    found.scope_spans[0].scope.name = scope
    found.resource.attributes.add(key="service.name").value.string_value = service
    return found


def _span(trace: bytes, name: str, **attributes: str) -> Span:
    span = Span(trace_id=trace * 16, span_id=name.encode().rjust(8, b"_"), name=name)
    for key, value in attributes.items():
        span.attributes.add(key=key.replace("_", ".")).value.string_value = value
    return span


def _names(request: ExportTraceServiceRequest) -> list[str]:
    return sorted(
        span.name
        for resource_spans in request.resource_spans
        for scope_spans in resource_spans.scope_spans
        for span in scope_spans.spans
    )


def test_envelopes_of_one_resource_and_scope_come_back_as_one(collector: Collector) -> None:
    """ours: grouped by resource and scope, whatever came between."""
    first = _spans(_span(b"a", "1"), service="x", scope="s")
    other_scope = _spans(_span(b"a", "2"), service="x", scope="t")
    other_resource = _spans(_span(b"a", "3"), service="y", scope="s")
    again = _spans(_span(b"b", "4"), service="x", scope="s")
    collector.send("traces", ExportTraceServiceRequest(
        resource_spans=[first, other_resource, other_scope, again]
    ))  # fmt: skip
    with collector.database.read() as connection:
        found = read_traces(connection)
    shape = {
        resource_spans.resource.attributes[0].value.string_value: {
            scope_spans.scope.name: [span.name for span in scope_spans.spans]
            for scope_spans in resource_spans.scope_spans
        }
        for resource_spans in found.resource_spans
    }
    assert shape == {"x": {"s": ["1", "4"], "t": ["2"]}, "y": {"s": ["3"]}}
    assert len(found.resource_spans) == 2


def test_one_trace_or_one_execution_can_be_read(collector: Collector) -> None:
    """ours: what a person wants to hand on is one trace or one execution."""
    large = "x" * 10_000
    collector.send("traces", ExportTraceServiceRequest(resource_spans=[
        _spans(_span(b"a", "1", workflow_execution_id="e", stepscope_input=large),
               _span(b"b", "2", workflow_execution_id="e", large=large),
               _span(b"b", "3", workflow_execution_id="f"), scope="stepscope"),
        _spans(_span(b"c", "4")),
    ]))  # fmt: skip
    with collector.database.read() as connection:
        everything = read_traces(connection)
        of_trace = read_traces(connection, trace_id=(b"b" * 16).hex())
        of_execution = read_traces(connection, execution_id="e")
        of_both = read_traces(connection, trace_id=(b"b" * 16).hex(), execution_id="e")
        of_none = read_traces(connection, execution_id="nobody")
    found = [_names(request) for request in (of_trace, of_execution, of_both, of_none)]
    assert found == [["2", "3"], ["1", "2"], ["2"], []]
    for request in (of_execution, of_both):
        whole = canonical_spans(everything)
        for group, spans in canonical_spans(request).items():
            assert all(span in whole[group] for span in spans)


@pytest.mark.parametrize(
    ("name", "kept"),
    [("1", "="), ("=", "=="), ("==", "==="), ("=1", "==1"), ("other", "other")],
)
def test_a_workflow_comes_back_whatever_its_span_is_called(
    collector: Collector, name: str, kept: str
) -> None:
    """ours: a name that is also the span's is not stored twice; any name is told from that."""
    span = _span(b"a", "1", workflow_name=name, stepscope_span_role="execution")
    request = ExportTraceServiceRequest(resource_spans=[_spans(span, scope="stepscope")])
    for _ in range(2):
        collector.send("traces", request)
    with collector.database.read() as connection:
        stored = connection.execute("select short_workflow_name from stored.spans").fetchall()
        shown = connection.execute("select workflow_name from stored.executions").fetchall()
        found = read_traces(connection)
    assert (stored, shown) == ([(kept,)], [(name,)])
    assert canonical_spans(found) == canonical_spans(request)


def test_a_workflow_is_told_from_a_span_that_is_called_so(collector: Collector) -> None:
    """ours: a span called as the sign for its own name has the workflow that was sent."""
    spans = [_span(b"a", "=", workflow_name="="), _span(b"b", "=", workflow_name="1")]
    request = ExportTraceServiceRequest(resource_spans=[_spans(*spans, scope="stepscope")])
    collector.send("traces", request)
    with collector.database.read() as connection:
        assert canonical_spans(read_traces(connection)) == canonical_spans(request)


@pytest.mark.parametrize("key", list(HOMES))
def test_every_attribute_with_a_home_comes_back(collector: Collector, key: str) -> None:
    """ours: its column holds it verbatim, and its type is that of the registry."""
    span = _span(b"a", "1")
    value = span.attributes.add(key=key).value
    match HOMES[key].type:
        case "int":
            value.int_value = -(1 << 31)
        case "bool":
            value.bool_value = True
        case _:
            value.string_value = "\0 𝄞"
    request = ExportTraceServiceRequest(resource_spans=[_spans(span, scope="stepscope")])
    collector.send("traces", request)
    with collector.database.read() as connection:
        (bits,) = connection.execute("select home_bits from stored.spans").fetchone() or (0,)
        found = read_traces(connection)
    assert int(bits) == 1 << (HOMES[key].home or 0)
    assert canonical_spans(found) == canonical_spans(request)


def test_a_trace_id_that_is_none_is_an_error(collector: Collector) -> None:
    """ours: not an empty answer."""
    with collector.database.read() as connection, pytest.raises(ValueError, match="hexadecimal"):
        read_traces(connection, trace_id="abc")


def test_values_that_retention_removed_are_missing_or_cut(collector: Collector) -> None:
    """ours: payloads are kept for a shorter time than the spans."""
    span = _span(b"a", "1", workflow_name="w", stepscope_output="{}", large="x" * 10_000)
    collector.send("traces", ExportTraceServiceRequest(
        resource_spans=[_spans(span, scope="stepscope")]
    ))  # fmt: skip
    collector.database.writer().execute("delete from stored.payloads")
    with collector.database.read() as connection:
        (found,) = read_traces(connection).resource_spans[0].scope_spans[0].spans
    attributes = {a.key: a.value.string_value for a in found.attributes}
    assert attributes == {"workflow.name": "w", "large": "x" * 256}


def test_logs_of_an_execution_are_those_that_name_it_and_those_of_its_spans(
    collector: Collector,
) -> None:
    """R065: the records of an execution, also of a logger that knows only the span."""
    span = _span(b"a", "1", workflow_execution_id="e")
    collector.send("traces", ExportTraceServiceRequest(
        resource_spans=[_spans(span, scope="stepscope")]
    ))  # fmt: skip
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    records.add(event_name="in span", trace_id=span.trace_id, span_id=span.span_id)
    records.add(event_name="in trace", trace_id=span.trace_id)
    records.add(event_name="elsewhere", trace_id=b"z" * 16, span_id=span.span_id)
    for execution_id in ("e", "f"):
        record = records.add(event_name=execution_id, trace_id=span.trace_id, span_id=span.span_id)
        record.attributes.add(key="workflow.execution.id").value.string_value = execution_id
    collector.add("logs", request)
    with collector.database.read() as connection:
        of_execution = read_logs(connection, execution_id="e")
        of_trace = read_logs(connection, trace_id=span.trace_id.hex())
    assert _events(of_execution) == ["e", "in span"]
    assert _events(of_trace) == ["e", "f", "in span", "in trace"]


def _events(request: ExportLogsServiceRequest) -> list[str]:
    return sorted(
        record.event_name
        for resource_logs in request.resource_logs
        for scope_logs in resource_logs.scope_logs
        for record in scope_logs.log_records
    )


def test_points_of_one_metric_come_back_in_one_message(collector: Collector) -> None:
    """ours: a metric is its name, description, unit, type and metadata."""
    request = ExportMetricsServiceRequest()
    metrics = request.resource_metrics.add().scope_metrics.add().metrics
    for number in range(4):
        metric = metrics.add(name="m", unit="s" if number < 3 else "ms")
        point = metric.gauge.data_points.add(as_int=number)
        for _ in range(number):  # the third has its key twice, and so comes back from raw
            key_value = point.attributes.add(key="workflow.execution.id")
            key_value.value.string_value = "e"
    collector.send("metrics", request)
    with collector.database.read() as connection:
        found = read_metrics(connection)
        of_execution = read_metrics(connection, execution_id="e")
    (scope_metrics,) = found.resource_metrics[0].scope_metrics
    points = {m.unit: [p.as_int for p in m.gauge.data_points] for m in scope_metrics.metrics}
    assert len(scope_metrics.metrics) == 2
    assert {unit: sorted(values) for unit, values in points.items()} == {"s": [0, 1, 2], "ms": [3]}
    assert sum(map(len, canonical_metrics(of_execution).values())) == 3

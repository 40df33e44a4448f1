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

from stepscope_collector.config import IngestConfig, StoreConfig
from stepscope_collector.ingest import Ingest, Receipt
from stepscope_collector.mapping.compile import compile_profiles
from stepscope_collector.mapping.profile import load_shipped
from stepscope_collector.query.otlp import read_logs, read_metrics, read_traces
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.database import Database
from stepscope_collector.telemetry import Telemetry
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
        payload = request.SerializeToString()
        return self.ingest.submit(signal, payload, "protobuf").result(timeout=30)

    def forget(self) -> None:
        """Empty the tables but resources and scopes: the ingest knows which of those are stored."""
        writer = self.database.writer()  # the writer thread is idle: it has answered
        for table in (
            "spans", "payloads", "executions", "open_spans", "traces", "log_records",
            "metric_points", "requests",
        ):  # fmt: skip
            writer.execute(f"delete from stored.{table}")

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

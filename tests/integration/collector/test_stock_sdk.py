"""The stock OpenTelemetry SDK with its own exporters, eight senders at once, against the process."""

import hashlib
import os
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, set_span_in_context

from stepscope_collector.query.otlp import read_traces
from tests.integration.collector.process import Collector, stored
from tests.strategies.canonical import canonical_spans

SENDERS = 8
SPANS = 100_000 if os.environ.get("CI") else 10_000
PER_SENDER = SPANS // SENDERS
BATCH = 512

TABLES = (
    "spans", "executions", "open_spans", "payloads", "resources", "scopes", "traces", "rejections",
    "log_records", "metric_points", "requests", "schema_version",
)  # fmt: skip


class Ended(SpanProcessor):
    """What the SDK says it ended."""

    def __init__(self):
        self.spans = []

    def on_end(self, span):
        self.spans.append(span)


def exporter_to(endpoints, sender):
    if sender % 2:
        return HttpExporter(endpoint=f"http://{endpoints.otlp_http}/v1/traces", timeout=30)
    return GrpcExporter(endpoint=endpoints.otlp_grpc, insecure=True, timeout=30)


def attributes(rng, n):
    """Every kind of value the SDK takes."""
    found = {
        "text": rng.choice(["", "plain", "ünï 𝄞", "a\0b", "x" * rng.randint(0, 300)]),
        "flag": n % 2 == 0,
        "whole": rng.choice([n, -n, 2**63 - 1, -(2**63), 0]),
        "real": rng.choice([n / 3, -0.0, float("inf"), 5e-324]),
        "texts": ["a", "", "ü"][: n % 4],
        "flags": [True, False],
        "wholes": [n, 2**53 + 1],
        "reals": [0.1, 1.0],
        "http.route": f"/items/{n % 7}",
        "service.name": "of the span",
    }
    if n % 500 == 0:
        found["large"] = f"{n}" + "€" * 9000
    return dict(rng.sample(sorted(found.items()), rng.randint(0, len(found))))


def make_spans(tracer, rng, count):
    """`count` spans in traces of up to ten."""
    roots = []
    made = 0
    while made < count:
        size = min(rng.randint(1, 10), count - made)
        parents = []
        for n in range(size):
            context = set_span_in_context(rng.choice(parents)) if parents else None
            span = tracer.start_span(
                f"work {made % 50}", context, kind=rng.choice(list(SpanKind)),
                attributes=attributes(rng, made),
                links=[Link(root.get_span_context(), {"n": n}) for root in roots[-(made % 3) :]]
                if made % 5 == 0 else None,
            )  # fmt: skip
            if made % 4 == 0:
                span.add_event("queued", {"position": made, "tags": ["a", "b"]})
            if made % 9 == 0:
                span.record_exception(ValueError(f"no {made}"))
                span.set_status(Status(StatusCode.ERROR, f"failed {made}"))
            elif made % 9 == 1:
                span.set_status(StatusCode.OK)
            parents.append(span)
            made += 1
        for span in reversed(parents):
            span.end()
        roots = [*roots[-5:], parents[0]]


def send(endpoints, sender):
    """What one sender ended; all of it was handed to the stock batch processor."""
    resource = Resource.create(
        {"service.name": f"sender-{sender}", "numbers": [sender, 2], "host.cpu": sender / 2}
    )
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    ended = Ended()
    provider.add_span_processor(ended)
    # Its queue holds all: with the stock 2048 the client itself drops spans under load.
    batching = BatchSpanProcessor(
        exporter_to(endpoints, sender), max_queue_size=PER_SENDER + 1, max_export_batch_size=BATCH
    )
    provider.add_span_processor(batching)
    tracer = provider.get_tracer("shop.orders", "1.2", "https://example.org/s", {"kind": "test"})
    make_spans(tracer, random.Random(sender), PER_SENDER)
    provider.shutdown()
    return ended.spans


def send_again(endpoints, sender, spans):
    exporter = exporter_to(endpoints, sender)
    for first in range(0, len(spans), BATCH):
        assert exporter.export(spans[first : first + BATCH]) is SpanExportResult.SUCCESS
    exporter.shutdown()


def digests(data):
    """Of every table all rows, whatever their order."""
    found = {}
    with stored(data) as connection:
        for table in TABLES:
            total = 0
            rows = connection.execute(f"select t::varchar from stored.{table} t")
            count = 0
            while chunk := rows.fetchmany(10_000):
                for (text,) in chunk:
                    count += 1
                    total += int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())
            found[table] = (count, total)
    return found


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.timeout(400)
def test_eight_stock_senders_deliver_every_span_once_and_again_changes_nothing(tmp_path):
    """issue #2: 100,000 spans from 8 concurrent senders: all there once, fields equal; the same
    spans sent twice change nothing."""
    data = tmp_path / "data"
    with Collector(data) as collector, ThreadPoolExecutor(SENDERS) as pool:
        sent = list(pool.map(lambda n: send(collector.endpoints, n), range(SENDERS)))
        rows = collector.doctor()["ingest"]["rows"]["traces"]
    assert [len(spans) for spans in sent] == [PER_SENDER] * SENDERS
    assert rows == {
        "received": SPANS, "stored": SPANS, "duplicate": 0, "deleted": 0, "rejected": 0, "refused": 0,
        "failed": 0, "waiting": 0
    }  # fmt: skip
    before = digests(data)
    assert before["spans"][0] == SPANS
    with stored(data) as connection:
        found = canonical_spans(read_traces(connection))
    everything = [span for spans in sent for span in spans]
    assert found == canonical_spans(encode_spans(everything))
    del found

    with Collector(data) as collector, ThreadPoolExecutor(SENDERS) as pool:
        # each one's spans by another sender and the other protocol
        list(pool.map(
            lambda n: send_again(collector.endpoints, n + 1, sent[n]), range(SENDERS)
        ))  # fmt: skip
        rows = collector.doctor()["ingest"]["rows"]["traces"]
    assert rows == {
        "received": SPANS, "stored": 0, "duplicate": SPANS, "deleted": 0, "rejected": 0, "refused": 0,
        "failed": 0, "waiting": 0
    }  # fmt: skip
    assert digests(data) == before


@pytest.mark.e2e
def test_what_sql_says_of_a_stock_trace_is_what_the_sdk_says(tmp_path):
    """issue #2: fields equal; asked in SQL, without our own way back to OTLP."""
    data = tmp_path / "data"
    ended = Ended()
    provider = TracerProvider(resource=Resource({"service.name": "shop"}), shutdown_on_exit=False)
    provider.add_span_processor(ended)
    tracer = provider.get_tracer("shop", "7")
    make_spans(tracer, random.Random(1), 60)
    with Collector(data) as collector:
        for sender in (0, 1):
            send_again(collector.endpoints, sender, ended.spans)
    with stored(data) as connection:
        found = connection.execute(
            """
            select
                trace_id, span_id, parent_span_id, name, kind, status_code,
                status_message, s.service_name, epoch_ns(started_at), epoch_ns(ended_at), duration_ns,
                len(events), len(links)
            from spans s order by all
            """
        ).fetchall()
    assert found == sorted(
        (
            f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}",
            f"{span.parent.span_id:016x}" if span.parent else None, span.name,
            span.kind.value + 1, span.status.status_code.value, span.status.description,
            "shop", span.start_time, span.end_time, span.end_time - span.start_time,
            len(span.events), len(span.links),
        )
        for span in ended.spans
    )  # fmt: skip

"""Whatever senders sent: a bundle of it in an empty store gives the same rows, and the same bundle."""

import io
import itertools
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stepscope_collector.importing.importer import Importer
from stepscope_collector.importing.piece import Refused
from stepscope_collector.importing.source import read_source
from tests.strategies.otlp import log_requests, metric_requests, trace_requests
from tests.unit.collector.portable.store import MAPPING, START_NS, Store, store


@pytest.fixture(scope="module")
def stores() -> Iterator[tuple[Store, Store]]:
    with store() as one, store() as other:
        yield one, other


def empty(found: Store) -> None:
    writer = found.database.writer()
    for table in (
        "spans", "payloads", "executions", "open_spans", "traces", "log_records", "attempts",
        "metric_points", "resources", "scopes", "rejections", "requests",
    ):  # fmt: skip
        writer.execute(f"delete from stored.{table}")


def stored(found: Store) -> dict[str, str]:
    """The rows of each table as text, because a NaN is equal to no number, itself included."""
    tables = found.tables()
    # the last sign of life of a sender whose clock is ahead is that of its arrival
    for table, more in (
        ("executions", ", updated_at"),
        ("open_spans", ""),
        ("attempts", ", ingested_at"),
    ):
        hidden = f"last_seen_unix_nano{more}"
        tables[table] = found.rows(f"select * exclude ({hidden}) from stored.{table} order by all")
    # of a request whose rows are all refused the resource is stored, and nothing refers to it
    for part in ("resource", "scope"):
        used = found.rows(
            " union ".join(
                f"select {part}_id from stored.{table}"
                for table in ("spans", "log_records", "metric_points")
            )
        )
        tables[f"{part}s"] = [row for row in tables[f"{part}s"] if (row[0],) in used]
    return {name: repr(rows) for name, rows in tables.items()}


def take_in(into: Store, path: Any) -> int:
    """Rows stored of a bundle."""
    importer = Importer(
        lambda run: run(into.committer, MAPPING.plan),
        clock=itertools.count(START_NS + 10**15, 10**9).__next__,
    )
    count = 0
    for piece in read_source(path):
        assert not isinstance(piece, Refused), piece
        taken = importer.take(piece.signal, piece.payload, "any", piece.ingested)
        assert taken.refused == 0
        count += taken.stored
    return count


def members(body: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(body)) as file:
        return {name: file.read(name) for name in file.namelist() if name != "manifest.json"}


def check(one: Store, other: Store, path: Any) -> None:
    """All of one store comes to another, once."""
    body = one.export("bundle")
    path.write_bytes(body)
    wanted = stored(one)
    take_in(other, path)
    found = stored(other)
    for table, rows in wanted.items():
        assert found[table] == rows, table
    assert take_in(other, path) == 0
    assert members(other.export("bundle")) == members(body)


@given(
    traces=st.lists(trace_requests, max_size=3),
    logs=st.lists(log_requests, max_size=3),
    metrics=st.lists(metric_requests, max_size=3),
)
@settings(max_examples=12)
def test_a_bundle_of_anything_gives_the_same_rows_and_the_same_bundle(
    stores, tmp_path_factory, traces, logs, metrics
):
    """R094: losslessly; issue #7: a bundle that imports elsewhere without loss, twice is once."""
    for found in stores:
        empty(found)
    one, other = stores
    ids = set()
    for request in traces:
        # two spans with the ids of one are the business of tests/unit/collector/store
        for resource_spans in request.resource_spans:
            for scope_spans in resource_spans.scope_spans:
                kept = [s for s in scope_spans.spans if (s.trace_id, s.span_id) not in ids]
                ids.update((span.trace_id, span.span_id) for span in kept)
                del scope_spans.spans[:]
                scope_spans.spans.extend(kept)
        one.take("traces", request)
    for request in logs:
        one.take("logs", request)
    for request in metrics:
        one.take("metrics", request)
    check(one, other, tmp_path_factory.getbasetemp() / "any.zip")


def test_equal_points_of_two_commits_and_numbers_that_are_none_come_over(stores, tmp_path):
    """R094: losslessly: what two requests said twice is there twice, NaN and -0.0 among it."""
    for found in stores:
        empty(found)
    one, other = stores
    request = ExportMetricsServiceRequest()
    metrics = request.resource_metrics.add().scope_metrics.add().metrics
    points = metrics.add(name="g").gauge.data_points
    for value in (float("nan"), float("inf"), -0.0, 1.5):
        points.add(time_unix_nano=START_NS, as_double=value)
    summary = metrics.add(name="s").summary.data_points.add(time_unix_nano=START_NS)
    summary.quantile_values.add(quantile=float("nan"), value=float("-inf"))
    for _ in range(3):
        one.take("metrics", request)
    check(one, other, tmp_path / "points.zip")
    assert other.rows("select count(*), count(distinct ingested_at) from stored.metric_points") == [
        (15, 3)
    ]


def test_a_span_that_was_sent_as_begun_and_as_ended_keeps_both_times(stores, tmp_path):
    """R094: losslessly: ids and start are those of both."""
    for found in stores:
        empty(found)
    one, other = stores
    for end in (0, START_NS + 5):
        request = ExportTraceServiceRequest()
        request.resource_spans.add().scope_spans.add().spans.add(
            trace_id=b"t" * 16, span_id=b"s" * 8, name="n", start_time_unix_nano=START_NS - 9,
            end_time_unix_nano=end,
        )  # fmt: skip
        one.take("traces", request)
    check(one, other, tmp_path / "spans.zip")
    assert len(set(other.rows("select ingested_at from stored.spans"))) == 2

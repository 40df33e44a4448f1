"""The collector's own numbers, and what Prometheus reads of them."""

import math
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from stepscope_collector.telemetry import Settled, Telemetry
from stepscope_collector.telemetry.process import process_samples
from stepscope_collector.telemetry.prometheus import prometheus_text
from stepscope_collector.telemetry.registry import METRICS, Metric
from stepscope_collector.telemetry.summary import now_of, times_of
from stepscope_collector.telemetry.values import Reading, Sample


def parsed(readings):
    """What prometheus_client reads: (name, labels) → value, and the families.

    It adds `_total` to names of counters without; the Collector writes those so by default.
    """
    families = {found.name: found for found in text_string_to_metric_families(readings)}
    samples = [sample for found in families.values() for sample in found.samples]
    values = {(s.name, tuple(sorted(s.labels.items()))): s.value for s in samples}
    assert len(values) == len(samples)
    return families, values


def a_day():
    """Counts with every kind of event in them."""
    telemetry = Telemetry()
    for _ in range(5):
        telemetry.received("traces", "grpc")
    telemetry.received("logs", "http")
    telemetry.queued("traces", 5)
    telemetry.queued("traces", 3)
    telemetry.queued("logs", 2)
    telemetry.refused("traces", "grpc", "overloaded", 10, 7)
    telemetry.refused("traces", "grpc", "payload_undecodable", 20, None)
    telemetry.committed(
        [Settled("traces", "grpc", 4, 1, 0.02)], {"traces": 1}, payload_bytes=100, elapsed_s=0.03
    )
    telemetry.failed(Settled("logs", "http", 2, 0, 1.0), "store_unavailable")
    telemetry.answered_empty("traces", "grpc")
    return telemetry


def test_a_snapshot_says_everything_in_plain_data():
    """issue #4: received = stored + duplicate + rejected + refused + failed + waiting."""
    assert Telemetry().snapshot() == {
        "rows": {}, "requests": {}, "refused_requests": [], "commits": {},
    }  # fmt: skip
    assert a_day().snapshot() == {
        "rows": {
            "logs": {
                "received": 2, "stored": 0, "duplicate": 0, "deleted": 0, "rejected": 0, "refused": 0,
                "failed": 2, "waiting": 0,
            },
            "traces": {
                "received": 15, "stored": 3, "duplicate": 1, "deleted": 0, "rejected": 1, "refused": 7,
                "failed": 0, "waiting": 3,
            },
        },
        "requests": {
            "logs": {"received": 1, "accepted": 0, "refused": 0, "failed": 1, "waiting": 0},
            "traces": {"received": 5, "accepted": 2, "refused": 2, "failed": 0, "waiting": 1},
        },
        "refused_requests": [
            {"signal": "traces", "reason": "overloaded", "requests": 1, "payload_bytes": 10},
            {
                "signal": "traces", "reason": "payload_undecodable", "requests": 1,
                "payload_bytes": 20,
            },
        ],
        "commits": {"commits": 1, "requests": 1, "payload_bytes": 100, "elapsed_ns": 30_000_000},
    }  # fmt: skip


def test_the_collectors_names_count_as_the_collector_does():
    """issue #4: accepted, refused, failed as in OpenTelemetry's receiverhelper."""
    _, values = parsed(prometheus_text(a_day().read()))
    grpc = (("receiver", "otlp"), ("transport", "grpc"))
    assert values["otelcol_receiver_accepted_spans_total", grpc] == 4
    assert values["otelcol_receiver_refused_spans_total", grpc] == 8
    http = (("receiver", "otlp"), ("transport", "http"))
    assert values["otelcol_receiver_failed_log_records_total", http] == 2


def test_prometheus_reads_every_kind_of_metric():
    """issue #4: correct HELP, TYPE, labels and buckets, by prometheus_client's own parser."""
    telemetry = a_day()
    for value in (0.005, 0.0051, 3, 99):
        telemetry.observe("http_server_request_duration", value, "/v1/logs", "200")
    families, values = parsed(prometheus_text(telemetry.read(process_samples())))
    assert families["stepscope_rows"].type == "counter"
    assert families["stepscope_waiting_rows"].type == "gauge"
    assert families["otelcol_process_memory_rss"].samples[0].value > 1e6
    assert "otelcol_process_uptime" in families
    seen = families["http_server_request_duration"]
    assert seen.type == "histogram"
    assert seen.documentation == METRICS[seen.name].meaning
    counts = {s.labels["le"]: s.value for s in seen.samples if s.name.endswith("_bucket")}
    assert list(counts)[-1] == "+Inf"
    assert (counts["0.005"], counts["0.01"], counts["2.5"], counts["5.0"]) == (1, 2, 2, 3)
    assert counts["+Inf"] == 4
    labels = (("http_response_status_code", "200"), ("http_route", "/v1/logs"))
    assert values["http_server_request_duration_count", labels] == 4
    total = values["http_server_request_duration_sum", labels]
    assert math.isclose(total, 102.0101)


@given(
    st.lists(
        st.tuples(st.text(), st.text(), st.floats(allow_nan=False) | st.integers(0, 2**63)),
        unique_by=lambda row: row[:2],
    )
)
def test_any_label_survives_the_text_format(rows):
    """Prometheus exposition format: backslash, quote and line feed are escaped in label values."""
    metric = Metric("some_total", "counter", "1", ("one", "two"), 'all "kinds"\\\nof text')
    reading = Reading(metric, [Sample((one, two), value) for one, two, value in rows])
    text = prometheus_text([reading])
    _, values = parsed(text)
    assert values == {
        ("some_total", (("one", one), ("two", two))): value for one, two, value in rows
    }


def test_labels_are_those_of_the_registry():
    """ours: a value under a wrong number of labels is a bug that must not pass."""
    telemetry = Telemetry()
    telemetry.add("stepscope_rows_total", 1, "traces")
    with pytest.raises(ValueError, match="shorter"):
        prometheus_text(telemetry.read())


def test_threads_lose_no_count():
    """ours: every method may be called from any thread."""
    telemetry = Telemetry()

    def count(_):
        for _ in range(500):
            telemetry.received("logs", "http")
            telemetry.refused("logs", "http", "overloaded", 2, 3)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(8)))
    found = telemetry.snapshot()
    assert found["rows"]["logs"]["refused"] == 12_000
    assert found["refused_requests"][0]["payload_bytes"] == 8_000


def test_times_are_told_in_short():
    """issue #4: latencies in `stepscope doctor`."""
    telemetry = a_day()
    for _ in range(98):
        telemetry.observe("rpc_server_call_duration", 0.004, "a/Export", "OK")
    telemetry.observe("rpc_server_call_duration", 0.06, "a/Export", "OK")
    telemetry.observe("rpc_server_call_duration", 99, "a/Export", "OK")
    found = {(row["what"], row["of"]): row for row in times_of(telemetry.read())}
    assert found["rpc_server_call_duration", "a/Export OK"] == {
        "what": "rpc_server_call_duration", "of": "a/Export OK", "count": 100,
        "mean_ns": 994_520_000, "p50_below_ns": 5_000_000, "p99_below_ns": 75_000_000,
    }  # fmt: skip
    assert found["commit_lag", "traces"]["p99_below_ns"] == 25_000_000
    telemetry.observe("stepscope_sql_duration_seconds", 1000, "ok")
    found = {(row["what"], row["of"]): row for row in times_of(telemetry.read())}
    assert found["sql_duration", "ok"]["p50_below_ns"] is None
    now = now_of(telemetry.read(process_samples()))
    assert now["memory_bytes"] > 1e6
    assert 0 <= now["last_commit_age_s"] < 60

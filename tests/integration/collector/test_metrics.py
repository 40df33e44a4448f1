"""/metrics of a running collector, as a Prometheus server would read it."""

import urllib.request

import grpc
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from stepscope_collector.cli.server import wait_for
from stepscope_collector.config.tree import OtlpConfig
from stepscope_collector.receive.grpc_servers import server_of
from tests.faults.load import METHODS
from tests.integration.collector.process import Collector
from tests.strategies.workflows import execution, request

pytestmark = pytest.mark.e2e


def scrape(collector):
    """(name, labels) → value."""
    with urllib.request.urlopen(f"http://{collector.endpoints.web}/metrics", timeout=30) as answer:
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        text = answer.read().decode()
    samples = [s for found in text_string_to_metric_families(text) for s in found.samples]
    return {(s.name, *sorted(s.labels.values())): s.value for s in samples}


def test_metrics_tell_what_came_in_over_both_transports(tmp_path):
    """issue #4, R112: accounting at /metrics, with the Collector's names."""
    payload = request([execution("runs", "E", end=None)]).SerializeToString()
    with Collector(tmp_path / "data") as collector:
        with grpc.insecure_channel(collector.endpoints.otlp_grpc) as channel:
            channel.unary_unary(METHODS["traces"])(payload, timeout=30)
            with pytest.raises(grpc.RpcError):
                channel.unary_unary(METHODS["logs"])(b"\xff", timeout=30)
        url = f"http://{collector.endpoints.otlp_http}/v1/traces"
        for media, status in (("application/x-protobuf", 200), ("text/plain", 415)):
            assert (
                httpx.post(url, content=payload, headers={"content-type": media}).status_code
                == status
            )
        found = scrape(collector)
        assert found["otelcol_receiver_accepted_spans_total", "grpc", "otlp"] == 1
        assert found["otelcol_receiver_accepted_spans_total", "http", "otlp"] == 1
        assert found["stepscope_rows_total", "stored", "traces"] == 1
        assert found["stepscope_rows_total", "duplicate", "traces"] == 1
        refused = ("http", "refused", "traces", "unsupported_media")
        assert found["stepscope_requests_total", *refused] == 1
        method = METHODS["traces"].lstrip("/")
        assert found["rpc_server_call_duration_count", "OK", method] == 1
        method = METHODS["logs"].lstrip("/")
        assert found["rpc_server_call_duration_count", "INVALID_ARGUMENT", method] == 1
        assert found["http_server_request_duration_count", "/v1/traces", "200"] == 1
        assert found["http_server_request_duration_count", "/v1/traces", "415"] == 1
        assert found["stepscope_open_executions",] == 1
        assert found["stepscope_inflight_bytes",] == 0
        assert found["stepscope_database_bytes",] + found["stepscope_wal_bytes",] > 0
        assert found["otelcol_process_memory_rss",] > 10_000_000
        assert 0 <= found["stepscope_last_commit_age_seconds",] < 60
        assert {name: value for name, value in found.items() if "uncounted" in name[0]} == {
            ("stepscope_uncounted_requests_total", "logs"): 1,
            ("stepscope_uncounted_requests_total", "traces"): 1,
        }
        doctor = collector.doctor()
        assert doctor["now"]["open_executions"] == 1
        assert {row["what"] for row in doctor["times"]} == {
            "decode_duration", "commit_duration", "commit_lag", "rpc_server_call_duration",
            "http_server_request_duration",
        }  # fmt: skip
        rows = doctor["ingest"]["rows"]["traces"]
        assert (rows["received"], rows["stored"], rows["duplicate"]) == (2, 1, 1)


@pytest.mark.parametrize("server", ["auto", "grpcio"])
def test_a_request_over_the_limit_of_grpc_is_counted(tmp_path, server):
    """issue #4: everything received is accounted for; grpcio's core refuses by itself and says nothing."""
    flags = {"limits_max_payload_bytes": "4KiB", "otlp_grpc_server": server}
    is_native = server_of(OtlpConfig(grpc_server=server)).server == "native"
    with Collector(tmp_path / "data", **flags) as collector:
        with grpc.insecure_channel(collector.endpoints.otlp_grpc) as channel:
            for _ in range(2):
                with pytest.raises(grpc.RpcError) as refused:
                    channel.unary_unary(METHODS["traces"])(b"\x0a\x00" * 5000, timeout=30)
                assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED

        def seen():
            counts = collector.doctor()["ingest"]["requests"].get("traces", {})
            return counts if counts.get("received") == 2 else None

        counts = wait_for(seen, 20)
        assert counts == {"received": 2, "accepted": 0, "refused": 2, "failed": 0, "waiting": 0}
        reason = ("grpc", "refused", "payload_too_large" if is_native else "incomplete", "traces")
        assert scrape(collector)["stepscope_requests_total", *sorted(reason)] == 2

"""Everything received goes on to other collectors, whatever they and we go through."""

import socket
import subprocess
import sys
import threading

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stepscope_collector.errors import Overloaded
from stepscope_collector.ingest import Receipt
from stepscope_collector.receive.responses import grpc_failure, success_body
from tests.certificates import Authority
from tests.faults.load import log_of
from tests.integration.collector.process import ANY_PORTS, Collector, stored
from tests.integration.collector.tees import (
    WAIT_S,
    as_json,
    drained,
    other,
    post,
    send,
    spans,
    tee,
    told,
    wait_until,
)
from tests.strategies.workflows import request, span
from tests.unit.collector.test_ingest import metric_request, with_bad_ids

pytestmark = pytest.mark.e2e


def test_two_others_hold_what_we_hold(tmp_path):
    """issue #4, R096: forward everything, unchanged, to one or more endpoints, over gRPC and HTTP."""
    with Collector(tmp_path / "b") as b, Collector(tmp_path / "c") as c:
        config = tmp_path / "stepscope.toml"
        config.write_text(
            f"""
            [tee]
            compression = "none"
            [[tee.to]]
            name = "grpc"
            endpoint = "http://{b.endpoints.otlp_grpc}"
            [[tee.to]]
            name = "http"
            endpoint = "http://{c.endpoints.otlp_http}/"
            protocol = "http"
            compression = "gzip"
            headers = {{ "x-tenant" = "t1" }}
            """
        )
        with Collector(tmp_path / "a", config=str(config)) as a:
            for n in range(10):
                send(a, "traces", spans(n).SerializeToString())
                post(a, "traces", as_json(spans(n + 100)), "application/json")
                send(a, "logs", log_of(0, n))
                post(a, "metrics", metric_request(n, n + 1))
            post(a, "logs", b'{"resource_logs":[{"scope_logs":[{"log_records":[{"body":'
                 b'{"stringValue":"snake"}}]}]}]}', "application/json")  # fmt: skip
            send(a, "traces", with_bad_ids(span("beside a bad one", scope="x")))
            send(a, "traces", b"")
            for name in ("grpc", "http"):
                row = drained(a, name)
                assert row["sent_rows"] == 20 * 4 + 10 + 20 + 1 + 1, row
                assert (row["dropped_rows"], row["rejected_rows"], row["lost_requests"]) == (
                    0,
                    1,
                    0,
                )
            a.may_mention = "endpoint of the tee has a remark"
            numbers = httpx.get(f"http://{a.endpoints.web}/metrics").text
            assert 'otelcol_exporter_sent_spans{exporter="otlp/grpc"} 81' in numbers
            assert 'otelcol_exporter_queue_size{exporter="otlp/http"} 0' in numbers
            assert (
                'stepscope_tee_rejected_rows_total{exporter="otlp/http",signal="traces"} 1'
                in numbers
            )
    expected = told(tmp_path / "a")
    assert [len(each) for each in expected] != [0, 0, 0]
    assert told(tmp_path / "b") == expected
    assert told(tmp_path / "c") == expected


def test_the_other_side_may_be_down_for_a_while(tmp_path):
    """issue #4: no effect on the answer when the other side is down; durable queue; retry."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    first = Collector(tmp_path / "a", tee_endpoint=f"http://127.0.0.1:{port}")
    for n in range(5):
        send(first, "traces", spans(n).SerializeToString())
        send(first, "logs", log_of(0, n))
    row = wait_until(lambda: tee(first), lambda row: row["state"] == "retrying")
    assert (row["queued_requests"], row["sent_requests"]) == (10, 0)
    assert "UNAVAILABLE" in row["last_error"]
    first.kill()
    with Collector(tmp_path / "a", tee_endpoint=f"http://127.0.0.1:{port}") as again:
        again.may_mention = "endpoint of the tee does not take requests now"
        assert tee(again)["queued_requests"] == 10
        send(again, "traces", spans(9).SerializeToString())
        with Collector(tmp_path / "b", otlp_grpc=f"127.0.0.1:{port}"):
            row = drained(again)
        assert (row["sent_requests"], row["sent_rows"]) == (11, 29)
        assert row["last_error"].startswith("UNAVAILABLE")
        assert row["state"] in {"sending", "idle"}
    assert told(tmp_path / "b") == told(tmp_path / "a")


def test_a_kill_in_between_loses_nothing_for_the_other_side(tmp_path):
    """issue #4: at least once, in order, over kill -9 of us."""
    with Collector(tmp_path / "b") as b:
        endpoint = f"http://{b.endpoints.otlp_grpc}"
        sent = 0
        for _ in range(3):
            a = Collector(tmp_path / "a", tee_endpoint=endpoint, tee_max_batch_bytes="2KiB")
            for _ in range(12):
                send(a, "traces", spans(sent).SerializeToString())
                sent += 1
            a.kill()
        with Collector(tmp_path / "a", tee_endpoint=endpoint) as a:
            send(a, "traces", spans(sent).SerializeToString())
            drained(a)
    assert told(tmp_path / "b") == told(tmp_path / "a")


def test_what_is_refused_for_good_is_dropped_and_counted_alone(tmp_path):
    """issue #4: permanent errors are counted, dropped and not retried for ever."""
    large = request([span("x" * 5000, scope="x")]).SerializeToString()
    with Collector(tmp_path / "b", limits_max_payload_bytes="4KiB") as b:
        config = tmp_path / "stepscope.toml"
        config.write_text(
            f"""
            [[tee.to]]
            name = "small"
            endpoint = "http://{b.endpoints.otlp_http}"
            protocol = "http"
            [[tee.to]]
            name = "wrong port"
            endpoint = "http://{b.endpoints.web}"
            protocol = "http"
            signals = ["traces"]
            """
        )
        with Collector(tmp_path / "a", config=str(config)) as a:
            a.may_mention = "endpoint of the tee refused rows for good, dropped"
            for n in range(3):
                send(a, "traces", spans(n).SerializeToString())
            send(a, "traces", large)
            send(a, "traces", spans(3).SerializeToString())
            send(a, "logs", log_of(0, 0))
            row = drained(a, "small")
            assert (row["sent_rows"], row["dropped_rows"]) == (17, 1)
            assert "http_413" in row["last_error"]
            row = drained(a, "wrong port")
            assert (row["sent_rows"], row["dropped_rows"]) == (0, 17)
            assert "http_404" in row["last_error"]
    with stored(tmp_path / "b") as connection:
        assert connection.execute("select count(*) from stored.spans").fetchone() == (16,)


def test_a_slow_endpoint_holds_up_nobody(tmp_path):
    """issue #4: no effect on the answer; what waits is joined to few requests, in order."""
    go_on = threading.Event()

    def slow(_payload, _context):
        go_on.wait(WAIT_S)
        return b""

    try:
        with (
            other(slow) as (endpoint, taken),
            Collector(
                tmp_path / "a", tee_endpoint=endpoint, tee_headers="authorization=Bearer%20t"
            ) as a,
        ):
            for n in range(8):
                send(a, "traces", spans(n).SerializeToString())
            row = wait_until(lambda: tee(a), lambda row: row["state"] == "sending")
            assert row["queued_requests"] == 8
            go_on.set()
            assert drained(a)["sent_rows"] == 32
    finally:
        go_on.set()
    sizes = [
        len(ExportTraceServiceRequest.FromString(payload).resource_spans) for payload, _ in taken
    ]
    assert sum(sizes) == 8
    assert len(sizes) < 8
    assert b"".join(payload for payload, _ in taken) == b"".join(
        spans(n).SerializeToString() for n in range(8)
    )
    assert {metadata["authorization"] for _, metadata in taken} == {"Bearer t"}


def test_the_endpoint_says_when_to_come_again(tmp_path):
    """OTLP: RetryInfo; partial_success is recorded."""
    answers = iter(["later", "partial"])

    def answer(_payload, context):
        if next(answers) == "later":
            code, message, details = grpc_failure(Overloaded("try later"))
            context.set_trailing_metadata((("grpc-status-details-bin", details),))
            context.abort(grpc.StatusCode[code], message)
        return success_body("traces", "protobuf", Receipt(3, 1, "one was bad"))

    with (
        other(answer) as (endpoint, taken),
        Collector(tmp_path / "a", tee_endpoint=endpoint) as a,
    ):
        a.may_mention = "endpoint of the tee"
        send(a, "traces", spans(0).SerializeToString())
        row = drained(a)
        assert (row["sent_rows"], row["rejected_rows"]) == (3, 1)
        assert row["last_error"] == "partial_success: one was bad"
    assert len(taken) == 2
    assert taken[0][0] == taken[1][0]


def test_two_that_send_to_each_other_store_everything_once(tmp_path):
    """issue #4: loops through a tee."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    with Collector(tmp_path / "a", tee_endpoint=f"http://127.0.0.1:{port}") as a:
        a.may_mention = "endpoint of the tee does not take requests now"
        with Collector(
            tmp_path / "b",
            otlp_grpc=f"127.0.0.1:{port}",
            tee_endpoint=f"http://{a.endpoints.otlp_http}",
            tee_protocol="http",
        ) as b:
            for n in range(3):
                send(a, "logs", log_of(0, n))
                send(b, "logs", log_of(1, n))
                send(a, "traces", spans(n).SerializeToString())
            drained(a)
            drained(b)
            # what b took from a came back, and went no further
            looped = wait_until(
                lambda: httpx.get(f"http://{a.endpoints.web}/metrics").text,
                lambda text: "stepscope_tee_looped_requests_total" in text,
            )
            drained(a)
            assert a.doctor()["ingest"]["rows"]["logs"]["stored"] == 6
            assert b.doctor()["ingest"]["rows"]["logs"]["stored"] == 6
            assert "stepscope_tee_looped_requests_total" in looped
    assert told(tmp_path / "a") == told(tmp_path / "b")


@pytest.mark.parametrize("flag", ["--tee-endpoint", "--telemetry-endpoint"])
def test_nothing_is_sent_to_this_collector_itself(tmp_path, flag):
    """issue #4: never to itself by accident, also under another name of this machine."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    ports = {**ANY_PORTS, "--otlp-grpc": f"127.0.0.1:{port}"}
    command = [sys.executable, "-m", "stepscope_collector", "serve", "--data", str(tmp_path / "a")]
    ended = subprocess.run(
        [*command, *(word for pair in ports.items() for word in pair), flag, f"http://localhost:{port}"],
        capture_output=True, text=True, timeout=WAIT_S,
    )  # fmt: skip
    assert ended.returncode == 2
    assert f"endpoint http://localhost:{port} of" in ended.stderr
    assert "is this collector itself" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_other_side_may_ask_for_a_token_over_tls(tmp_path):
    """issue #4: headers and TLS, with a collector of ours that lets only known ones in."""
    authority = Authority(tmp_path)
    server = authority.sign("server")
    cli = [sys.executable, "-m", "stepscope_collector"]
    made = subprocess.run(
        [*cli, "token", "create", "--name", "tee", "--scope", "ingest", "--data", str(tmp_path / "b")],
        capture_output=True, text=True, timeout=WAIT_S, check=True,
    )  # fmt: skip
    token = made.stdout.split()[-1]
    with Collector(tmp_path / "b", tls_cert=str(server.certificate), tls_key=str(server.key)) as b:
        config = tmp_path / "stepscope.toml"
        config.write_text(
            f"""
            [tee]
            endpoint = "https://{b.endpoints.otlp_grpc}"
            ca_file = "{authority.certificate.name}"
            headers = {{ authorization = "Bearer {token}" }}
            [[tee.to]]
            name = "unknown"
            headers = {{ authorization = "Bearer wrong" }}
            endpoint = "https://{b.endpoints.otlp_http}"
            protocol = "http"
            """
        )
        with Collector(tmp_path / "a", config=str(config)) as a:
            a.may_mention = "refused rows for good"
            send(a, "traces", spans(0).SerializeToString())
            assert drained(a)["sent_rows"] == 4
            row = drained(a, "unknown")
            assert (row["sent_rows"], row["dropped_rows"]) == (0, 4)
            assert row["last_error"].startswith("http_401")
    assert told(tmp_path / "a")[0].keys() == told(tmp_path / "b")[0].keys()


def test_own_metrics_are_sent_to_another_collector(tmp_path):
    """R112: issue #4: the collector can export its own telemetry by OTLP."""
    with Collector(tmp_path / "b") as b:
        with Collector(
            tmp_path / "a",
            telemetry_endpoint=f"http://{b.endpoints.otlp_grpc}",
            telemetry_interval_s="1h",
            telemetry_logs="true",
            sql_slow_s="0.000001",
        ) as a:
            a.may_mention = "slow statement"
            send(a, "traces", spans(0).SerializeToString())
            question = {"sql": "select 42 as answer", "params": {}}
            assert httpx.post(f"http://{a.endpoints.web}/api/sql", json=question).status_code == 200
        # one more export at the end of a
    with stored(tmp_path / "b") as connection:
        rows = connection.execute(
            "select m.value_int, m.attributes['outcome'], r.service_name from stored.metric_points m "
            "join stored.resources r using (resource_id) where m.name = 'stepscope_rows_total'"
        ).fetchall()
        lines = connection.execute(
            "select body, severity_text, attributes['sql'] from stored.log_records"
        ).fetchall()
    assert rows == [(4, "stored", "stepscope-collector")]
    assert ("slow statement", "WARNING", "select 42 as answer") in lines

"""OTLP/HTTP: what the app does with what the ingest says. Rows of the checklist: tests/conformance."""

import gzip
import json
import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPResponse
from typing import Any

import httpx
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

from stepscope_collector.errors import Overloaded, StoreUnavailable
from tests.unit.collector.receive.conftest import Desk, Receipt

_JSON = {"Content-Type": "application/json"}
_PROTOBUF = {"Content-Type": "application/x-protobuf"}


def test_the_answer_comes_after_the_commit(desk: Desk, http: httpx.Client) -> None:
    """OTLP: C22."""
    desk.is_holding = True
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(http.post, "/v1/traces", content=b"{}", headers=_JSON)
        assert desk.arrived.acquire(timeout=10)
        assert not answer.done()
        desk.held[0].set_result(Receipt())
        assert answer.result(10).status_code == 200


@pytest.mark.parametrize("error", [Overloaded("full"), StoreUnavailable("disk is full")])
@pytest.mark.parametrize("where", ["refusal", "failure"])
def test_what_is_temporary_is_503_with_a_hint(
    desk: Desk, http: httpx.Client, error: Exception, where: str
) -> None:
    """OTLP: H16, H17, before the request is queued and when its commit fails."""
    setattr(desk, where, error)
    answer = http.post("/v1/traces", content=b"", headers=_PROTOBUF)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["Content-Type"] == "application/x-protobuf"
    assert Status.FromString(answer.content).message == str(error)


@pytest.mark.parametrize("where", ["refusal", "failure"])
def test_a_bug_of_ours_is_logged_once_and_tells_the_client_nothing(
    desk: Desk, http: httpx.Client, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    """ours: no traceback at users, and one in the log."""
    setattr(desk, where, ZeroDivisionError("secret"))
    with caplog.at_level(logging.DEBUG):
        answer = http.post("/v1/logs", content=b"{}", headers=_JSON)
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["code"] == 13
    assert [r.exc_info is not None for r in caplog.records if r.levelno >= logging.WARNING] == [
        True
    ]


def test_a_request_is_handed_on_with_its_sender(desk: Desk, http: httpx.Client) -> None:
    """ours: the table of rejections names the sender."""
    http.post("/v1/metrics", content=b"{}", headers=_JSON)
    assert desk.taken[0].signal == "metrics"
    assert desk.taken[0].sender == f"127.0.0.1 (python-httpx/{httpx.__version__})"


def test_a_partial_success_is_passed_on(desk: Desk, http: httpx.Client) -> None:
    """OTLP: C5, H10."""
    desk.receipt = Receipt(1, 2, "why")
    answer = http.post("/v1/logs", content=b"{}", headers=_JSON)
    assert answer.json() == {"partialSuccess": {"rejectedLogRecords": "2", "errorMessage": "why"}}


def test_paths_can_be_chosen(desk: Desk, serve_http: Callable[..., str]) -> None:
    """OTLP: C21."""
    address = serve_http(paths={"/otlp/spans": "traces"})
    assert httpx.post(f"http://{address}/otlp/spans", json={}).status_code == 200
    assert httpx.post(f"http://{address}/v1/traces", json={}).status_code == 404
    assert desk.taken[0].signal == "traces"


def _send(address: str, raw: bytes) -> socket.socket:
    host, _, port = address.rpartition(":")
    connection = socket.create_connection((host, int(port)), timeout=10)
    connection.sendall(raw)
    return connection


def _status(connection: socket.socket) -> int:
    """Status of the next answer, which is read to its end."""
    answer = HTTPResponse(connection)
    answer.begin()
    answer.read()
    answer.close()
    return answer.status


def test_a_client_that_goes_away_while_sending_leaves_nothing_behind(
    desk: Desk, serve_http: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    """OTLP: H28, half a request is no request."""
    address = serve_http()
    with caplog.at_level(logging.INFO):
        head = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        with _send(address, head + b"Content-Length: 100\r\n\r\n{"):
            pass
        assert httpx.post(f"http://{address}/v1/logs", json={}).status_code == 200
    assert [taken.signal for taken in desk.taken] == ["logs"]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_client_that_goes_away_before_the_answer_does_no_harm(
    desk: Desk, serve_http: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    """OTLP: H28, C9: the request is committed, and the next one is served."""
    address = serve_http()
    desk.is_holding = True
    head = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with _send(address, head + b"Content-Length: 2\r\n\r\n{}"):
        assert desk.arrived.acquire(timeout=10)
    desk.is_holding = False
    with caplog.at_level(logging.INFO):
        desk.held[0].set_result(Receipt())
        assert httpx.post(f"http://{address}/v1/logs", json={}).status_code == 200
    assert not desk.held[0].cancelled()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_many_requests_wait_for_their_commit_at_one_time(
    desk: Desk, serve_http: Callable[..., str]
) -> None:
    """OTLP: G13 for HTTP; waiting holds no thread."""
    address = serve_http(decode_threads=1)
    desk.is_holding = True
    with ThreadPoolExecutor(20) as pool, httpx.Client(timeout=20) as client:
        url = f"http://{address}/v1/traces"
        answers = [pool.submit(client.post, url, json={}) for _ in range(20)]
        for _ in answers:
            assert desk.arrived.acquire(timeout=10)
        for held in desk.held:
            held.set_result(Receipt())
        assert {answer.result(10).status_code for answer in answers} == {200}


def test_decoding_one_request_does_not_hold_up_the_refusal_of_another(
    desk: Desk, serve_http: Callable[..., str]
) -> None:
    """ours: the event loop stays free while threads decode."""
    address = serve_http(decode_threads=1)
    is_decoding, go_on = threading.Event(), threading.Event()
    submit = desk.submit

    def slow(*arguments: object, **_: object) -> object:
        is_decoding.set()
        assert go_on.wait(10)
        return submit(*arguments)  # type: ignore[arg-type]  # passed through

    desk.submit = slow  # type: ignore[method-assign,assignment]  # one call is made slow
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(httpx.post, f"http://{address}/v1/traces", json={})
        assert is_decoding.wait(10)
        assert httpx.get(f"http://{address}/v1/traces").status_code == 405
        go_on.set()
        assert first.result(10).status_code == 200


def test_a_refused_body_is_read_off_so_that_the_connection_lives(
    desk: Desk, serve_http: Callable[..., str]
) -> None:
    """OTLP: H14, the client sees 413 and not a broken pipe, and goes on."""
    address = serve_http()
    head = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with _send(address, head + b"Content-Length: 3000000\r\n\r\n") as connection:
        assert _status(connection) == 413
        connection.sendall(b"x" * 3_000_000 + head + b"Content-Length: 2\r\n\r\n{}")
        assert _status(connection) == 200
    assert len(desk.taken) == 1


def test_an_answer_to_an_unknown_path_is_in_the_encoding_of_the_request(http: httpx.Client) -> None:
    """OTLP: H11."""
    assert Status.FromString(http.post("/v1/x", headers=_PROTOBUF).content).code == 5
    assert json.loads(http.post("/v1/x").content)["code"] == 5


def test_the_stock_exporter_sends_again_after_the_hint(
    desk: Desk, serve_http: Callable[..., str]
) -> None:
    """OTLP: H16, G10: the hint is short enough for the time a stock exporter gives a request."""
    submit = desk.submit

    def refuse_first(*arguments: Any, **_: Any) -> Any:
        desk.submit = submit  # type: ignore[method-assign]  # one call is refused
        raise Overloaded("full")

    desk.submit = refuse_first  # type: ignore[method-assign]  # one call is refused
    exporter = OTLPSpanExporter(endpoint=f"http://{serve_http()}/v1/traces")
    provider = TracerProvider(shutdown_on_exit=False)
    span = provider.get_tracer("t").start_span("n")
    span.end()
    assert exporter.export([span]) is SpanExportResult.SUCCESS  # type: ignore[list-item]  # an SDK span
    assert len(desk.taken) == 1
    exporter.shutdown()


@pytest.mark.parametrize(
    ("body", "headers", "code", "size"),
    [
        (b"x" * 2_000_000, _JSON, "payload_too_large", 2_000_000),
        (b"not gzip", {**_JSON, "Content-Encoding": "gzip"}, "payload_undecodable", 8),
        (b"{}", {**_JSON, "Content-Encoding": "br"}, "unsupported_media", 2),
        (b"{}", {"Content-Type": "text/plain"}, "unsupported_media", 2),
    ],
)
def test_what_is_refused_before_decoding_is_noted(
    desk: Desk, http: httpx.Client, body: bytes, headers: dict[str, str], code: str, size: int
) -> None:
    """ours: nothing is refused without being counted and recorded."""
    assert http.post("/v1/logs", content=body, headers=headers).is_client_error
    assert desk.noted == [("logs", code, size, f"127.0.0.1 (python-httpx/{httpx.__version__})")]


def test_a_chunked_body_over_the_limit_is_noted(desk: Desk, http: httpx.Client) -> None:
    """ours: as above; nobody knows how long it would have been."""
    pieces = iter([b"x" * 600_000] * 3)
    assert http.post("/v1/traces", content=pieces, headers=_JSON).status_code == 413
    assert desk.noted == [
        ("traces", "payload_too_large", 0, f"127.0.0.1 (python-httpx/{httpx.__version__})")
    ]


def test_an_absurd_length_is_noted_as_unknown(desk: Desk, serve_http: Callable[..., str]) -> None:
    """ours: as above; the number would fit no column."""
    head = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with _send(serve_http(), head + b"Content-Length: 999999999999999999\r\n\r\n") as connection:
        assert _status(connection) == 413
    assert desk.noted == [("traces", "payload_too_large", 0, "127.0.0.1")]


@pytest.mark.parametrize(
    ("size", "is_busy", "headers", "is_in_loop"),
    [
        (100, False, _PROTOBUF, True),
        (17_000, False, _PROTOBUF, False),
        (100, True, _PROTOBUF, False),
        (100, False, _PROTOBUF | {"Content-Encoding": "gzip"}, False),
        (100, False, _JSON, False),
    ],
)
def test_only_what_is_quickly_decoded_is_decoded_in_the_event_loop(
    desk: Desk,
    serve_http: Callable[..., str],
    size: int,
    is_busy: bool,
    headers: dict[str, str],
    is_in_loop: bool,
) -> None:
    """issue #6: a thread costs a small request more than its decoding; whoever else asks must not wait."""
    desk.is_busy = is_busy
    submit, threads = desk.submit, []

    def noted(*arguments: Any, **more: Any) -> Any:
        threads.append(threading.current_thread().name)
        return submit(*arguments, **more)

    desk.submit = noted  # type: ignore[method-assign]  # who calls it
    message = ExportTraceServiceRequest(resource_spans=[{"schema_url": "x" * size}])
    content = message.SerializeToString()
    if headers is _JSON:
        content = b'{"resourceSpans":[{"schemaUrl":"x"}]}'
    elif "Content-Encoding" in headers:
        content = gzip.compress(content)
    answer = httpx.post(
        f"http://{serve_http()}/v1/traces", content=content, headers=headers, timeout=20
    )
    assert answer.status_code == 200
    assert [name.startswith("otlp-http") for name in threads] == [not is_in_loop]

"""Limits that are set: on time, connections, quotas, items; and what may be set for browsers."""

import re
import resource
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.rpc.error_details_pb2 import RetryInfo

from stepscope_collector.cli.server import wait_for
from tests.conformance.client import (
    PROTOBUF,
    TRANSPORTS,
    Endpoint,
    Transport,
    an_id,
    method,
    spans,
)
from tests.conformance.conftest import Service
from tests.conformance.probe.wire import head

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

pytestmark = pytest.mark.e2e

Start = Callable[..., Service]
_WAIT_S = 30


def _one(name: str = "one") -> tuple[bytes, bytes]:
    """A trace id, and a request with a span of it."""
    trace_id = an_id()
    return trace_id, spans(trace_id, name).SerializeToString()


def _read_to_end(connection: socket.socket) -> bytes:
    connection.settimeout(_WAIT_S)
    with connection.makefile("rb") as stream:
        return stream.read()


def test_slow_heads_and_bodies_are_closed_and_others_go_on(start: Start) -> None:
    """OTLP: H24: 408 after the time for the head, and for each part of the body."""
    endpoint = start("--limits-http-read-timeout-s", "1").endpoint()
    whole = head("Content-Length: 1000")
    with (
        endpoint.connect(b"") as silent,
        endpoint.connect(whole[:20]) as in_head,
        endpoint.connect(whole + b"x") as in_body,
        endpoint.connect(whole + b"x") as dribbling,
    ):
        is_done = threading.Event()

        def dribble() -> None:
            while not is_done.wait(0.1):
                try:
                    dribbling.sendall(b"x")
                except OSError:
                    return

        thread = threading.Thread(target=dribble, daemon=True)
        thread.start()
        trace_id, body = _one()
        assert endpoint.post("/v1/traces", body, PROTOBUF).code == "200"
        for connection in (silent, in_head, in_body, dribbling):
            assert _read_to_end(connection).startswith(b"HTTP/1.1 408 ")
        is_done.set()
        thread.join()
    assert endpoint.stored(trace_id) == [["one"]]
    # a connection between requests is not one that dribbles
    with httpx.Client(base_url=f"http://{endpoint.http}") as client:
        for _ in range(3):
            assert client.post("/v1/traces", content=body, headers=PROTOBUF).status_code == 200
            threading.Event().wait(0.6)


def test_a_slow_body_that_comes_is_taken(start: Start) -> None:
    """OTLP: H24: time is for each part, not for the whole."""
    endpoint = start("--limits-http-read-timeout-s", "1").endpoint()
    trace_id, body = _one("n" * 300_000)
    with endpoint.connect(head(f"Content-Length: {len(body)}", "Connection: close")) as connection:
        for at in range(0, len(body), 70_000):
            connection.sendall(body[at : at + 70_000])
            threading.Event().wait(0.4)
        assert _read_to_end(connection).startswith(b"HTTP/1.1 200 ")
    assert len(endpoint.stored(trace_id)) == 1


def test_connections_over_the_limit_are_closed(start: Start) -> None:
    """issue #4: connections; those that are there go on."""
    endpoint = start("--limits-http-max-connections", "2").endpoint()
    _, body = _one()
    with httpx.Client(base_url=f"http://{endpoint.http}") as client:
        assert client.post("/v1/traces", content=body, headers=PROTOBUF).status_code == 200
        with endpoint.connect(head("Content-Length: 1")), endpoint.connect(b"") as third:
            with suppress(ConnectionResetError):
                assert _read_to_end(third) == b""
        assert client.post("/v1/traces", content=body, headers=PROTOBUF).status_code == 200


def test_grpc_calls_that_send_no_message_shut_out_nobody(start: Start) -> None:
    """issue #4: slow bodies, over gRPC: twice as many silent calls as there are threads."""
    flags = ("--limits-grpc-workers", "4", "--limits-http-read-timeout-s", "1")
    endpoint = start(*flags).endpoint()
    is_done = threading.Event()

    def never() -> Iterator[bytes]:
        is_done.wait(_WAIT_S)
        yield b""

    with endpoint.channel() as channel:
        silent: list[Any] = [
            channel.stream_unary(method("traces")).future(never(), timeout=_WAIT_S)
            for _ in range(8)
        ]
        trace_id = an_id()
        assert endpoint.send("grpc", "traces", spans(trace_id, "one")).is_success
        assert {call.exception(_WAIT_S).code().name for call in silent} == {"CANCELLED"}
        is_done.set()
    assert endpoint.stored(trace_id) == [["one"]]
    counted = httpx.get(f"http://{endpoint.web}/metrics", timeout=50).text
    labels = 'signal="traces",transport="grpc",outcome="refused",reason="incomplete"'
    assert f"stepscope_requests_total{{{labels}}} 8" in counted


def test_a_grpc_call_without_a_message_is_bad_data(endpoint: Endpoint) -> None:
    """OTLP: G8, G9: a client that sends nothing gains nothing by doing it again."""
    with endpoint.channel() as channel:
        call: Any = channel.stream_unary(method("traces")).future(iter(()), timeout=_WAIT_S)
        assert call.exception(_WAIT_S).code().name == "INVALID_ARGUMENT"


def _grpc_socket(endpoint: Endpoint) -> socket.socket:
    host, _, port = endpoint.grpc.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=_WAIT_S)


def test_grpc_connections_are_limited_and_those_that_say_nothing_closed(start: Start) -> None:
    """issue #4: connections, slow heads: over gRPC, too; the client that is there goes on."""
    flags = ("--limits-grpc-max-connections", "2", "--limits-http-read-timeout-s", "1")
    endpoint = start(*flags).endpoint()
    _, body = _one()
    with endpoint.channel() as channel:
        export = channel.unary_unary(method("traces"))
        assert export(body, timeout=_WAIT_S) == b""
        with _grpc_socket(endpoint) as second, _grpc_socket(endpoint) as third:
            with suppress(ConnectionResetError):
                assert third.recv(1) == b""
            assert export(body, timeout=_WAIT_S) == b""
            while second.recv(4096):  # our settings, then the end
                pass
        assert export(body, timeout=_WAIT_S) == b""
    assert endpoint.send("grpc", "traces", body).is_success


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's /proc")
def test_it_takes_all_open_files_it_may_have(tmp_path: Path) -> None:
    """issue #4: connections: a shell allows 1024 files where the system allows many more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        service = Service(tmp_path / "data")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    limits = Path(f"/proc/{service.endpoint().pid}/limits").read_text(encoding="ascii")
    assert service.stop() == 0
    found = re.search(r"^Max open files +(\d+)", limits, re.MULTILINE)
    assert found is not None
    assert int(found[1]) == min(hard, 65_536)


@pytest.mark.parametrize("over", TRANSPORTS)
def test_a_sender_over_its_quota_is_told_when_to_come_again(start: Start, over: Transport) -> None:
    """OTLP: G7: RESOURCE_EXHAUSTED with RetryInfo, 429 with Retry-After; nothing is lost."""
    endpoint = start("--limits-sender-bytes-per-s", "1000").endpoint()
    sent = []
    for _ in range(50):
        trace_id = an_id()
        answer = endpoint.send(over, "traces", spans(trace_id, "n" * 5_000))
        if not answer.is_success:
            break
        sent.append(trace_id)
    assert 1 <= len(sent) < 50
    assert answer.code == ("RESOURCE_EXHAUSTED" if over == "grpc" else "429")
    if over == "grpc":
        retry = RetryInfo()
        assert answer.status.details[0].Unpack(retry)
        assert 1 <= retry.retry_delay.seconds <= 2
    else:
        assert 1 <= int(answer.headers["retry-after"]) <= 2
    assert "limits.sender_bytes_per_s=1000" in answer.status.message
    assert endpoint.sql("select count(*) from spans") == [[len(sent)]]
    doctor = httpx.get(f"http://{endpoint.web}/metrics", timeout=50).text
    assert "quota_exceeded" in doctor


def test_other_paths_are_taken_where_they_are_set(start: Start) -> None:
    """OTLP: C21."""
    endpoint = start("--otlp-http-traces-path", "/in/spans/").endpoint()
    trace_id, body = _one()
    assert endpoint.post("/in/spans", body, PROTOBUF).code == "200"
    assert endpoint.post("/in/spans/", body, PROTOBUF).code == "200"
    refused = endpoint.post("/v1/traces", body, PROTOBUF)
    assert refused.code == "404"
    assert "/in/spans, /v1/logs, /v1/metrics" in refused.status.message
    assert endpoint.stored(trace_id) == [["one"]]


def test_pages_of_allowed_origins_may_send(start: Start) -> None:
    """OTLP: H25: 204 to a preflight, the origin in answers, nothing for others; without a token."""
    origins = "https://app.example.com,https://*.trusted.example"
    endpoint = start("--otlp-http-cors-origins", origins).endpoint()
    url = f"http://{endpoint.http}/v1/traces"
    asked = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,authorization",
    }
    for origin in ("https://app.example.com", "https://a.b.trusted.example"):
        preflight = httpx.options(url, headers={"origin": origin, **asked})
        assert (preflight.status_code, preflight.content) == (204, b"")
        said = preflight.headers
        assert said["access-control-allow-origin"] == origin
        assert "POST" in said["access-control-allow-methods"]
        assert "authorization" in said["access-control-allow-headers"]
        assert int(said["access-control-max-age"]) == 7200
        assert "access-control-allow-credentials" not in said
        answer = httpx.post(
            url, content=b"{}", headers={"origin": origin, "content-type": "application/json"}
        )
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, origin)
    for origin in (
        "https://app.example.com.evil.example",
        "http://app.example.com",
        "https://trusted.example",
        "https://evil.example/.trusted.example",
    ):
        for answer in (
            httpx.options(url, headers={"origin": origin, **asked}),
            httpx.post(url, content=b"{}", headers={"origin": origin, **PROTOBUF}),
        ):
            assert not [n for n in answer.headers if n.lower().startswith("access-control-allow")]


@pytest.mark.parametrize("over", TRANSPORTS)
def test_requests_of_too_many_items_are_refused_and_spans_of_too_many_attributes_rejected(
    start: Start, over: Transport
) -> None:
    """issue #4: limits for attributes per span, spans per request."""
    endpoint = start("--limits-max-items", "3", "--limits-max-attributes", "5").endpoint()
    trace_id = an_id()
    request = spans(trace_id, "a", "b", "c")
    wide = request.resource_spans[0].scope_spans[0].spans[1]
    for number in range(6):
        wide.attributes.add(key=f"k{number}").value.int_value = number
    assert endpoint.send(over, "traces", request).is_success
    assert endpoint.stored(trace_id) == [["a"], ["c"]]
    refused = endpoint.send(over, "traces", spans(an_id(), "a", "b", "c", "d"))
    assert refused.is_too_large
    assert "limits.max_items=3" in refused.status.message
    assert not any(each.Is(RetryInfo.DESCRIPTOR) for each in refused.status.details)

    def noted() -> list[list[str]] | None:  # the answer does not wait for the note
        found = endpoint.sql("select reason from stored.rejections order by all")
        return found if len(found) > 1 else None

    assert wait_for(noted, _WAIT_S) == [["payload_too_large"], ["too_many_attributes"]]


def test_zstd_is_a_content_encoding(endpoint: Endpoint) -> None:
    """OTLP: H21, C2."""
    trace_id, body = _one("packed")
    packed = {**PROTOBUF, "Content-Encoding": "zstd"}
    assert endpoint.post("/v1/traces", zstd.compress(body), packed).code == "200"
    assert endpoint.stored(trace_id) == [["packed"]]
    bomb = endpoint.post("/v1/traces", zstd.compress(bytes(100 << 20)), packed)
    assert bomb.code == "413"

"""Rows G: OTLP/gRPC."""

import gzip
import os
import signal
import socket
import struct
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest

from stepscope_collector.config import Settings
from tests.conformance.client import (
    SIGNALS,
    Endpoint,
    Signal,
    an_id,
    method,
    requests,
    spans,
    traces,
)
from tests.conformance.conftest import Service

pytestmark = pytest.mark.e2e

_MIB = 1 << 20


def _padding(size: int) -> bytes:
    """A request of `size` bytes, all of it one unknown field: cheap to decode, nothing to store."""
    head = b"\xc2\x3e"  # field 1000, length-delimited
    length = size - len(head) - 4
    encoded = bytes(
        [length & 0x7F | 0x80, length >> 7 & 0x7F | 0x80, length >> 14 & 0x7F | 0x80, length >> 21]
    )
    return head + encoded + bytes(length)


@pytest.mark.parametrize("kind", SIGNALS)
def test_the_three_export_methods_answer(endpoint: Endpoint, kind: Signal) -> None:
    """OTLP: G1."""
    with grpc.insecure_channel(endpoint.grpc) as channel:
        assert (
            channel.unary_unary(method(kind))(requests(kind, "g1").SerializeToString(), timeout=20)
            == b""
        )


def test_the_default_port_is_4317() -> None:
    """OTLP: G1."""
    assert Settings().otlp.grpc == "127.0.0.1:4317"


@pytest.mark.parametrize("is_compressed", [False, True])
def test_a_request_over_the_limit_is_refused_for_good(
    start: Callable[..., Service], is_compressed: bool
) -> None:
    """OTLP: G2, before and after decompression, and never with RetryInfo; the limit is configurable."""
    endpoint = start("--limits-max-payload-bytes", "1MiB").endpoint()
    assert endpoint.send("grpc", "traces", _padding(_MIB), is_compressed=is_compressed).is_success
    answer = endpoint.send("grpc", "traces", _padding(_MIB + 1), is_compressed=is_compressed)
    assert answer.code == "RESOURCE_EXHAUSTED"
    assert list(answer.status.details) == []


def test_the_default_limit_is_64_mib(endpoint: Endpoint) -> None:
    """OTLP: G3."""
    assert endpoint.send("grpc", "traces", _padding(64 * _MIB)).is_success
    assert endpoint.send("grpc", "traces", _padding(64 * _MIB + 1)).code == "RESOURCE_EXHAUSTED"


def _memory(pid: int, name: str) -> int:
    """Bytes of VmRSS (now) or VmHWM (highest) of a process."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(name)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("transport", ["grpc", "http-protobuf"])
def test_a_bomb_does_not_grow_memory_beyond_the_limit(
    start: Callable[..., Service], transport: str
) -> None:
    """OTLP: G4, H13: 200 KiB that unpack to 200 MiB, four times at once, with a limit of 8 MiB."""
    endpoint = start("--limits-max-payload-bytes", "8MiB").endpoint()
    endpoint.send("grpc", "traces", b"")
    before = _memory(endpoint.pid, "VmRSS")
    Path(f"/proc/{endpoint.pid}/clear_refs").write_text("5", encoding="ascii")  # forget the highest
    bomb = bytes(200 * _MIB)

    def send(_: int) -> bool:
        if transport == "grpc":
            return endpoint.send("grpc", "traces", bomb, is_compressed=True).is_too_large
        headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
        return endpoint.post("/v1/traces", gzip.compress(bomb, 1), headers).is_too_large

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(send, range(4))) == [True] * 4
    assert _memory(endpoint.pid, "VmHWM") - before < 64 * _MIB


@pytest.mark.parametrize("transport", ["grpc", "http-protobuf", "http-json"])
def test_an_answer_with_very_many_reasons_stays_small(endpoint: Endpoint, transport: str) -> None:
    """OTLP: G5, H15: the message is bounded, the count is right."""
    bad = [
        {"trace_id": os.urandom(n % 15), "span_id": b"x" * (n % 8), "name": f"{n}"}
        for n in range(20_000)
    ]
    answer = endpoint.send(transport, "traces", traces(*bad))  # type: ignore[arg-type]  # a parameter
    assert (answer.is_success, answer.rejected) == (True, 20_000)
    assert answer.message != ""
    assert len(answer.body) <= 4 * _MIB


@pytest.mark.parametrize("payload", [b"\xff\xff", b"\x0a\x05abc", b"{}", os.urandom(50) + b"\xff"])
def test_undecodable_bytes_are_an_invalid_argument(
    endpoint: Endpoint, service: Service, payload: bytes
) -> None:
    """OTLP: G8, G9: with a BadRequest, never a code that clients retry."""
    answer = endpoint.send("grpc", "traces", payload)
    assert answer.code == "INVALID_ARGUMENT"
    assert answer.status.code == 3
    assert answer.status.message == answer.message != ""
    detail = BadRequest()
    assert answer.status.details[0].Unpack(detail)
    assert "Traceback" not in service.log()


@pytest.mark.parametrize(
    "path",
    [
        "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
        "/opentelemetry.proto.collector.trace.v1.TraceService/Import",
        "/no.such.Service/Export",
    ],
)
def test_unknown_methods_are_unimplemented(endpoint: Endpoint, path: str) -> None:
    """OTLP: G12, C23."""
    with grpc.insecure_channel(endpoint.grpc) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(path)(b"", timeout=20)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED  # type: ignore[attr-defined]  # it is a call too


def test_an_unknown_compression_is_refused_for_good(endpoint: Endpoint) -> None:
    """OTLP: G9, H21 for gRPC: never retryable, never parsed as if it were not compressed.

    The specification of gRPC asks for UNIMPLEMENTED (12); its core says INTERNAL (13).
    """
    with _http2(endpoint.grpc) as connection:
        headers = (
            _literal(b":method", b"POST")
            + _literal(b":scheme", b"http")
            + _literal(b":path", method("traces").encode())
        )
        headers += _literal(b":authority", b"x") + _literal(b"content-type", b"application/grpc")
        headers += _literal(b"te", b"trailers") + _literal(b"grpc-encoding", b"zstd")
        connection.sendall(_frame(1, 4, 1, headers) + _frame(0, 1, 1, b"\x01\x00\x00\x00\x01x"))
        answer = b""
        while b"grpc-status" not in answer:
            received = connection.recv(65536)
            assert received, "closed without an answer"
            answer += received
    at = answer.index(b"grpc-status") + len(b"grpc-status")
    assert answer[at + 1 : at + 3] in {b"12", b"13"}


def test_many_calls_on_one_connection_are_answered(endpoint: Endpoint) -> None:
    """OTLP: G13."""
    trace_id = an_id()
    with grpc.insecure_channel(endpoint.grpc) as channel:
        export = channel.unary_unary(method("traces"))
        calls = [
            export.future(spans(trace_id, f"{n:03}").SerializeToString(), timeout=50)
            for n in range(300)
        ]
        assert {call.result() for call in calls} == {b""}
    assert sorted(endpoint.stored(trace_id)) == [[f"{n:03}"] for n in range(300)]


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return (
        struct.pack(">I", len(payload))[1:]
        + bytes([kind, flags])
        + struct.pack(">I", stream)
        + payload
    )


def _literal(name: bytes, value: bytes) -> bytes:
    """HPACK: literal header field without indexing."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def _http2(address: str) -> socket.socket:
    """A connection after the preface, settings exchanged."""
    host, _, port = address.rpartition(":")
    connection = socket.create_connection((host, int(port)), timeout=20)
    connection.sendall(
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(4, 0, 0, b"") + _frame(4, 1, 0, b"")
    )
    return connection


def test_pings_on_an_idle_connection_do_not_close_it(endpoint: Endpoint) -> None:
    """OTLP: G14: a keepalive ping is answered, however many come, and there is no GOAWAY."""
    pings = 50
    with _http2(endpoint.grpc) as connection, connection.makefile("rb") as stream:
        answered = 0
        for n in range(pings):
            connection.sendall(_frame(6, 0, 0, struct.pack(">Q", n)))
            while answered <= n:
                length, kind, flags = (
                    int.from_bytes(stream.read(3)),
                    stream.read(1)[0],
                    stream.read(1)[0],
                )
                stream.read(4)
                payload = stream.read(length)
                assert kind != 7, f"GOAWAY after {n} pings: {payload!r}"
                answered += kind == 6 and flags == 1
    assert answered == pings


def test_a_call_past_its_deadline_stores_all_or_nothing(endpoint: Endpoint) -> None:
    """OTLP: G18: half a request is never stored, and the second try completes it once."""
    trace_id = an_id()
    request = spans(trace_id, *(f"{n:04}" for n in range(2000))).SerializeToString()
    with grpc.insecure_channel(endpoint.grpc) as channel:
        export = channel.unary_unary(method("traces"))
        with pytest.raises(grpc.RpcError):
            export(request, timeout=0.005)
        assert len(endpoint.stored(trace_id)) in {0, 2000}
        export(request, timeout=50)
    assert endpoint.sql("select count(*) from spans where trace_id = $id", id=trace_id.hex()) == [
        [2000]
    ]


def test_sigterm_finishes_what_is_in_flight(start: Callable[..., Service]) -> None:
    """OTLP: G19, C22: exit 0, everything acknowledged is there, new calls end with a retryable code."""
    running = start()
    endpoint = running.endpoint()
    acknowledged: list[bytes] = []
    refused: list[str] = []
    is_busy = threading.Event()

    def send_until_refused() -> None:
        while not refused:
            trace_id = an_id()
            answer = endpoint.send("grpc", "traces", spans(trace_id, "n"))
            if answer.is_success:
                acknowledged.append(trace_id)
                is_busy.set()
            else:
                refused.append(answer.code)

    with ThreadPoolExecutor(2) as pool:
        senders = [pool.submit(send_until_refused) for _ in range(2)]
        assert is_busy.wait(30)
        assert running.stop(signal.SIGTERM) == 0
        for sender in senders:
            sender.result(30)
    assert set(refused) <= {"UNAVAILABLE", "CANCELLED"}
    assert "Traceback" not in running.log()
    again = start().endpoint()
    stored = {row[0] for row in again.sql("select trace_id from spans")}
    assert {trace_id.hex() for trace_id in acknowledged} <= stored


def test_a_second_collector_on_the_port_says_what_to_do(
    endpoint: Endpoint, start: Callable[..., Service]
) -> None:
    """ours: it does not share the port in silence."""
    second = start("--otlp-grpc", endpoint.grpc)
    assert second.process.wait(40) != 0
    assert f"another process listens on {endpoint.grpc}" in second.log()
    assert "--otlp-grpc" in second.log()
    assert "Traceback" not in second.log()

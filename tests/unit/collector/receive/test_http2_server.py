"""The gRPC server of our own behind real sockets: connections, and what ends them."""

import gzip
import logging
import socket
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Event
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stepscope_collector.config.tree import OtlpConfig
from stepscope_collector.decode.native import in_use
from stepscope_collector.errors import ConfigError, PayloadUndecodable
from stepscope_collector.receive.otlp_grpc import METHODS, GrpcReceiver
from tests.unit.collector.receive.conftest import Desk, Limits, Receipt
from tests.unit.collector.receive.frames import (
    ACK,
    DATA,
    END_STREAM,
    GOAWAY,
    GREETING,
    HEADERS,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Frame,
    cancel,
    data,
    frame,
    frames,
    grow,
    head,
    initial_window,
    message,
    ping,
)

if in_use("auto").decoder != "native":
    pytest.skip("the native part is not installed", allow_module_level=True)

from stepscope_collector.receive.http2 import connection as connections

_TRACES, *_ = METHODS
_HEALTH = "/grpc.health.v1.Health/Check"
_REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
_AGREED = GREETING + frame(SETTINGS, flags=ACK)
_WAIT_S = 20

Serve = Callable[..., str]


@pytest.fixture
def serve(desk: Desk) -> Iterator[Serve]:
    """Starts a receiver before the desk; its address."""
    running: list[GrpcReceiver] = []

    def start(listen: str = "127.0.0.1:0", limits: Limits | None = None, **config: Any) -> str:
        receiver = GrpcReceiver(
            desk,
            listen,
            limits or Limits(),
            config=OtlpConfig(grpc_server="native", **config),
        )
        address = receiver.start()
        running.append(receiver)
        return address

    yield start
    for receiver in running:
        receiver.stop(0)


class Client:
    """A connection that says what it is told to say."""

    def __init__(self, address: str, first: bytes = _AGREED, room: int = 0) -> None:
        host, _, port = address.rpartition(":")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family)
        if room:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        self.socket.settimeout(_WAIT_S)
        self.socket.connect((host.strip("[]"), int(port)))
        self._stream = self.socket.makefile("rb")
        self.send(first)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self.socket.close()

    def send(self, content: bytes) -> None:
        self.socket.sendall(content)

    def read(self) -> Frame | None:
        """The next frame; None: the end."""
        begun = self._stream.read(9)
        if len(begun) < 9:
            return None
        (found,) = frames(begun + self._stream.read(int.from_bytes(begun[:3], "big")))
        return found

    def until(self, kind: int, stream: int = 0, *, flags: int = 0) -> Frame:
        """The next frame of a kind, with all those flags."""
        while (found := self.read()) is not None:
            if (found.kind, found.stream) == (kind, stream) and found.flags & flags == flags:
                return found
        raise AssertionError("the connection has ended")

    def to_end(self) -> list[Frame]:
        """All frames, until the server closes."""
        found = []
        while (one := self.read()) is not None:
            found.append(one)
        return found


def _call(address: str, method: str = _TRACES, payload: bytes = b"", **options: Any) -> bytes:
    with grpc.insecure_channel(address) as channel:
        return bytes(channel.unary_unary(method)(payload, timeout=_WAIT_S, **options))


def _raw(address: str, content: bytes, flag: int, encoding: str | None) -> str:
    """The status of a call whose message is packed by hand."""
    fields = {} if encoding is None else {"grpc_encoding": encoding}
    with Client(address) as client:
        client.send(head(path=_TRACES, **fields) + data(message(content, flag=flag), is_last=True))
        first = client.until(HEADERS, 1)
        last = first if first.flags & END_STREAM else client.until(HEADERS, 1)
        return _status(last.payload)


# HPACK, appendix B: the digits, and `grpc-status` behind its length
_DIGITS = {"0": "00000", "1": "00001", "2": "00010"} | {
    str(n): f"{22 + n:06b}" for n in range(3, 10)
}
_GRPC_STATUS = bytes.fromhex("889acac8b21234da8f")


def _status(trailers: bytes) -> str:
    """The status in a head that the server has packed."""
    found = trailers.rpartition(_GRPC_STATUS)[2]
    said = "".join(f"{byte:08b}" for byte in found[1 : 1 + (found[0] & 0x7F)])
    (status,) = [n for n in map(str, range(17)) if _packed_digits(n) == said]
    return status


def _packed_digits(number: str) -> str:
    bits = "".join(_DIGITS[digit] for digit in number)
    return bits + "1" * (-len(bits) % 8)


def test_http_1_is_told_of_the_other_port(serve: Serve) -> None:
    """ours: the ports are next to each other, and so easily mixed up."""
    with Client(serve(), b"POST /v1/traces HTTP/1.1\r\nHost: there\r\n\r\n") as client:
        told = b"".join(iter(lambda: client.socket.recv(4096), b""))
    assert told.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"4318" in told.rpartition(b"\r\n\r\n")[2]


def test_other_bytes_end_the_connection(serve: Serve) -> None:
    """issue #4: hostile input; others go on."""
    address = serve()
    with Client(address, b"\x16\x03\x01" + bytes(100)) as client:
        client.to_end()
    assert _call(address) == b""


def test_a_silent_client_is_asked_and_closed_when_it_does_not_answer(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OTLP: G14: keepalive of the server."""
    monkeypatch.setattr(connections, "_PING_ANSWER_S", 0.2)
    with Client(serve(grpc_keepalive_s=0.1)) as client:
        assert [each.kind for each in client.to_end()].count(PING) == 1


def test_a_silent_client_that_answers_stays(
    serve: Serve, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OTLP: G14: it is asked again and again, however quick its answers are."""
    monkeypatch.setattr(connections, "_PING_ANSWER_S", 2)
    with Client(serve(grpc_keepalive_s=0.1)) as client:
        for _ in range(2):
            client.send(ping(ACK, client.until(PING).payload))
        client.send(head(path=_TRACES) + data(message(b""), is_last=True))
        client.until(HEADERS, 1, flags=END_STREAM)
    assert len(desk.taken) == 1


def test_a_client_that_says_nothing_at_all_is_closed(serve: Serve) -> None:
    """issue #4: slow heads."""
    address = serve(limits=Limits(http_read_timeout_s=0.1))
    with Client(address, b"") as silent, Client(address, GREETING[:20]) as slow:
        assert silent.to_end() == []
        assert [each.kind for each in slow.to_end()] == [SETTINGS]


def test_an_old_connection_takes_no_more_calls_and_finishes_those_it_has(
    serve: Serve, desk: Desk
) -> None:
    """OTLP: G19: GOAWAY at the age that is set."""
    desk.is_holding = True
    address = serve(grpc_max_connection_age_s=0.1, grpc_max_connection_age_grace_s=60)
    with Client(address) as client:
        client.send(head(path=_TRACES) + data(message(b""), is_last=True))
        assert client.until(GOAWAY).payload[:4] == b"\x7f\xff\xff\xff"
        client.send(ping(ACK, client.until(PING).payload))
        assert client.until(GOAWAY).payload == b"\0\0\0\1\0\0\0\0"
        assert desk.arrived.acquire(timeout=_WAIT_S)
        desk.held[0].set_result(Receipt())
        assert [each.kind for each in client.to_end()] == [HEADERS, DATA, HEADERS]


def test_an_old_connection_is_closed_after_the_grace(serve: Serve, desk: Desk) -> None:
    """OTLP: G19: whatever its client does."""
    desk.is_holding = True
    address = serve(grpc_max_connection_age_s=0.1, grpc_max_connection_age_grace_s=0.1)
    with Client(address) as client:
        client.send(head(path=_TRACES) + data(message(b""), is_last=True))
        try:
            kinds = [each.kind for each in client.to_end()]
        except ConnectionResetError:
            return  # it need not be told more
        assert GOAWAY in kinds
        assert HEADERS not in kinds


def test_the_stock_client_survives_old_connections(serve: Serve, desk: Desk) -> None:
    """OTLP: G19: no call is lost at the change to a new connection."""
    address = serve(grpc_max_connection_age_s=0.05, grpc_max_connection_age_grace_s=60)
    with grpc.insecure_channel(address) as channel:
        for _ in range(300):
            assert channel.unary_unary(_TRACES)(b"", timeout=_WAIT_S) == b""
    assert len(desk.taken) == 300


def test_a_client_that_never_reads_does_not_grow_the_server(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """issue #4: what it is to be sent is made when it takes it; others go on."""
    states: list[bool] = []
    has_paused = Event()
    write = connections.Connection.write

    async def watched(self: connections.Connection, stream: int, content: bytes) -> None:
        await write(self, stream, content)
        states.append(self._is_paused)
        if self._is_paused:
            has_paused.set()

    monkeypatch.setattr(connections.Connection, "write", watched)
    address = serve(grpc_reflection=True)
    # an answer is a hundred times as large as its question, and a window holds thousands of those
    asked = message(b"\x22\x33opentelemetry.proto.collector.trace.v1.TraceService")
    count = (200 << 10) // len(asked)
    greeting = PREFACE + initial_window((1 << 31) - 1) + frame(SETTINGS, flags=ACK)
    with Client(address, greeting + grow((1 << 31) - 1 - 65_535), room=4096) as greedy:
        greedy.until(WINDOW_UPDATE)
        greedy.send(head(path=_REFLECTION) + data(asked * count))
        assert has_paused.wait(_WAIT_S)
        for _ in range(20):
            assert _call(address) == b""
        # one answer, at most, that the client does not take; then it is waited
        assert (True, True) not in pairwise(states)


@pytest.mark.parametrize(
    ("compression", "size"),
    [
        (grpc.Compression.Gzip, 100),
        (grpc.Compression.Deflate, 100),
        (grpc.Compression.Gzip, 900_000),
        (grpc.Compression.Deflate, 900_000),
        (grpc.Compression.NoCompression, 900_000),
    ],
    ids=["gzip", "deflate", "gzip-large", "deflate-large", "plain-large"],
)
def test_a_compressed_message(
    serve: Serve, desk: Desk, compression: grpc.Compression, size: int
) -> None:
    """OTLP: G3, C2."""
    request = ExportTraceServiceRequest(resource_spans=[{"schema_url": "x" * size}])
    sent = request.SerializeToString()
    assert _call(serve(), payload=sent, compression=compression) == b""
    assert desk.taken[0].message == request


@pytest.mark.parametrize(
    ("content", "flag", "encoding", "status", "noted"),
    [
        pytest.param(b"", 0, None, "0", None, id="plain"),
        pytest.param(b"", 0, "br", "0", None, id="plain-and-unknown"),
        pytest.param(gzip.compress(b""), 1, "gzip", "0", None, id="gzip"),
        pytest.param(zlib.compress(b""), 1, "deflate", "0", None, id="deflate"),
        pytest.param(b"", 1, "br", "12", "unsupported_media", id="unknown"),
        pytest.param(b"", 1, "x" * 600, "12", "unsupported_media", id="unknown-and-long"),
        pytest.param(gzip.compress(b"")[:-1], 1, "gzip", "3", "payload_undecodable", id="gzip-cut"),
        pytest.param(b"no", 1, "gzip", "3", "payload_undecodable", id="no-gzip"),
        pytest.param(b"", 1, "gzip", "3", "payload_undecodable", id="empty-gzip"),
        pytest.param(b"", 1, None, "3", "payload_undecodable", id="nothing-says-how"),
        pytest.param(b"", 1, "identity", "3", "payload_undecodable", id="identity-says-how"),
        pytest.param(
            gzip.compress(bytes(10 << 20)), 1, "gzip", "8", "payload_too_large", id="bomb"
        ),
        pytest.param(
            zlib.compress(bytes(10 << 20)),
            1,
            "deflate",
            "8",
            "payload_too_large",
            id="bomb-deflate",
        ),
        pytest.param(b"\xff\xff", 0, None, "3", None, id="no-protobuf"),
    ],
)
def test_how_messages_are_packed(
    serve: Serve,
    desk: Desk,
    content: bytes,
    flag: int,
    encoding: str | None,
    status: str,
    noted: str | None,
) -> None:
    """OTLP: G2, G3, G8, C2: a refusal says why, and is noted."""
    assert _raw(serve(), content, flag, encoding) == status
    assert [reason for _, reason, _, _ in desk.noted] == ([] if noted is None else [noted])


def test_a_message_over_the_limit_is_refused_before_it_comes(serve: Serve, desk: Desk) -> None:
    """OTLP: G2: and is noted."""
    with Client(serve()) as client:
        client.send(head(path=_TRACES) + data(message(bytes((1 << 20) + 1))[:1000]))
        assert _status(client.until(HEADERS, 1, flags=END_STREAM).payload) == "8"
        assert client.until(RST_STREAM, 1).number == 0
        client.send(data(bytes(1000)) + ping())
        client.until(PING, flags=ACK)
    assert [reason for _, reason, _, _ in desk.noted] == ["payload_too_large"]


def test_more_calls_at_one_time_than_a_connection_may_have(serve: Serve, desk: Desk) -> None:
    """OTLP: G13: further ones wait at the client."""
    desk.is_holding = True
    with grpc.insecure_channel(serve()) as channel:
        export = channel.unary_unary(_TRACES)
        calls = [export.future(b"", timeout=_WAIT_S) for _ in range(200)]
        for number in range(200):
            assert desk.arrived.acquire(timeout=_WAIT_S)
            desk.held[number].set_result(Receipt())
        assert {call.result(_WAIT_S) for call in calls} == {b""}


def test_calls_over_what_was_agreed_are_refused_and_may_come_again(serve: Serve) -> None:
    """ours: RFC 9113, 8.7: REFUSED_STREAM; such a call was not looked at."""
    with Client(serve()) as client:
        client.send(b"".join(head(2 * number + 1, path=_HEALTH) for number in range(130)))
        assert client.until(RST_STREAM, 257).number == 7
        assert client.until(RST_STREAM, 259).number == 7
        client.send(data(message(b""), 255, is_last=True))
        assert client.until(DATA, 255).payload == message(b"\x08\x01")


def test_who_sends_by_ipv6(serve: Serve, desk: Desk) -> None:
    """ours: quotas are by address."""
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6")
    try:
        address = serve("[::1]:0")
    except ConfigError as error:  # the machine has no such address
        pytest.skip(str(error))
    assert _call(address) == b""
    assert desk.clients == ["::1"]


@pytest.mark.parametrize("server", ["native", "grpcio"])
def test_who_sends_by_ipv4_to_a_port_of_both(desk: Desk, server: str) -> None:
    """ours: the same address as on a port of IPv4, with either server."""
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6")
    receiver = GrpcReceiver(desk, "[::]:0", Limits(), config=OtlpConfig(grpc_server=server))
    port = receiver.start().rpartition(":")[2]
    try:
        assert _call(f"127.0.0.1:{port}") == b""
    finally:
        receiver.stop(0)
    assert desk.clients == ["127.0.0.1"]


def test_a_call_that_its_client_ends_while_it_is_read_is_noted(serve: Serve, desk: Desk) -> None:
    """issue #4: as with OTLP/HTTP."""
    address = serve()
    with Client(address) as client:
        client.send(head(path=_TRACES) + data(message(bytes(100))[:50]))
        client.send(ping())
        client.until(PING, flags=ACK)  # the call has begun
        client.send(cancel() + ping())
        client.until(PING, flags=ACK)
    with Client(address) as gone:
        gone.send(head(path=_TRACES) + data(message(bytes(100))[:50]) + ping())
        gone.until(PING, flags=ACK)
    while len(desk.noted) < 2:  # it ends with the time of the test
        _call(address, _HEALTH)
    assert [(signal, reason) for signal, reason, _, _ in desk.noted] == [
        ("traces", "incomplete")
    ] * 2
    assert desk.taken == []


def test_a_bug_in_a_handler_ends_one_call_only(
    serve: Serve, desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """ours: no traceback at users, and one in the log."""

    def fails(*_: object) -> bytes:
        raise ZeroDivisionError("secret")

    desk.is_holding = True
    monkeypatch.setattr("stepscope_collector.receive.health.Health.check", fails)
    address = serve()
    with caplog.at_level(logging.DEBUG), grpc.insecure_channel(address) as channel:
        other = channel.unary_unary(_TRACES).future(b"", timeout=_WAIT_S)
        assert desk.arrived.acquire(timeout=_WAIT_S)
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(_HEALTH)(b"", timeout=_WAIT_S)
        desk.held[0].set_result(Receipt())
        assert other.result(_WAIT_S) == b""
    error: Any = caught.value
    assert error.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in error.details()
    logged = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.exc_info is not None for record in logged] == [True]


def test_a_bug_of_http_2_ends_one_connection_only(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """ours: as above."""
    real = connections.connection
    address = serve()

    class Broken:
        def __init__(self) -> None:
            self._http = real()

        def __getattr__(self, name: str) -> Any:
            return getattr(self._http, name)

        def receive(self, _: bytes) -> Any:
            raise RuntimeError("a bug of HTTP/2")

    with caplog.at_level(logging.WARNING):
        with monkeypatch.context() as patch:
            patch.setattr(connections, "connection", Broken)
            with Client(address) as client:
                try:
                    client.to_end()
                except ConnectionResetError:
                    pass
        assert _call(address) == b""
    assert [record.getMessage() for record in caplog.records] == ["connection ended by a bug"]


def test_a_method_that_does_not_exist(serve: Serve) -> None:
    """OTLP: C4."""
    with pytest.raises(grpc.RpcError) as caught:
        _call(serve(), "/no.such/Method€")
    error: Any = caught.value
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_message_that_says_what_is_wrong_comes_as_it_was(serve: Serve, desk: Desk) -> None:
    """ours: gRPC over HTTP/2, Responses: grpc-message is percent-encoded."""
    desk.refusal = PayloadUndecodable("100% «no»\r\n\t~")
    with pytest.raises(grpc.RpcError) as caught:
        _call(serve())
    error: Any = caught.value
    assert error.details() == "100% «no»\r\n\t~"


def test_stop_ends_connections_that_have_no_calls(desk: Desk) -> None:
    """OTLP: G19: their clients learn of it by GOAWAY."""
    receiver = GrpcReceiver(desk, "127.0.0.1:0", Limits(), config=OtlpConfig(grpc_server="native"))
    with Client(receiver.start()) as client, ThreadPoolExecutor(1) as pool:
        client.send(ping())
        client.until(PING, flags=ACK)
        stopped = pool.submit(receiver.stop, 10)
        assert GOAWAY in [each.kind for each in client.to_end()]
        stopped.result(_WAIT_S)

"""grpc.health.v1, reflection, and how long connections live."""

import queue
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from stepscope_collector.access.tokens import create_token
from stepscope_collector.cli.server import wait_for
from stepscope_collector.receive.grpc_calls import METHODS
from stepscope_collector.receive.reflection import REFLECTION_METHODS, Reflection
from tests.conformance.client import Endpoint, an_id, spans
from tests.conformance.conftest import Service

pytestmark = pytest.mark.e2e

CHECK = "/grpc.health.v1.Health/Check"
WATCH = "/grpc.health.v1.Health/Watch"
EXPORT = next(iter(METHODS))
SERVING, NOT_SERVING, SERVICE_UNKNOWN = b"\x08\x01", b"\x08\x02", b"\x08\x03"
TRACES = b"opentelemetry.proto.collector.trace.v1.TraceService"


def asking(service: bytes) -> bytes:
    """A HealthCheckRequest."""
    return b"\x0a" + bytes([len(service)]) + service


def call(at: str, method: str, request: bytes, **more: Any) -> bytes:
    with grpc.insecure_channel(at) as channel:
        return bytes(channel.unary_unary(method)(request, timeout=20, **more))


def code_of(at: str, method: str, request: bytes, **more: Any) -> str:
    with pytest.raises(grpc.RpcError) as caught:
        call(at, method, request, **more)
    error: Any = caught.value
    return str(error.code().name)


@pytest.mark.parametrize("name", [b"", TRACES])
def test_health_is_serving(endpoint: Endpoint, name: bytes) -> None:
    """OTLP: G16: Check of the server and of its services."""
    assert call(endpoint.grpc, CHECK, asking(name) if name else b"") == SERVING


def test_health_of_what_there_is_not(endpoint: Endpoint) -> None:
    """OTLP: G16: NOT_FOUND, as the protocol wants; bytes that are no request."""
    assert code_of(endpoint.grpc, CHECK, asking(b"no.such.Service")) == "NOT_FOUND"
    assert code_of(endpoint.grpc, CHECK, b"\xff\xff") == "INVALID_ARGUMENT"
    with grpc.insecure_channel(endpoint.grpc) as channel:
        stream: Any = channel.unary_stream(WATCH)(asking(b"no.such.Service"), timeout=20)
        assert next(stream) == SERVICE_UNKNOWN
        stream.cancel()


def test_health_needs_no_token(start: Callable[..., Service], tmp_path: Path) -> None:
    """OTLP: G16, G11: a balancer has no token; reflection needs one."""
    secret = create_token(tmp_path / "data" / "tokens.json", "ci", ("ingest",))
    endpoint = start("--otlp-grpc-reflection", "true").endpoint()
    assert call(endpoint.grpc, CHECK, b"") == SERVING
    assert code_of(endpoint.grpc, EXPORT, b"") == "UNAUTHENTICATED"
    for method in REFLECTION_METHODS:
        assert code_of(endpoint.grpc, method, b"\x3a\x00") == "UNAUTHENTICATED"
    shown = [("authorization", f"Bearer {secret}")]
    assert TRACES in call(endpoint.grpc, REFLECTION_METHODS[0], b"\x3a\x00", metadata=shown)


def test_health_says_no_while_requests_are_still_taken(start: Callable[..., Service]) -> None:
    """OTLP: G16, G19: NOT_SERVING while draining, /readyz likewise; watchers are told and let go."""
    running = start("--shutdown-notice-s", "2s")
    endpoint = running.endpoint()
    with grpc.insecure_channel(endpoint.grpc) as channel:
        watched: Any = channel.unary_stream(WATCH)(b"", timeout=40)
        assert next(watched) == SERVING
        running.process.send_signal(signal.SIGTERM)
        assert next(watched) == NOT_SERVING
        assert call(endpoint.grpc, CHECK, b"") == NOT_SERVING
        assert httpx.get(f"http://{endpoint.web}/readyz").status_code == 503
        assert httpx.get(f"http://{endpoint.web}/healthz").status_code == 200
        payload = spans(an_id(), "late").SerializeToString()
        assert call(endpoint.grpc, EXPORT, payload) == b""
        assert list(watched) == []
    assert running.process.wait(40) == 0
    assert "Traceback" not in running.log()


def test_strangers_with_health_calls_keep_nobody_out(endpoint: Endpoint, service: Service) -> None:
    """OTLP: G16, G13: more calls that never send than there are threads, and many watchers."""
    is_over = threading.Event()

    def never() -> Iterator[bytes]:
        is_over.wait(50)
        yield from ()

    with grpc.insecure_channel(endpoint.grpc) as channel:
        silent: list[Any] = [
            channel.stream_unary(CHECK).future(never(), timeout=50) for _ in range(40)
        ]
        watchers: list[Any] = [channel.unary_stream(WATCH)(b"", timeout=50) for _ in range(130)]
        assert call(endpoint.grpc, EXPORT, spans(an_id(), "n").SerializeToString()) == b""
        first = [_first(each) for each in watchers]
        assert first.count(SERVING) == 100
        assert first.count("UNAVAILABLE") == 30
        # those that never send are ended, and the server asks nobody else to wait for them
        assert {each.exception(50).code().name for each in silent} == {"CANCELLED"}
        for each in watchers:
            each.cancel()
        is_over.set()
    found = wait_for(lambda: _watching(endpoint.grpc), 20)
    assert found == SERVING
    assert "Traceback" not in service.log()


def _first(stream: Any) -> Any:
    try:
        return next(stream)
    except grpc.RpcError as error:
        return error.code().name  # type: ignore[attr-defined]  # a call is its error


def _watching(at: str) -> Any:
    with grpc.insecure_channel(at) as channel:
        stream: Any = channel.unary_stream(WATCH)(b"", timeout=20)
        said = _first(stream)
        stream.cancel()
    return said if said == SERVING else None


def test_reflection_is_off_by_default(endpoint: Endpoint) -> None:
    """OTLP: G17: a flag switches it on."""
    for method in REFLECTION_METHODS:
        assert code_of(endpoint.grpc, method, b"\x3a\x00") == "UNIMPLEMENTED"


def test_reflection_describes_all_services(start: Callable[..., Service]) -> None:
    """OTLP: G17: list, then file by symbol, with all it imports, as grpcurl asks."""
    endpoint = start("--otlp-grpc-reflection", "true").endpoint()
    messages = Reflection()
    requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    with grpc.insecure_channel(endpoint.grpc) as channel:
        for method in REFLECTION_METHODS:
            replies: Any = channel.stream_stream(method)(iter(requests.get, None), timeout=20)

            def ask(replies: Any = replies, **question: str) -> Any:
                requests.put(messages._request(**question).SerializeToString())
                return messages._response.FromString(next(replies))

            listed = [each.name for each in ask(list_services="").list_services_response.service]
            assert listed == [
                "grpc.health.v1.Health",
                "grpc.reflection.v1.ServerReflection",
                "opentelemetry.proto.collector.logs.v1.LogsService",
                "opentelemetry.proto.collector.metrics.v1.MetricsService",
                "opentelemetry.proto.collector.trace.v1.TraceService",
            ]
            for service in listed:
                found = ask(file_containing_symbol=service).file_descriptor_response
                files = [FileDescriptorProto.FromString(x) for x in found.file_descriptor_proto]
                assert service in {f"{files[0].package}.{each.name}" for each in files[0].service}
                names = {file.name for file in files}
                assert all(set(file.dependency) <= names for file in files)
                again = ask(file_by_filename=files[0].name).file_descriptor_response
                assert again == found
            for question in (
                {"file_containing_symbol": "google.protobuf.Any"},
                {"file_by_filename": "../../etc/passwd"},
            ):
                assert ask(**question).error_response.error_code == 5
            assert ask(all_extension_numbers_of_type="x").error_response.error_code == 12
            requests.put(None)
            assert list(replies) == []


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux's /proc")
def test_an_old_connection_is_closed_and_no_call_is_lost(start: Callable[..., Service]) -> None:
    """OTLP: G15: GOAWAY; calls on the connection finish, the client goes on with another."""
    endpoint = start("--otlp-grpc-max-connection-age-s", "500ms").endpoint()
    ports: set[str] = set()
    with grpc.insecure_channel(endpoint.grpc) as channel:
        export = channel.unary_unary(EXPORT)
        payload = spans(an_id(), "n").SerializeToString()

        def send() -> bool | None:
            assert export(payload, timeout=20) == b""
            ports.update(_ports_to(endpoint))
            return len(ports) >= 3 or None

        assert wait_for(send, 30)


def _ports_to(endpoint: Endpoint) -> set[str]:
    """Ports of this machine with a connection to the server's gRPC port, seen from its side."""
    server = f":{int(endpoint.grpc.rpartition(':')[2]):04X}"
    lines = [
        line
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text("ascii").splitlines()[1:]
    ]
    rows = [line.split()[1:4] for line in lines]
    return {far for near, far, state in rows if near.endswith(server) and state == "01"}


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux's /proc")
def test_keepalive_is_a_setting_and_idle_clients_stay(start: Callable[..., Service]) -> None:
    """OTLP: G14: the server pings an idle connection; a client that lives keeps it."""
    endpoint = start("--otlp-grpc-keepalive-s", "200ms").endpoint()
    with grpc.insecure_channel(endpoint.grpc) as channel:
        export = channel.unary_unary(EXPORT)
        assert export(b"", timeout=20) == b""
        before = _ports_to(endpoint)
        assert not threading.Event().wait(1.5)  # several pings
        assert export(b"", timeout=20) == b""
        assert _ports_to(endpoint) == before != set()

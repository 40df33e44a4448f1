"""Rows G: OTLP/gRPC."""

import os
import random
import struct
from typing import Final

import grpc
from google.rpc.error_details_pb2 import BadRequest, RetryInfo

from tests.conformance.probe.check import Probe, check, said
from tests.conformance.probe.wire import (
    MIB,
    SIGNALS,
    TRANSPORTS,
    an_id,
    frame,
    literal,
    method,
    padding,
    requests,
    spans,
    traces,
)

_GRPC: Final = ("grpc",)
_RETRYABLE: Final = frozenset(
    {"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"}
)
_NO_REQUESTS: Final = (
    b"\xff\xff",
    b"\x0a\x05abc",
    b"{}",
    random.Random(50).randbytes(50) + b"\xff",
)


@check("G1", over=_GRPC)
def the_three_export_methods_answer(probe: Probe) -> None:
    """Traces, logs and metrics by their names."""
    for signal in SIGNALS:
        answer = probe.server.call(method(signal), requests(signal, "g1").SerializeToString())
        probe.expect(answer.is_success, f"{signal}: {said(answer)}")


@check("G2", over=_GRPC)
def a_request_over_the_limit_is_refused_for_good(probe: Probe) -> None:
    """RESOURCE_EXHAUSTED without RetryInfo, before and after decompression, for 256 MiB at the latest."""
    for is_compressed in (False, True):
        answer = probe.send("traces", padding(65 * MIB), is_compressed=is_compressed)
        if answer.is_success:
            answer = probe.send("traces", padding(256 * MIB), is_compressed=is_compressed)
        what = "compressed" if is_compressed else "uncompressed"
        probe.expect(answer.code == "RESOURCE_EXHAUSTED", f"{what}: {said(answer)}")
        is_retryable = any(detail.Is(RetryInfo.DESCRIPTOR) for detail in answer.status.details)
        probe.expect(not is_retryable, f"{what}: with RetryInfo, so clients send it for ever")


@check("G3", over=_GRPC)
def requests_of_64_mib_are_taken(probe: Probe) -> None:
    """By default, as OTLP recommends."""
    for size in (4, 20, 64):
        answer = probe.send("traces", padding(size * MIB))
        probe.expect(answer.is_success, f"{size} MiB: {said(answer)}")


@check("G4", "H13", over=("grpc", "http-protobuf"))
def a_bomb_is_refused(probe: Probe) -> None:
    """200 KiB that unpack to 200 MiB: too large. What the server's memory does is not visible."""
    answer = probe.send("traces", padding(200 * MIB), is_compressed=True)
    probe.expect(answer.is_too_large, said(answer))


@check("G5", "H15", over=TRANSPORTS)
def an_answer_with_very_many_reasons_stays_small(probe: Probe) -> None:
    """20,000 bad spans: the answer has at most 4 MiB."""
    bad = [{"trace_id": os.urandom(n % 15), "span_id": b"x" * (n % 8)} for n in range(20_000)]
    answer = probe.send("traces", traces(*bad))
    probe.expect(len(answer.body) <= 4 * MIB, f"the answer has {len(answer.body)} bytes")
    if not answer.rejected:
        probe.not_visible("the server rejects no spans alone")
    probe.expect(answer.rejected == 20_000, f"{answer.rejected} of 20000 rejected")


@check("G8", over=_GRPC)
def undecodable_bytes_are_an_invalid_argument(probe: Probe) -> None:
    """INVALID_ARGUMENT; with a BadRequest, which is optional."""
    for payload in _NO_REQUESTS:
        answer = probe.server.call(method("traces"), payload)
        probe.expect(answer.code == "INVALID_ARGUMENT", said(answer))
        if not any(detail.Is(BadRequest.DESCRIPTOR) for detail in answer.status.details):
            probe.note("no BadRequest in the details")
            return


@check("G9", over=_GRPC)
def permanent_errors_have_no_retryable_code(probe: Probe) -> None:
    """Bytes that are no request, and one that is too large."""
    for payload in (*_NO_REQUESTS, padding(256 * MIB)):
        answer = probe.server.call(method("traces"), payload)
        probe.expect(answer.code not in _RETRYABLE, said(answer))
        probe.expect(not answer.is_success, "accepted")


@check("G9", over=_GRPC)
def an_unknown_compression_is_refused_for_good(probe: Probe) -> None:
    """UNIMPLEMENTED or INTERNAL or INVALID_ARGUMENT: never retryable, never parsed as if it were not compressed."""
    pairs = {
        ":method": "POST", ":scheme": "http", ":path": method("traces"), ":authority": "x",
        "content-type": "application/grpc", "te": "trailers", "grpc-encoding": "unheard-of",
        **dict(probe.server.metadata()),
    }  # fmt: skip
    headers = b"".join(literal(name.encode(), value.encode()) for name, value in pairs.items())
    with probe.server.connect_http2() as connection:
        connection.sendall(frame(1, 4, 1, headers) + frame(0, 1, 1, b"\x01\x00\x00\x00\x01x"))
        answer = b""
        while (at := _status_at(answer)) < 0:
            received = connection.recv(65536)
            probe.expect(received != b"", "closed without an answer")
            answer += received
    code = bytes(answer[at : at + 4])
    # 12, 13 and 3 after their length, each plain and in HPACK's code.
    known = (b"\x0212", b"\x82\x08\xbf", b"\x0213", b"\x82\x0b\x3f", b"\x013", b"\x81\x67")
    probe.expect(code.startswith(known), f"grpc-status begins with {code!r}")


def _status_at(answer: bytes) -> int:
    """Where the value of grpc-status stands in header frames, -1 while it is not there."""
    packed = b"\x9a\xca\xc8\xb2\x12\x34\xda\x8f"  # grpc-status in HPACK's code
    for name in (b"grpc-status", packed):
        at = answer.find(name)
        if at >= 0 and len(answer) >= at + len(name) + 3:
            return at + len(name)
    return -1


@check("G12", over=_GRPC)
def unknown_methods_are_unimplemented(probe: Probe) -> None:
    """Another method of a service, and no such service."""
    for path in (
        "/opentelemetry.proto.collector.trace.v1.TraceService/Import",
        "/no.Service/Export",
    ):
        answer = probe.server.call(path)
        probe.expect(answer.code == "UNIMPLEMENTED", f"{path}: {said(answer)}")


@check("G13", over=_GRPC)
def many_calls_on_one_connection_are_answered(probe: Probe) -> None:
    """300 at once."""
    trace_id = an_id()
    with probe.server.channel() as channel:
        export = channel.unary_unary(method("traces"))
        calls = [
            export.future(
                spans(trace_id, f"{n:03}").SerializeToString(),
                timeout=50,
                metadata=probe.server.metadata(),
            )
            for n in range(300)
        ]
        for call in calls:
            call.result()
    found = probe.server.stored(trace_id)
    expected = [[f"{n:03}"] for n in range(300)]
    probe.expect(found is None or sorted(found) == expected, "not all of them are stored")


@check("G14", over=_GRPC)
def pings_on_an_idle_connection_do_not_close_it(probe: Probe) -> None:
    """50 keepalive pings without a call are answered, and there is no GOAWAY."""
    with probe.server.connect_http2() as connection, connection.makefile("rb") as stream:
        answered = 0
        for n in range(50):
            connection.sendall(frame(6, 0, 0, struct.pack(">Q", n)))
            while answered <= n:
                head = stream.read(9)
                probe.expect(len(head) == 9, f"closed after {n} pings")
                payload = stream.read(int.from_bytes(head[:3]))
                probe.expect(head[3] != 7, f"GOAWAY {payload[8:]!r} after {n} pings")
                answered += head[3] == 6 and head[4] == 1


@check("G16", over=_GRPC)
def the_health_service_answers(probe: Probe) -> None:
    """grpc.health.v1.Health/Check of the whole server: SERVING."""
    answer = probe.server.call("/grpc.health.v1.Health/Check")
    probe.expect(answer.code == "OK", said(answer))
    probe.expect(answer.body == b"\x08\x01", f"not SERVING: {answer.body!r}")


@check("G17", over=_GRPC)
def server_reflection_may_be_off(probe: Probe) -> None:
    """It lists the services, or is off, which is fine in production."""
    with probe.server.channel() as channel:
        info = channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
        list_services = iter([b"\x3a\x00"])
        try:
            (answer,) = info(list_services, timeout=20, metadata=probe.server.metadata())
        except grpc.RpcError as error:
            code = error.code().name  # type: ignore[attr-defined]  # it is a call too
            probe.expect(code in {"UNIMPLEMENTED", "UNAUTHENTICATED"}, code)
            probe.not_offered("off")
    probe.expect(b"TraceService" in answer, "TraceService is not listed")


@check("G18", over=_GRPC)
def a_call_past_its_deadline_may_be_sent_again(probe: Probe) -> None:
    """All or nothing is stored, and the second try completes it once."""
    trace_id = an_id()
    names = [f"{n:04}" for n in range(2000)]
    request = spans(trace_id, *names).SerializeToString()
    with probe.server.channel() as channel:
        export = channel.unary_unary(method("traces"))
        try:
            export(request, timeout=0.005, metadata=probe.server.metadata())
        except grpc.RpcError as error:
            code = error.code().name  # type: ignore[attr-defined]  # it is a call too
            probe.expect(code == "DEADLINE_EXCEEDED", code)
        found = probe.server.stored(trace_id, "name")
        probe.expect(found is None or len(found) in {0, 2000}, "half a request is stored")
        export(request, timeout=50, metadata=probe.server.metadata())
    probe.holds(trace_id, [[name] for name in names])


@check("G11", over=_GRPC)
def no_credentials_are_unauthenticated(probe: Probe) -> None:
    """Where credentials are asked for: without them UNAUTHENTICATED."""
    if not probe.server.headers:
        probe.not_visible("the server was probed without credentials")
    with probe.server.channel() as channel:
        try:
            channel.unary_unary(method("traces"))(b"", timeout=20)
        except grpc.RpcError as error:
            code = error.code().name  # type: ignore[attr-defined]  # it is a call too
            probe.expect(code == "UNAUTHENTICATED", code)
            return
    probe.fail("accepted without credentials")

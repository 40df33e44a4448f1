"""Rows H: OTLP/HTTP."""

import gzip
import zlib
from collections.abc import Callable
from typing import Final

import grpc
import httpx

from tests.conformance.probe.check import Probe, check, said
from tests.conformance.probe.wire import (
    JSON,
    MIB,
    PROTOBUF,
    SIGNALS,
    an_id,
    http_answer,
    json_of,
    method,
    next_status,
    padding,
    requests,
    spans,
)

_GARBAGE: Final = b"\xff\xff\xff"
_PACK: Final[dict[str, Callable[[bytes], bytes]]] = {
    "identity": bytes,
    "": bytes,
    "gzip": lambda body: gzip.compress(body, 1),
    "deflate": zlib.compress,
}
_BOTH: Final = ("http-protobuf", "http-json")


def _media(probe: Probe) -> tuple[str, bytes]:
    """The media type of the check, and a small request in it."""
    request = requests("traces", "n")
    if probe.way == "http-json":
        return "application/json", json_of(request)
    return "application/x-protobuf", request.SerializeToString()


def _small() -> bytes:
    return json_of(requests("traces", "n"))


def _type_of(answer: httpx.Response) -> str:
    return answer.headers.get("content-type", "")


@check("H1", "H9")
def the_three_paths_answer(probe: Probe) -> None:
    """200 for traces, logs and metrics."""
    for signal in SIGNALS:
        request = requests(signal, "h1").SerializeToString()
        answer = probe.server.post(f"/v1/{signal}", request, PROTOBUF)
        probe.expect(answer.code == "200", f"{signal}: {said(answer)}")


@check("H2")
def http_1_1_is_spoken(probe: Probe) -> None:
    """The answer to HTTP/1.1 is HTTP/1.1."""
    version = probe.server.request(headers=PROTOBUF).http_version
    probe.expect(version == "HTTP/1.1", version)


@check("H4")
def grpc_may_share_the_port_of_http(probe: Probe) -> None:
    """Optional."""
    with grpc.insecure_channel(probe.server.http) as channel:
        try:
            channel.unary_unary(method("traces"))(b"", timeout=20, metadata=probe.server.metadata())
        except grpc.RpcError as error:
            probe.not_offered(error.code().name)  # type: ignore[attr-defined]  # it is a call too


@check("H3", "H5", "H6", "H9", over=_BOTH)
def an_acceptance_has_the_media_type_of_the_request(probe: Probe) -> None:
    """200 on one port for both encodings, with exactly its Content-Type."""
    media_type, body = _media(probe)
    answer = probe.server.request(body=body, headers={"Content-Type": media_type})
    probe.expect(answer.status_code == 200, f"{answer.status_code} {answer.text[:100]}")
    probe.expect(_type_of(answer) == media_type, f"Content-Type is {_type_of(answer)!r}")


@check("H7")
def media_types_have_parameters_and_no_case(probe: Probe) -> None:
    """`application/json; charset=utf-8`, in capitals."""
    for media_type in ("application/json; charset=utf-8", "APPLICATION/JSON"):
        answer = probe.server.request(body=_small(), headers={"Content-Type": media_type})
        probe.expect(answer.status_code == 200, f"{media_type}: {answer.status_code}")


@check("H8")
def other_media_types_are_415(probe: Probe) -> None:
    """text/plain, and none at all."""
    for headers in ({"Content-Type": "text/plain"}, {}):
        answer = probe.server.request(body=_small(), headers=headers)
        said_type = headers.get("Content-Type", "no Content-Type")
        probe.expect(answer.status_code == 415, f"{said_type}: {answer.status_code}")


@check("H11", over=_BOTH)
def every_refusal_is_a_status_in_the_encoding_of_the_request(probe: Probe) -> None:
    """Bad data, a wrong method, an unknown path: google.rpc.Status with a message."""
    media_type, _ = _media(probe)
    asked = (
        ("POST", "/v1/traces", _GARBAGE),
        ("GET", "/v1/traces", b""),
        ("POST", "/v1/nothing", b""),
    )
    for verb, path, body in asked:
        answer = probe.server.request(verb, path, body, {"Content-Type": media_type})
        what = f"{verb} {path}: {answer.status_code}"
        probe.expect(answer.status_code >= 400, what)
        probe.expect(
            _type_of(answer) == media_type, f"{what} with Content-Type {_type_of(answer)!r}"
        )
        message = http_answer(answer, path).message
        probe.expect(message != "", f"{what} without a Status message")


@check("H12", over=_BOTH)
def bad_data_is_400(probe: Probe) -> None:
    """Undecodable bytes; gzip that is none, and that is cut short. BadRequest is optional."""
    media_type, _ = _media(probe)
    bodies = (
        (_GARBAGE, {}),
        (b"not gzip", {"Content-Encoding": "gzip"}),
        (gzip.compress(b"x" * 1000)[:-4], {"Content-Encoding": "gzip"}),
        (gzip.compress(_GARBAGE), {"Content-Encoding": "gzip"}),
    )
    for body, headers in bodies:
        answer = probe.server.post("/v1/traces", body, {"Content-Type": media_type, **headers})
        probe.expect(answer.code == "400", f"{body[:12]!r}: {said(answer)}")


@check("H13", over=("http-protobuf",))
def a_body_over_the_limit_is_413(probe: Probe) -> None:
    """Before and after decompression, for 256 MiB at the latest."""
    for is_compressed in (False, True):
        answer = probe.send("traces", padding(65 * MIB), is_compressed=is_compressed)
        if answer.is_success:
            answer = probe.send("traces", padding(256 * MIB), is_compressed=is_compressed)
        what = "compressed" if is_compressed else "uncompressed"
        probe.expect(answer.code == "413", f"{what}: {said(answer)}")


@check("H13", over=("http-protobuf",))
def bodies_of_64_mib_are_taken(probe: Probe) -> None:
    """By default, as OTLP recommends; a smaller limit is allowed."""
    for size in (4, 20, 64):
        answer = probe.server.post("/v1/traces", padding(size * MIB), PROTOBUF)
        if not answer.is_success:
            probe.note(f"{size} MiB are refused with {said(answer)}")
            return


@check("H14")
def a_declared_length_over_the_limit_is_refused_before_the_body(probe: Probe) -> None:
    """413 while not a byte of it has been sent."""
    with probe.server.connect(probe.server.head(f"Content-Length: {10**12}")) as connection:
        try:
            status = next_status(connection)
        except TimeoutError:
            probe.fail("it waits for the body")
    probe.expect(status == 413, f"{status}")


@check("H19")
def other_methods_are_405_with_allow(probe: Probe) -> None:
    """GET and PUT: `Allow: POST`."""
    for verb in ("GET", "PUT", "DELETE", "HEAD"):
        answer = probe.server.request(verb)
        probe.expect(answer.status_code == 405, f"{verb}: {answer.status_code}")
        allowed = answer.headers.get("allow")
        probe.expect(allowed is not None and "POST" in allowed, f"{verb}: Allow is {allowed}")


@check("H19")
def other_paths_are_404(probe: Probe) -> None:
    """As an answer to a POST."""
    for path in ("/v1", "/v1/trace", "/v2/traces", "/v1/traces/x", "/V1/traces"):
        status = probe.server.request(path=path, headers=JSON).status_code
        probe.expect(status == 404, f"{path}: {status}")


@check("H20")
def answers_are_not_compressed_unasked(probe: Probe) -> None:
    """Only with `Accept-Encoding: gzip`, if at all."""
    for accepted in ("identity", ""):
        answer = probe.server.request(body=_small(), headers={**JSON, "Accept-Encoding": accepted})
        encoding = answer.headers.get("content-encoding", "identity")
        probe.expect(encoding == "identity", f"Content-Encoding is {encoding}")


@check("H21")
def known_content_encodings_are_accepted(probe: Probe) -> None:
    """identity, the empty one, gzip, deflate."""
    for encoding, pack in _PACK.items():
        trace_id = an_id()
        body = pack(spans(trace_id, "n").SerializeToString())
        answer = probe.server.post("/v1/traces", body, {**PROTOBUF, "Content-Encoding": encoding})
        probe.expect(answer.code == "200", f"{encoding!r}: {said(answer)}")
        probe.holds(trace_id, [["n"]])


@check("H21")
def unknown_content_encodings_are_refused(probe: Probe) -> None:
    """400 or 415: the bytes are never read as if they were not compressed."""
    answer = probe.server.post("/v1/traces", b"", {**PROTOBUF, "Content-Encoding": "unheard-of"})
    probe.expect(answer.code in {"400", "415"}, said(answer))


@check("H22")
def a_thousand_requests_go_over_one_connection(probe: Probe) -> None:
    """Each is answered with 200, and the connection stays."""
    limits = httpx.Limits(max_connections=1)
    with httpx.Client(limits=limits, timeout=20) as client:
        seen = set()
        for n in range(1000):
            answer = client.post(
                f"http://{probe.server.http}/v1/traces",
                headers={**probe.server.headers, **PROTOBUF},
            )
            probe.expect(answer.status_code == 200, f"{answer.status_code} after {n} requests")
            seen.add(answer.extensions["network_stream"].get_extra_info("client_addr"))
    probe.expect(len(seen) == 1, f"{len(seen)} connections")


@check("H23")
def a_chunked_request_is_accepted(probe: Probe) -> None:
    """In pieces of seven bytes, without Content-Length."""
    trace_id = an_id()
    body = spans(trace_id, "n").SerializeToString()
    parts = (body[n : n + 7] for n in range(0, len(body), 7))
    answer = probe.server.request(body=parts, headers=PROTOBUF)
    probe.expect(answer.status_code == 200, f"{answer.status_code} {answer.text[:100]}")
    probe.holds(trace_id, [["n"]])


@check("H25")
def pages_of_unknown_origins_get_no_cors_headers(probe: Probe) -> None:
    """Off by default: neither the preflight nor the request gets any."""
    origin = {"Origin": "http://elsewhere.example"}
    preflight = {**origin, "Access-Control-Request-Method": "POST"}
    answers = (
        probe.server.request("OPTIONS", headers=preflight),
        probe.server.request(body=_small(), headers={**JSON, **origin}),
    )
    for answer in answers:
        named = [name for name in answer.headers if name.lower().startswith("access-control-allow")]
        probe.expect(named == [], f"{named}")


@check("H26")
def a_query_makes_no_difference(probe: Probe) -> None:
    """`?x=1` is accepted; a trailing slash is accepted or 404."""
    answer = probe.server.request(path="/v1/traces?x=1", body=_small(), headers=JSON)
    probe.expect(answer.status_code == 200, f"{answer.status_code}")
    slash = probe.server.request(path="/v1/traces/", body=_small(), headers=JSON).status_code
    probe.expect(slash in {200, 404}, f"trailing slash: {slash}")


@check("H27")
def expect_100_continue_is_honoured(probe: Probe) -> None:
    """curl waits for it with bodies over 1 MiB."""
    trace_id = an_id()
    body = spans(trace_id, "n").SerializeToString()
    announced = probe.server.head(f"Content-Length: {len(body)}", "Expect: 100-continue")
    with probe.server.connect(announced) as connection:
        said_first = connection.recv(65536)
        probe.expect(said_first.startswith(b"HTTP/1.1 100 "), f"{said_first[:40]!r}")
        connection.sendall(body)
        status = next_status(connection)
    probe.expect(status == 200, f"{status}")
    probe.holds(trace_id, [["n"]])


@check("H28")
def a_client_that_went_away_sends_again(probe: Probe) -> None:
    """Whatever became of the first tries, the last one is acknowledged, and the spans are there once."""
    trace_id = an_id()
    body = spans(trace_id, "a", "b").SerializeToString()
    head = probe.server.head(f"Content-Length: {len(body)}")
    for sent in (body[:20], body):
        probe.server.connect(head, sent).close()
    answer = probe.server.post("/v1/traces", body, PROTOBUF)
    probe.expect(answer.code == "200", said(answer))
    probe.holds(trace_id, [["a"], ["b"]])


@check("H18")
def no_credentials_are_401(probe: Probe) -> None:
    """Where credentials are asked for: without them 401 with WWW-Authenticate."""
    if not probe.server.headers:
        probe.not_visible("the server was probed without credentials")
    answer = httpx.post(f"http://{probe.server.http}/v1/traces", headers=PROTOBUF, timeout=20)
    probe.expect(answer.status_code == 401, f"{answer.status_code}")
    probe.expect("www-authenticate" in answer.headers, "no WWW-Authenticate")

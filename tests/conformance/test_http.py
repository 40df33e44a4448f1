"""Rows H: OTLP/HTTP."""

import gzip
import json
import os
import socket
import zlib
from collections.abc import Callable
from http.client import HTTPResponse

import grpc
import httpx
import pytest
from google.rpc.error_details_pb2 import BadRequest
from google.rpc.status_pb2 import Status

from stepscope_collector.config import Settings
from tests.conformance.client import (
    PROTOBUF,
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

JSON = {"Content-Type": "application/json"}
_MIB = 1 << 20
_GARBAGE = b"\xff\xff\xff"


def _post(
    endpoint: Endpoint, body: bytes = b"", path: str = "/v1/traces", **headers: str
) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(f"http://{endpoint.http}{path}", content=body, headers=named, timeout=50)


def _raw(endpoint: Endpoint, *sent: bytes) -> socket.socket:
    host, _, port = endpoint.http.rpartition(":")
    connection = socket.create_connection((host, int(port)), timeout=20)
    for part in sent:
        connection.sendall(part)
    return connection


def _status(connection: socket.socket) -> int:
    """Status of the next answer, which is read to its end."""
    answer = HTTPResponse(connection)
    answer.begin()
    answer.read()
    answer.close()
    return answer.status


def _head(*lines: str, path: str = "/v1/traces") -> bytes:
    all_lines = [
        f"POST {path} HTTP/1.1",
        "Host: collector",
        "Content-Type: application/x-protobuf",
        *lines,
    ]
    return "\r\n".join([*all_lines, "", ""]).encode()


@pytest.mark.parametrize("kind", SIGNALS)
def test_the_three_paths_answer(endpoint: Endpoint, kind: Signal) -> None:
    """OTLP: H1, H9."""
    answer = endpoint.post(f"/v1/{kind}", requests(kind, "h1").SerializeToString(), PROTOBUF)
    assert (answer.code, answer.body) == ("200", b"")


def test_the_default_port_is_4318() -> None:
    """OTLP: H1."""
    assert Settings().otlp.http == "127.0.0.1:4318"


def test_http_1_1_is_spoken(endpoint: Endpoint) -> None:
    """OTLP: H2."""
    answer = _post(endpoint, content_type="application/x-protobuf")
    assert answer.http_version == "HTTP/1.1"


def test_grpc_on_the_port_of_http_fails_and_does_no_harm(endpoint: Endpoint) -> None:
    """OTLP: H4 is optional and not offered; the client sees an error and not silence."""
    with grpc.insecure_channel(endpoint.http) as channel, pytest.raises(grpc.RpcError):
        channel.unary_unary(method("traces"))(b"", timeout=20)
    assert _post(endpoint, content_type="application/x-protobuf").status_code == 200


@pytest.mark.parametrize("media_type", ["application/x-protobuf", "application/json"])
def test_the_answer_has_the_media_type_of_the_request(endpoint: Endpoint, media_type: str) -> None:
    """OTLP: H3, H5, H6, H9: on one port, for success and failure."""
    good = b"" if media_type == "application/x-protobuf" else b"{}"
    accepted = _post(endpoint, good, content_type=media_type)
    assert (accepted.status_code, accepted.headers["Content-Type"]) == (200, media_type)
    assert accepted.content == good
    refused = _post(endpoint, _GARBAGE, content_type=media_type)
    assert (refused.status_code, refused.headers["Content-Type"]) == (400, media_type)


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "Application/Json ;x=y"]
)
def test_media_types_have_parameters_and_no_case(endpoint: Endpoint, media_type: str) -> None:
    """OTLP: H7."""
    answer = _post(endpoint, b"{}", content_type=media_type)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize("media_type", ["text/plain", "application/protobuf", "", "x" * 1000])
def test_other_media_types_are_415_with_a_status(endpoint: Endpoint, media_type: str) -> None:
    """OTLP: H8, H11."""
    answer = _post(endpoint, b"{}", content_type=media_type)
    assert (answer.status_code, answer.headers["Content-Type"]) == (415, "application/json")
    assert "application/x-protobuf or application/json" in answer.json()["message"]


def test_no_media_type_is_415(endpoint: Endpoint) -> None:
    """OTLP: H8."""
    answer = httpx.post(f"http://{endpoint.http}/v1/traces", timeout=20)
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("method_name", "path", "media_type", "body", "code"),
    [
        ("POST", "/v1/traces", "application/x-protobuf", _GARBAGE, 400),
        ("POST", "/v1/traces", "application/json", b"{", 400),
        ("GET", "/v1/traces", "application/json", b"", 405),
        ("POST", "/v1/nothing", "application/x-protobuf", b"", 404),
        ("POST", "/", "application/json", b"", 404),
        ("POST", "/v1/traces", "text/plain", b"", 415),
    ],
)
def test_every_refusal_is_a_status_in_the_encoding_of_the_request(
    endpoint: Endpoint, method_name: str, path: str, media_type: str, body: bytes, code: int
) -> None:
    """OTLP: H11, J14."""
    answer = httpx.request(
        method_name,
        f"http://{endpoint.http}{path}",
        content=body,
        headers={"Content-Type": media_type},
        timeout=20,
    )
    assert answer.status_code == code
    if media_type == "application/x-protobuf":
        assert answer.headers["Content-Type"] == media_type
        assert Status.FromString(answer.content).message != ""
    else:
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json()["message"] != ""


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (_GARBAGE, {}),
        (b"not gzip", {"Content-Encoding": "gzip"}),
        (gzip.compress(b"x" * 1000)[:-4], {"Content-Encoding": "gzip"}),
        (gzip.compress(_GARBAGE), {"Content-Encoding": "gzip"}),
        (b"not deflate", {"Content-Encoding": "deflate"}),
        (b"", {"Content-Encoding": "gzip"}),
    ],
)
def test_bad_data_is_400_with_a_bad_request(
    endpoint: Endpoint, body: bytes, headers: dict[str, str]
) -> None:
    """OTLP: H12: never a server error, never retryable."""
    answer = endpoint.post("/v1/traces", body, {**PROTOBUF, **headers})
    assert answer.code == "400"
    assert answer.status.code == 3
    assert answer.status.details[0].Unpack(BadRequest())


def _padding(size: int) -> bytes:
    length = size - 6
    return (
        b"\xc2\x3e"
        + bytes(
            [
                length & 0x7F | 0x80,
                length >> 7 & 0x7F | 0x80,
                length >> 14 & 0x7F | 0x80,
                length >> 21,
            ]
        )
        + bytes(length)
    )


@pytest.mark.parametrize("encoding", ["identity", "gzip", "deflate"])
def test_a_body_over_the_limit_is_413_before_and_after_decompression(
    endpoint: Endpoint, encoding: str
) -> None:
    """OTLP: H13: 64 MiB by default."""
    pack = {
        "identity": bytes,
        "gzip": lambda body: gzip.compress(body, 1),
        "deflate": zlib.compress,
    }[encoding]
    headers = {**PROTOBUF, "Content-Encoding": encoding}
    assert endpoint.post("/v1/traces", pack(_padding(64 * _MIB)), headers).code == "200"
    answer = endpoint.post("/v1/traces", pack(_padding(64 * _MIB + 1)), headers)
    assert answer.code == "413"
    assert "67108864" in answer.message


def test_the_limit_is_configurable(start: Callable[..., Service]) -> None:
    """OTLP: H13."""
    endpoint = start("--limits-max-payload-bytes", "1MiB").endpoint()
    assert endpoint.post("/v1/traces", _padding(_MIB), PROTOBUF).code == "200"
    assert endpoint.post("/v1/traces", _padding(_MIB + 1), PROTOBUF).code == "413"


def test_a_declared_length_over_the_limit_is_refused_before_the_body(endpoint: Endpoint) -> None:
    """OTLP: H14: not a byte of it has been sent."""
    with _raw(endpoint, _head(f"Content-Length: {10**12}")) as connection:
        assert _status(connection) == 413


def test_a_chunked_body_is_stopped_at_the_limit(start: Callable[..., Service]) -> None:
    """OTLP: H14: the answer comes while the client still sends, and the client can read it."""
    endpoint = start("--limits-max-payload-bytes", "1MiB").endpoint()
    chunk = b"10000\r\n" + bytes(1 << 16) + b"\r\n"
    with _raw(endpoint, _head("Transfer-Encoding: chunked"), *[chunk] * 17) as connection:
        assert _status(connection) == 413
        connection.sendall(chunk * 20 + b"0\r\n\r\n" + _head("Content-Length: 0"))
        assert _status(connection) == 200


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
def test_other_methods_are_405_with_allow(endpoint: Endpoint, verb: str) -> None:
    """OTLP: H19."""
    answer = httpx.request(verb, f"http://{endpoint.http}/v1/traces", timeout=20)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/trace", "/v2/traces", "/v1/traces/x", "/V1/traces"]
)
def test_other_paths_are_404(endpoint: Endpoint, path: str) -> None:
    """OTLP: H19."""
    assert _post(endpoint, path=path, content_type="application/json").status_code == 404


@pytest.mark.parametrize("accepted", ["gzip", "identity", None])
def test_answers_are_not_compressed(endpoint: Endpoint, accepted: str | None) -> None:
    """OTLP: H20: they may be only when asked for, and never are."""
    headers = {**JSON, **({"Accept-Encoding": accepted} if accepted else {})}
    answer = httpx.post(
        f"http://{endpoint.http}/v1/traces", content=b"{}", headers=headers, timeout=20
    )
    assert "Content-Encoding" not in answer.headers
    assert answer.content == b"{}"


@pytest.mark.parametrize("encoding", ["identity", "", "gzip", "deflate", "GZIP"])
def test_known_content_encodings_are_accepted(endpoint: Endpoint, encoding: str) -> None:
    """OTLP: H21."""
    pack = {"gzip": gzip.compress, "deflate": zlib.compress}.get(encoding.lower(), bytes)
    trace_id = an_id()
    body = pack(spans(trace_id, "n").SerializeToString())
    assert (
        endpoint.post("/v1/traces", body, {**PROTOBUF, "Content-Encoding": encoding}).code == "200"
    )
    assert endpoint.stored(trace_id) == [["n"]]


@pytest.mark.parametrize("encoding", ["zstd", "br", "gzip, gzip"])
def test_unknown_content_encodings_are_refused(endpoint: Endpoint, encoding: str) -> None:
    """OTLP: H21: never parse the bytes as if they were not compressed; the known ones are named."""
    answer = endpoint.post("/v1/traces", b"", {**PROTOBUF, "Content-Encoding": encoding})
    assert answer.code == "415"
    assert "gzip, deflate, identity" in answer.message


def test_a_thousand_requests_go_over_one_connection(endpoint: Endpoint) -> None:
    """OTLP: H22."""
    request = _head("Content-Length: 0")
    with _raw(endpoint) as connection, connection.makefile("rb") as stream:
        for _ in range(1000):
            connection.sendall(request)
            assert stream.readline().startswith(b"HTTP/1.1 200 ")
            while stream.readline() != b"\r\n":
                pass


def test_a_chunked_request_is_accepted(endpoint: Endpoint) -> None:
    """OTLP: H23."""
    trace_id = an_id()
    body = spans(trace_id, "n").SerializeToString()
    parts = (body[n : n + 7] for n in range(0, len(body), 7))
    answer = httpx.post(
        f"http://{endpoint.http}/v1/traces", content=parts, headers=PROTOBUF, timeout=20
    )
    assert answer.request.headers["Transfer-Encoding"] == "chunked"
    assert answer.status_code == 200
    assert endpoint.stored(trace_id) == [["n"]]


def test_pages_of_other_origins_get_no_cors_headers(endpoint: Endpoint) -> None:
    """OTLP: H25 in its default, off."""
    answer = _post(
        endpoint, b"{}", content_type="application/json", origin="http://elsewhere.example"
    )
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("path", ["/v1/traces?x=1", "/v1/traces/", "/v1/traces/?x=1&y"])
def test_a_query_and_a_trailing_slash_make_no_difference(endpoint: Endpoint, path: str) -> None:
    """OTLP: H26."""
    assert _post(endpoint, b"{}", path=path, content_type="application/json").status_code == 200


def test_expect_100_continue_is_honoured(endpoint: Endpoint) -> None:
    """OTLP: H27: curl waits for it with bodies over 1 MiB."""
    trace_id = an_id()
    body = spans(trace_id, "n").SerializeToString()
    with _raw(
        endpoint, _head(f"Content-Length: {len(body)}", "Expect: 100-continue")
    ) as connection:
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert _status(connection) == 200
    assert endpoint.stored(trace_id) == [["n"]]


def test_expect_100_continue_is_refused_without_the_body(endpoint: Endpoint) -> None:
    """OTLP: H27, H14: and the connection ends, for its client may never send what it announced."""
    with _raw(endpoint, _head(f"Content-Length: {10**9}", "Expect: 100-continue")) as connection:
        with connection.makefile("rb") as stream:
            answer = stream.read()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()


def test_a_client_that_went_away_sends_again(endpoint: Endpoint) -> None:
    """OTLP: H28, C9: whatever became of the first try, the spans are there once."""
    trace_id = an_id()
    body = spans(trace_id, "a", "b").SerializeToString()
    head = _head(f"Content-Length: {len(body)}")
    for sent in (body[:20], body):
        _raw(endpoint, head, sent).close()
    assert endpoint.post("/v1/traces", body, PROTOBUF).code == "200"
    assert endpoint.stored(trace_id) == [["a"], ["b"]]


@pytest.mark.parametrize(
    "junk",
    [
        b"\x16\x03\x01" + bytes(50),
        b"GET\r\n\r\n",
        os.urandom(200),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_not_http_does_no_harm(endpoint: Endpoint, service: Service, junk: bytes) -> None:
    """ours: no traceback, and the next client is served."""
    _raw(endpoint, junk).close()
    assert _post(endpoint, b"{}", content_type="application/json").status_code == 200
    assert "Traceback" not in service.log()


def test_a_partial_success_in_json_names_the_field_and_the_reason(endpoint: Endpoint) -> None:
    """OTLP: H10, C8."""
    tree = {
        "resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "00" * 16, "spanId": "11" * 8}]}]}]
    }
    answer = _post(endpoint, json.dumps(tree).encode(), content_type="application/json")
    assert answer.status_code == 200
    partial = answer.json()["partialSuccess"]
    assert partial["rejectedSpans"] == "1"
    assert partial["errorMessage"] != ""


def test_a_partial_success_in_protobuf_has_the_media_type(endpoint: Endpoint) -> None:
    """OTLP: H10, H5."""
    body = traces({"trace_id": b"short", "span_id": b"12345678"}).SerializeToString()
    answer = endpoint.post("/v1/traces", body, PROTOBUF)
    assert (answer.code, answer.rejected) == ("200", 1)


def test_a_request_refused_before_decoding_is_recorded(endpoint: Endpoint) -> None:
    """issue #2: data refused is counted and recorded."""
    mark = f"x{an_id().hex()}"
    assert endpoint.post("/v1/logs", b"", {**PROTOBUF, "Content-Encoding": mark}).code == "415"
    # The note is in the queue before the answer, so this request's commit comes after its commit.
    assert endpoint.send("http-json", "traces", spans(an_id(), "after")).is_success
    statement = "select signal, reason from stored.rejections where contains(message, $mark)"
    assert endpoint.sql(statement, mark=mark) == [["logs", "unsupported_media"]]

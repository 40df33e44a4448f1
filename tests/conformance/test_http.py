"""Rows H: OTLP/HTTP."""

import gzip
import json
import os
import zlib
from collections.abc import Callable

import httpx
import pytest
from google.rpc.error_details_pb2 import BadRequest

from stepscope_collector.config import Settings
from tests.conformance.client import (
    PROTOBUF,
    Endpoint,
    an_id,
    spans,
    traces,
)
from tests.conformance.conftest import Service
from tests.conformance.probe.wire import head, next_status, padding

pytestmark = pytest.mark.e2e

JSON = {"Content-Type": "application/json"}
_MIB = 1 << 20
_GARBAGE = b"\xff\xff\xff"


def _post(
    endpoint: Endpoint, body: bytes = b"", path: str = "/v1/traces", **headers: str
) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(f"http://{endpoint.http}{path}", content=body, headers=named, timeout=50)


def test_the_default_port_is_4318() -> None:
    """OTLP: H1."""
    assert Settings().otlp.http == "127.0.0.1:4318"


@pytest.mark.parametrize("media_type", ["text/plain", "application/protobuf", "", "x" * 1000])
def test_other_media_types_are_415_with_a_status(endpoint: Endpoint, media_type: str) -> None:
    """OTLP: H8, H11."""
    answer = _post(endpoint, b"{}", content_type=media_type)
    assert (answer.status_code, answer.headers["Content-Type"]) == (415, "application/json")
    assert "application/x-protobuf or application/json" in answer.json()["message"]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (_GARBAGE, {}),
        (b"not gzip", {"Content-Encoding": "gzip"}),
        (gzip.compress(b"x" * 1000, mtime=0)[:-4], {"Content-Encoding": "gzip"}),
        (gzip.compress(_GARBAGE, mtime=0), {"Content-Encoding": "gzip"}),
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
    assert endpoint.post("/v1/traces", pack(padding(64 * _MIB)), headers).code == "200"
    answer = endpoint.post("/v1/traces", pack(padding(64 * _MIB + 1)), headers)
    assert answer.code == "413"
    assert "67108864" in answer.message


def test_the_limit_is_configurable(start: Callable[..., Service]) -> None:
    """OTLP: H13."""
    endpoint = start("--limits-max-payload-bytes", "1MiB").endpoint()
    assert endpoint.post("/v1/traces", padding(_MIB), PROTOBUF).code == "200"
    assert endpoint.post("/v1/traces", padding(_MIB + 1), PROTOBUF).code == "413"


def test_a_chunked_body_is_stopped_at_the_limit(start: Callable[..., Service]) -> None:
    """OTLP: H14: the answer comes while the client still sends, and the client can read it."""
    endpoint = start("--limits-max-payload-bytes", "1MiB").endpoint()
    chunk = b"10000\r\n" + bytes(1 << 16) + b"\r\n"
    with endpoint.connect(head("Transfer-Encoding: chunked"), *[chunk] * 17) as connection:
        assert next_status(connection) == 413
        connection.sendall(chunk * 20 + b"0\r\n\r\n" + head("Content-Length: 0"))
        assert next_status(connection) == 200


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


@pytest.mark.parametrize("encoding", ["lz4", "br", "gzip, gzip"])
def test_unknown_content_encodings_are_refused(endpoint: Endpoint, encoding: str) -> None:
    """OTLP: H21: never parse the bytes as if they were not compressed; the known ones are named."""
    answer = endpoint.post("/v1/traces", b"", {**PROTOBUF, "Content-Encoding": encoding})
    assert answer.code == "415"
    assert "gzip, deflate, zstd, identity" in answer.message


def test_pages_of_other_origins_get_no_cors_headers(endpoint: Endpoint) -> None:
    """OTLP: H25 in its default, off."""
    answer = _post(
        endpoint, b"{}", content_type="application/json", origin="http://elsewhere.example"
    )
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_expect_100_continue_is_refused_without_the_body(endpoint: Endpoint) -> None:
    """OTLP: H27, H14: and the connection ends, for its client may never send what it announced."""
    with endpoint.connect(head(f"Content-Length: {10**9}", "Expect: 100-continue")) as connection:
        with connection.makefile("rb") as stream:
            answer = stream.read()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()


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
    endpoint.connect(junk).close()
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

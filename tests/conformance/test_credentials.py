"""A collector with tokens, and somebody who has none, or the wrong one."""

import base64
import contextlib
import http.client
import json
import signal
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import httpx
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (
    OTLPSpanExporter as GrpcSpanExporter,
)
from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
    OTLPSpanExporter as HttpSpanExporter,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

from stepscope_collector.access.tokens import create_token, read_tokens, revoke_token
from stepscope_collector.receive.otlp_grpc import METHODS
from tests.conformance.client import PROTOBUF, Endpoint, an_id, spans
from tests.conformance.conftest import Service

pytestmark = pytest.mark.e2e

EXPORT = next(iter(METHODS))
UNAUTHENTICATED = {"error": {"code": "unauthenticated", "message": "unauthenticated"}}
CHALLENGES = ['Bearer realm="stepscope"', 'Basic realm="stepscope", charset="UTF-8"']


class Closed(NamedTuple):
    """A collector that wants tokens, and one token of each kind."""

    endpoint: Endpoint
    service: Service
    path: Path
    tokens: dict[str, str]

    def bearer(self, name: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.tokens[name]}"}

    def rows(self, statement: str) -> list[list[Any]]:
        """The answer to somebody who may read."""
        answer = httpx.post(
            f"http://{self.endpoint.web}/api/sql",
            json={"sql": statement},
            headers=self.bearer("read"),
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        rows: list[list[Any]] = answer.json()["rows"]
        return rows


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Closed]:
    data = tmp_path_factory.mktemp("closed") / "data"
    path = data / "tokens.json"
    tokens = {name: create_token(path, name, (name,)) for name in ("ingest", "read", "admin")}
    tokens["gone"] = create_token(path, "gone", ("admin",))
    revoke_token(path, "gone")
    soon = datetime.now(UTC) + timedelta(days=1)
    tokens["late"] = create_token(path, "late", ("admin",), soon)
    path.write_text(
        path.read_text().replace(soon.isoformat(timespec="seconds"), "2020-01-01T00:00:00Z")
    )
    tokens["unknown"] = "stepscope_" + "0" * 48
    tokens["hash"] = read_tokens(path)[2].sha256
    service = Service(data)
    yield Closed(service.endpoint(), service, path, tokens)
    assert service.stop() == 0, service.log()
    assert "Traceback" not in service.log()
    for secret in tokens.values():
        assert secret not in service.log()


NO_TOKEN: list[list[tuple[str, str]]] = [
    [],
    [("authorization", "")],
    [("authorization", "Bearer")],
    [("authorization", "Bearer ")],
    [("authorization", "{ingest}")],
    [("authorization", "Token {ingest}")],
    [("authorization", "Bearer {ingest}x")],
    [("authorization", "Bearer {ingest} {ingest}")],
    [("authorization", "Bearer {ingest},Bearer {ingest}")],
    [("authorization", "Bearer {unknown}")],
    [("authorization", "Bearer {gone}")],
    [("authorization", "Bearer {late}")],
    [("authorization", "Bearer {hash}")],
    [("authorization", "Bearer {admin}"), ("authorization", "Bearer {admin}")],
    [("authorization", "Bearer {unknown}"), ("authorization", "Bearer {admin}")],
    [("authorization", "Bearer " + "a" * 5000)],
    [("x-authorization", "Bearer {admin}")],
    [("proxy-authorization", "Bearer {admin}")],
    [("cookie", "authorization=Bearer {admin}; token={admin}")],
    [("x-forwarded-for", "127.0.0.1"), ("x-forwarded-proto", "https")],
]


def filled(headers: list[tuple[str, str]], closed: Closed) -> list[tuple[str, str]]:
    return [(name, value.format(**closed.tokens)) for name, value in headers]


def ask(
    at: str, method: str, target: str, headers: list[tuple[str, str]], body: bytes = b""
) -> Any:
    """Status, headers and body, with header lines exactly as given."""
    with contextlib.closing(http.client.HTTPConnection(at, timeout=30)) as connection:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in [*headers, ("content-length", str(len(body)))]:
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def refused(at: str, method: str, headers: list[tuple[str, str]]) -> tuple[str, str, bytes]:
    """Code, message and details of a gRPC call that is refused."""
    with grpc.insecure_channel(at) as channel:
        call = channel.unary_unary(method)
        with pytest.raises(grpc.RpcError) as caught:
            call(spans(an_id(), "n").SerializeToString(), timeout=20, metadata=headers)
    error: Any = caught.value
    details = dict(error.trailing_metadata()).get("grpc-status-details-bin", b"")
    return error.code().name, error.details(), details


@pytest.mark.parametrize("headers", NO_TOKEN, ids=range(len(NO_TOKEN)))
def test_grpc_without_a_token_is_unauthenticated(
    closed: Closed, headers: list[tuple[str, str]]
) -> None:
    """OTLP: G11, whatever is in the place of a token."""
    code, message, details = refused(closed.endpoint.grpc, EXPORT, filled(headers, closed))
    assert (code, message) == ("UNAUTHENTICATED", "unauthenticated")
    status = Status.FromString(details)
    assert (status.code, status.message, list(status.details)) == (16, "unauthenticated", [])


@pytest.mark.parametrize(
    "method",
    [
        *METHODS,
        "/no.such.Service/Method",
        "/x",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    ],
)
def test_grpc_says_the_same_of_every_method(closed: Closed, method: str) -> None:
    """OTLP: G11: without token nobody learns which methods there are; with one, G12."""
    assert refused(closed.endpoint.grpc, method, [])[0] == "UNAUTHENTICATED"
    if method not in METHODS:
        shown = list(closed.bearer("ingest").items())
        assert refused(closed.endpoint.grpc, method, shown)[0] == "UNIMPLEMENTED"


def test_grpc_with_a_token_of_another_scope_is_denied(closed: Closed) -> None:
    """OTLP: G11: known but not allowed."""
    code, message, details = refused(
        closed.endpoint.grpc, EXPORT, list(closed.bearer("read").items())
    )
    assert code == "PERMISSION_DENIED"
    assert message == "the token read has the scope read; this needs ingest"
    assert Status.FromString(details).code == 7


def test_grpc_refuses_before_the_message_has_come(closed: Closed) -> None:
    """OTLP: G11: nothing of what a stranger sends is read."""

    def never() -> Iterator[bytes]:
        assert done.wait(30)
        yield b""

    done = threading.Event()
    with grpc.insecure_channel(closed.endpoint.grpc) as channel:
        call: Any = channel.stream_unary(EXPORT).future(never(), timeout=20)
        error = call.exception(20)
        done.set()
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("headers", NO_TOKEN, ids=range(len(NO_TOKEN)))
@pytest.mark.parametrize("port", ["http", "web"])
def test_http_without_a_token_is_401_with_challenges(
    closed: Closed, port: str, headers: list[tuple[str, str]]
) -> None:
    """OTLP: H18, whatever is in the place of a token; the web port likewise."""
    at = getattr(closed.endpoint, port)
    target = {"http": "/v1/traces", "web": "/api/executions"}[port]
    method = {"http": "POST", "web": "GET"}[port]
    status, answered, body = ask(at, method, target, filled(headers, closed))
    assert status == 401
    assert answered.get_all("www-authenticate") == CHALLENGES
    if port == "web":
        assert json.loads(body) == UNAUTHENTICATED
    else:
        assert json.loads(body) == {"code": 16, "message": "unauthenticated"}


def test_the_status_is_in_the_encoding_of_the_request(closed: Closed) -> None:
    """OTLP: H18, H5: 401 and 403 with a Status in protobuf."""
    for headers, code, status in (({}, 16, 401), (closed.bearer("read"), 7, 403)):
        answer = httpx.post(
            f"http://{closed.endpoint.http}/v1/traces",
            content=spans(an_id(), "n").SerializeToString(),
            headers={**PROTOBUF, **headers},
        )
        assert answer.status_code == status
        assert answer.headers["content-type"] == PROTOBUF["Content-Type"]
        assert Status.FromString(answer.content).code == code
        assert ("www-authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE"]
)
@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/v1/traces",
        "/v1/traces/",
        "/v1/nothing",
        "/api/executions",
        "/api/doctor",
        "/api/sql",
        "/metrics",
        "/openapi.json",
        "//healthz",
        "/healthz/",
        "/healthz/../api/doctor",
        "/healthz%2f..%2fapi/doctor",
        "/healthz;/api/doctor",
        "/api/executions?token={admin}&access_token={admin}&authorization=Bearer%20{admin}",
        "/v1/traces?token={admin}&access_token={admin}&authorization=Bearer%20{admin}",
    ],
)
def test_every_path_and_method_without_a_token_is_401(
    closed: Closed, method: str, target: str
) -> None:
    """OTLP: H18: a stranger does not learn which paths there are; no token is taken from a URL."""
    target = target.format(**closed.tokens)
    for at in (closed.endpoint.http, closed.endpoint.web):
        status, answered, body = ask(at, method, target, [("host", "evil.example")])
        assert status == 401, (at, body)
        assert set(answered) == {"date", "content-type", "content-length", "www-authenticate"}
        assert body == b"" if method == "HEAD" else json.loads(body)


def test_probes_of_the_web_port_need_no_token_and_tell_nothing(closed: Closed) -> None:
    """issue #4: health needs no token."""
    at = closed.endpoint.web
    assert ask(at, "GET", "/healthz", [])[::2] == (200, b'{"status":"alive"}')
    assert ask(at, "GET", "/readyz", [])[::2] == (200, b'{"status":"ready"}')
    assert ask(at, "GET", "/healthz", [("host", "balancer.example")])[0] == 200
    assert ask(at, "POST", "/healthz", [])[0] == 401
    assert ask(closed.endpoint.http, "GET", "/healthz", [])[0] == 401


@pytest.mark.parametrize("name", ["ingest", "read", "admin"])
def test_what_each_scope_may_do(closed: Closed, name: str) -> None:
    """issue #4: with an ingest token one cannot read; with a read token not write."""
    shown = closed.bearer(name)
    web, otlp = f"http://{closed.endpoint.web}", f"http://{closed.endpoint.http}"
    may_read = [
        httpx.get(f"{web}{path}", headers=shown).status_code
        for path in ("/api/executions", "/api/doctor", "/metrics", "/openapi.json")
    ]
    may_read.append(
        httpx.post(f"{web}/api/sql", json={"sql": "select 1"}, headers=shown).status_code
    )
    assert set(may_read) == ({403} if name == "ingest" else {200})
    body = spans(an_id(), "n").SerializeToString()
    sent = httpx.post(f"{otlp}/v1/traces", content=body, headers={**PROTOBUF, **shown})
    assert sent.status_code == (403 if name == "read" else 200)
    # documents of older workflows come in on the web port; what changes or removes is for admin
    posted = httpx.post(f"{web}/api/executions", headers=shown).status_code
    assert posted == (403 if name == "read" else 415)
    removed = httpx.delete(f"{web}/api/executions/none", headers=shown).status_code
    assert removed == (404 if name == "admin" else 403)


def test_stock_exporters_come_in_with_headers(closed: Closed) -> None:
    """OTLP: G11, H18: Bearer in any case, and Basic, through OTEL_EXPORTER_OTLP_HEADERS."""
    basic = base64.b64encode(f"ingest:{closed.tokens['ingest']}".encode()).decode()
    provider = TracerProvider(shutdown_on_exit=False)
    for header in (f"bearer {closed.tokens['ingest']}", f"Basic {basic}"):
        for exporter in (
            GrpcSpanExporter(
                endpoint=f"http://{closed.endpoint.grpc}",
                insecure=True,
                headers={"authorization": header},
            ),
            HttpSpanExporter(
                endpoint=f"http://{closed.endpoint.http}/v1/traces",
                headers={"Authorization": header},
            ),
        ):
            span = provider.get_tracer("t").start_span("admitted")
            span.end()
            assert exporter.export([span]) is SpanExportResult.SUCCESS  # type: ignore[list-item]  # an SDK span
            exporter.shutdown()
    assert closed.rows("select count(*) from spans where name = 'admitted'") == [[4]]


def test_nothing_refused_is_stored_and_all_of_it_is_counted(closed: Closed) -> None:
    """issue #4: refusals are counted by reason; a stranger writes nothing, not even a rejection."""
    before = closed.rows("select count(*) from stored.rejections")
    refused(closed.endpoint.grpc, EXPORT, [])
    ask(closed.endpoint.http, "POST", "/v1/traces", [], b"\xff\xff")
    ask(
        closed.endpoint.http,
        "POST",
        "/v1/traces",
        filled([("authorization", "Bearer {gone}")], closed),
    )
    httpx.get(f"http://{closed.endpoint.web}/api/doctor", headers=closed.bearer("ingest"))
    assert closed.rows("select count(*) from stored.rejections") == before
    report = httpx.get(f"http://{closed.endpoint.web}/api/doctor", headers=closed.bearer("read"))
    assert report.json()["needs_token"] is True
    assert {"grpc", "http", "web"} == {row["transport"] for row in report.json()["denied"]}
    text = httpx.get(f"http://{closed.endpoint.web}/metrics", headers=closed.bearer("read")).text
    for labels in (
        'transport="grpc",reason="missing"',
        'transport="http",reason="missing"',
        'transport="http",reason="revoked"',
        'transport="web",reason="scope"',
    ):
        assert f"stepscope_denied_requests_total{{{labels}}}" in text
    assert 'stepscope_admitted_requests_total{transport="web",token="read"}' in text


def test_a_rejection_says_whose_token_and_which_client(closed: Closed) -> None:
    """OTLP: G21: user agent and token name, beside the address."""
    answer = httpx.post(
        f"http://{closed.endpoint.http}/v1/traces",
        content=b"\xff\xff",
        headers={**PROTOBUF, "user-agent": "agent/1", **closed.bearer("ingest")},
    )
    assert answer.status_code == 400
    shown = [*closed.bearer("ingest").items()]
    with grpc.insecure_channel(
        closed.endpoint.grpc, [("grpc.primary_user_agent", "own/2")]
    ) as channel:
        with pytest.raises(grpc.RpcError):
            channel.unary_unary(EXPORT)(b"\xff\xfe", timeout=20, metadata=shown)
    senders = [row[0] for row in closed.rows("select sender from stored.rejections order by 1")]
    assert "127.0.0.1 (token ingest; agent/1)" in senders
    assert any(each.startswith("127.0.0.1 (token ingest; own/2 grpc-python/") for each in senders)


def test_a_stranger_with_expect_gets_the_answer_and_no_more(closed: Closed) -> None:
    """OTLP: H18, H27: the body that was announced is not asked for."""
    at = closed.endpoint.http
    with contextlib.closing(http.client.HTTPConnection(at, timeout=30)) as connection:
        connection.putrequest("POST", "/v1/traces")
        for name, value in (("content-length", "50000000"), ("expect", "100-continue")):
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        assert (answer.status, answer.headers["connection"]) == (401, "close")


def test_tokens_made_and_revoked_count_at_once_and_after_sighup(closed: Closed) -> None:
    """issue #4: works while the server runs; SIGHUP reads them again."""

    def status(secret: str) -> int:
        shown = {"authorization": f"Bearer {secret}"}
        return httpx.get(f"http://{closed.endpoint.web}/metrics", headers=shown).status_code

    secret = create_token(closed.path, "new", ("read",))
    assert status(secret) == 200
    closed.service.process.send_signal(signal.SIGHUP)
    assert status(secret) == 200
    revoke_token(closed.path, "new")
    assert status(secret) == 401
    assert closed.service.process.poll() is None


@pytest.mark.parametrize(
    "head",
    [
        b"GET /v1/traces HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ",
        b"GET /",
        b"POST /v1/traces HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTrailer: ",
        b"POST /v1/traces HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;",
    ],
)
@pytest.mark.parametrize("piece", [b"a" * 65536, b"a: b\r\n" * 11000])
def test_a_head_without_end_is_not_gathered(closed: Closed, head: bytes, piece: bytes) -> None:
    """issue #4: header sizes: nobody makes the process grow, least of all without a token."""
    host, _, port = closed.endpoint.http.rpartition(":")
    sent = 0
    with socket.create_connection((host, int(port)), timeout=15) as connection:
        connection.sendall(head)
        with contextlib.suppress(ConnectionError):
            while sent < 64 << 20:
                connection.sendall(piece)
                sent += len(piece)
    assert sent < 32 << 20  # what the sockets of both sides hold


def test_strangers_write_no_log(closed: Closed) -> None:
    """issue #4: what is broken on purpose fills no disk; it is refused, and the others go on."""
    before = closed.service.log()
    bad = [
        b"\x16\x03\x01\x02\x00" + bytes(500),
        b"GET / HTTP/9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET",
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nAuthorization : Bearer x\r\n\r\n",
    ]
    for at in (closed.endpoint.http, closed.endpoint.web, closed.endpoint.grpc):
        host, _, port = at.rpartition(":")
        for words in bad:
            with socket.create_connection((host, int(port)), timeout=15) as connection:
                connection.sendall(words)
                connection.shutdown(socket.SHUT_WR)
                said = b""
                with contextlib.suppress(ConnectionResetError):
                    while piece := connection.recv(4096):
                        said += piece
            assert b"HTTP/1.1 2" not in said
    assert closed.service.log() == before

"""Hypothesis over the ports of a running collector: anything that can be sent to them is answered or refused."""

import socket
from collections.abc import Iterator
from http.client import BadStatusLine, HTTPException, HTTPResponse

import grpc
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope_collector.decode.otlp_json import REQUESTS
from tests.conformance.probe.wire import (
    JSON,
    PROTOBUF,
    SIGNALS,
    TRANSPORTS,
    Server,
    Signal,
    Transport,
    json_of,
    method,
    requests,
)
from tests.integration.collector.process import Collector
from tests.strategies.messages import messages

pytestmark = pytest.mark.e2e

SOCKET_S = 20
ANSWERS = {200, 204, 400, 404, 405, 413, 415, 431, 501, 503}
"""What may be answered to anything; 500 would be a bug of ours."""


class Running(Server):
    """A collector with its addresses, which must not say a word about what it is sent."""

    def __init__(self, collector: Collector) -> None:
        self.grpc = collector.endpoints.otlp_grpc
        self.http = collector.endpoints.otlp_http
        self.web = collector.endpoints.web


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    collector = Collector(tmp_path_factory.mktemp("fuzz") / "data")
    server = Running(collector)
    yield server
    for signal in SIGNALS:  # it still serves
        for transport in TRANSPORTS:
            assert server.send(transport, signal, requests(signal, "after")).is_success
    assert collector.terminate() == 0
    assert "Traceback" not in collector.said()


TOKENS = st.text("!#$%&'*+-.^_`|~0123456789abcXYZ", min_size=1, max_size=12)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"))
KNOWN_HEADERS: dict[str, list[str]] = {
    "Content-Type": ["application/json", "application/x-protobuf", "application/json;x=\xff", ""],
    "Content-Encoding": ["gzip", "deflate", "identity", "", "gzip, gzip", "br"],
    "Content-Length": ["0", "5", "-1", "1e3", "9" * 30, "+5", "5, 5", ""],
    "Transfer-Encoding": ["chunked", "gzip, chunked", "identity"],
    "Expect": ["100-continue", "x"],
    "Accept-Encoding": ["gzip", "*;q=0"],
    "Connection": ["close", "keep-alive", "upgrade"],
    "Upgrade": ["websocket", "h2c"],
    "Host": ["x", "", "[::1]", "a b"],
    "Origin": ["null", "http://elsewhere.example"],
    "Authorization": ["Bearer x", "Basic ////", "Bearer"],
    "Cookie": ["a=b; " * 200],
}
HEADERS = st.lists(
    st.one_of(
        st.sampled_from(sorted(KNOWN_HEADERS)).flatmap(
            lambda name: st.tuples(st.just(name), st.sampled_from(KNOWN_HEADERS[name]))
        ),
        st.tuples(st.sampled_from(sorted(KNOWN_HEADERS)), VALUES),
        st.tuples(TOKENS, VALUES),
    ),
    max_size=6,
)
VERBS = st.one_of(st.sampled_from(["POST", "GET", "PUT", "HEAD", "OPTIONS", "TRACE"]), TOKENS)
PATH_PARTS = st.text("abcv1/.%?#&=+;~:@\\0-", max_size=30)
SMALL = [requests(signal, "n") for signal in SIGNALS]
GOOD = [*map(json_of, SMALL), *(request.SerializeToString() for request in SMALL)]
BODIES = st.one_of(st.just(b""), st.sampled_from(GOOD), st.binary(max_size=200))


def _exchange(address: str, sent: bytes, verb: str) -> HTTPResponse | None:
    """The answer to bytes after which the client has no more to say; None: closed without one."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=SOCKET_S) as connection:
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
        except OSError:  # refused already
            pass
        answer = HTTPResponse(connection, method=verb)
        try:
            answer.begin()
            answer.read()
        except (BadStatusLine, ConnectionError):
            return None
        except HTTPException as error:
            raise AssertionError(f"not HTTP: {error!r}") from error
        return answer


@given(
    verb=VERBS,
    path=st.one_of(st.sampled_from([f"/v1/{signal}" for signal in SIGNALS]), PATH_PARTS),
    headers=HEADERS,
    body=BODIES,
    is_measured=st.booleans(),
)
def test_any_request_to_the_otlp_port_is_answered(
    running: Running,
    verb: str,
    path: str,
    headers: list[tuple[str, str]],
    body: bytes,
    is_measured: bool,
) -> None:
    """issue #4: arbitrary paths, methods, headers and bodies end in an answer or a refusal."""
    lines = [f"{verb} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    if is_measured:
        lines.append(f"Content-Length: {len(body)}")
    sent = "\r\n".join([*lines, "", ""]).encode("latin-1") + body
    answer = _exchange(running.http, sent, verb)
    if answer is not None:
        assert answer.status in ANSWERS, sent


@given(sent=st.binary(max_size=300))
def test_any_bytes_do_the_ports_no_harm(running: Running, sent: bytes) -> None:
    """issue #4: what is not HTTP at all is refused or ends the connection."""
    for address in (running.http, running.web):
        answer = _exchange(address, sent, "POST")
        assert answer is None or answer.status in ANSWERS


@given(
    verb=st.sampled_from(["GET", "POST", "HEAD", "DELETE"]),
    path=st.sampled_from(
        ["/", "/api/", "/api/executions", "/api/executions/", "/api/workflows", "/api/stats",
         "/api/sql", "/api/doctor", "/openapi.json", "/metrics"]
    ),
    more=st.one_of(st.just(""), PATH_PARTS),
    body=st.one_of(BODIES, st.text().map(lambda sql: f'{{"sql": "{sql}"}}'.encode())),
)  # fmt: skip
def test_any_request_to_the_web_port_is_answered(
    running: Running, verb: str, path: str, more: str, body: bytes
) -> None:
    """issue #4: the same for questions."""
    head = f"{verb} {path}{more} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    sent = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    answer = _exchange(running.web, sent, verb)
    if answer is not None:
        assert answer.status < 500, sent


@st.composite
def damaged(draw: st.DrawFn, signal: Signal, transport: Transport) -> bytes:
    """A request of any content, with some bytes changed, taken out or put in."""
    message = draw(messages(REQUESTS[signal]))
    data = bytearray(json_of(message) if transport == "http-json" else message.SerializeToString())
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    return bytes(data)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("signal", SIGNALS)
@given(data=st.data())
def test_any_body_is_accepted_or_bad_data(
    running: Running, clients: "Clients", transport: Transport, signal: Signal, data: st.DataObject
) -> None:
    """issue #4: through every door: success, or 400 and INVALID_ARGUMENT; never another error."""
    body = data.draw(damaged(signal, transport))
    assert clients.send(transport, signal, body) in {"OK", "200", "400", "INVALID_ARGUMENT"}


class Clients:
    """Connections that are kept: a new one for each of thousands of requests costs more than they do."""

    def __init__(self, server: Running) -> None:
        self._server = server
        self._http = httpx.Client(base_url=f"http://{server.http}", timeout=SOCKET_S)
        self._channel = server.channel()

    def send(self, transport: Transport, signal: Signal, body: bytes) -> str:
        """The code of the answer."""
        if transport != "grpc":
            headers = JSON if transport == "http-json" else PROTOBUF
            return str(self._http.post(f"/v1/{signal}", content=body, headers=headers).status_code)
        try:
            self._channel.unary_unary(method(signal))(body, timeout=SOCKET_S)
        except grpc.RpcError as error:
            return str(error.code().name)  # type: ignore[attr-defined]  # it is a call too
        return "OK"

    def close(self) -> None:
        self._http.close()
        self._channel.close()


@pytest.fixture(scope="module")
def clients(running: Running) -> Iterator[Clients]:
    found = Clients(running)
    yield found
    found.close()

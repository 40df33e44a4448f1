"""The tee's clients against real servers, with and without TLS."""

import gzip
import socket
import ssl
import threading
from concurrent import futures
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import pytest

from stepscope_collector.config import Target
from stepscope_collector.errors import ConfigError
from stepscope_collector.tee.forwarder import client_for
from tests.certificates import Authority
from tests.faults.load import METHODS

WAIT_S = 20
BODY = b"\x0a\x00" * 200


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority, a server's and a client's certificate."""
    authority = Authority(tmp_path_factory.mktemp("certificates"))
    return authority, authority.sign("server"), authority.sign("client")


@contextmanager
def grpc_server(certificates=None):
    """A receiver that takes everything; asks for a client certificate when it has one itself."""
    taken = []

    def export(payload, context):
        taken.append((payload, dict(context.invocation_metadata())))
        return b""

    class Methods(grpc.GenericRpcHandler):
        def service(self, details):
            if details.method == METHODS["traces"]:
                return grpc.unary_unary_rpc_method_handler(export)
            return None

    server = grpc.server(futures.ThreadPoolExecutor(2), handlers=[Methods()])
    if certificates is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        authority, own, _ = certificates
        pair = (own.key.read_bytes(), own.certificate.read_bytes())
        trusted = authority.certificate.read_bytes()
        credentials = grpc.ssl_server_credentials([pair], trusted, require_client_auth=True)
        port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    try:
        yield port, taken
    finally:
        server.stop(0).wait()


@contextmanager
def http_server(certificates=None, statuses=None):
    """As `grpc_server`, over HTTP; `statuses` are answered in turn, then 200."""
    taken, statuses = [], iter(statuses or ())

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            taken.append((self.path, dict(self.headers), body, self.client_address))
            self.send_response(next(statuses, 200))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if certificates is not None:
        authority, own, _ = certificates
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(own.certificate, own.key)
        context.load_verify_locations(authority.certificate)
        context.verify_mode = ssl.CERT_REQUIRED
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_address[1], taken
    finally:
        server.shutdown()
        thread.join(WAIT_S)
        server.server_close()


@contextmanager
def client(endpoint, protocol, **more):
    made = client_for(Target("t", endpoint, protocol, timeout_s=10.0, **more))
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_http_requests_are_whole_and_on_one_connection(compression):
    """issue #4: headers, compression; OTLP/HTTP paths and media types."""
    with (
        http_server(statuses=[503]) as (port, taken),
        client(
            f"http://127.0.0.1:{port}/base",
            "http",
            compression=compression,
            headers=(("x-a", "1"),),
        ) as sender,
    ):
        assert sender.send("traces", "protobuf", BODY, "aa,bb").reason == "http_503"
        assert sender.send("logs", "json", b"{}", "aa").kind == "taken"
    (path, headers, body, peer), (path2, headers2, body2, peer2) = taken
    assert (path, path2) == ("/base/v1/traces", "/base/v1/logs")
    assert peer == peer2
    assert headers["content-type"] == "application/x-protobuf"
    assert headers2["content-type"] == "application/json"
    assert (headers["stepscope-via"], headers["x-a"]) == ("aa,bb", "1")
    assert headers.get("content-encoding") == ("gzip" if compression == "gzip" else None)
    unpack = gzip.decompress if compression == "gzip" else bytes
    assert (unpack(body), unpack(body2)) == (BODY, b"{}")


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_grpc_requests_are_whole(compression):
    """issue #4: headers, compression."""
    with (
        grpc_server() as (port, taken),
        client(
            f"http://127.0.0.1:{port}", "grpc", compression=compression, headers=(("x-a", "1"),)
        ) as sender,
    ):
        assert sender.send("traces", "protobuf", BODY, "aa").kind == "taken"
        assert sender.send("logs", "protobuf", BODY, "aa").reason == "UNIMPLEMENTED"
    ((body, metadata),) = taken
    assert body == BODY
    assert (metadata["x-a"], metadata["stepscope-via"]) == ("1", "aa")


@pytest.mark.parametrize(("protocol", "server"), [("grpc", grpc_server), ("http", http_server)])
def test_both_sides_show_their_certificates(certificates, protocol, server):
    """issue #4: TLS with CA and client certificate; who is not known is not talked to."""
    authority, _, own = certificates
    files = {"cert_file": str(own.certificate), "key_file": str(own.key)}
    with server(certificates) as (port, taken):
        endpoint = f"https://localhost:{port}"
        with client(endpoint, protocol, ca_file=str(authority.certificate), **files) as sender:
            assert sender.send("traces", "protobuf", BODY, "").kind == "taken"
        for wrong in (files, {"ca_file": str(authority.certificate)}):
            with client(endpoint, protocol, **wrong) as sender:
                assert sender.send("traces", "protobuf", BODY, "").kind == "later"
    assert len(taken) == 1


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_a_server_that_is_not_there_or_breaks_off_is_asked_again(protocol):
    """ours: whatever the connection does, the request stays."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def break_off():
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    connection.recv(10)
                    connection.close()

        breaking = threading.Thread(target=break_off, daemon=True)
        breaking.start()
        with client(f"http://127.0.0.1:{port}", protocol) as sender:
            assert sender.send("traces", "protobuf", BODY, "").kind == "later"
            listening.shutdown(socket.SHUT_RDWR)
            breaking.join(WAIT_S)
            listening.close()
            assert sender.send("traces", "protobuf", BODY, "").kind == "later"


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_an_answer_that_does_not_come_is_given_up(protocol):
    """ours: timeout_s of the endpoint."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        target = Target("t", f"http://127.0.0.1:{listening.getsockname()[1]}", protocol)
        sender = client_for(replace(target, timeout_s=0.2))
        answer = sender.send("traces", "protobuf", BODY, "")
        sender.close()
    assert answer.kind == "later"
    assert answer.reason in {"DEADLINE_EXCEEDED", "TimeoutError", "UNAVAILABLE"}


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_a_certificate_that_cannot_be_read_stops_the_start(tmp_path, protocol):
    """ours: a mistake in a setting is told at once, not at the first request."""
    target = Target("t", "https://localhost:1", protocol, ca_file=str(tmp_path / "none.pem"))
    with pytest.raises(ConfigError, match="No such file"):
        client_for(target)

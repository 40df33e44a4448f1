"""TLS with real certificates, good and bad, over both protocols."""

import http.server
import os
import ssl
import subprocess
import sys
import threading
import time
from concurrent import futures
from contextlib import contextmanager

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc

from tests.certificates import Authority
from tests.integration.exporter.receiver import Receiver

PROGRAM = """
import time
import stepscope
stepscope.configure()
@stepscope.step
def part(n): return n * 2
@stepscope.workflow
def work(): return sum(part(n) for n in range(10))
print(work(), flush=True)
ended = time.monotonic()
stepscope.shutdown()
counters = stepscope.status().counters
print(counters.sent, counters.lost, ended, flush=True)
"""
SPANS = 11
PROTOCOLS = ("grpc", "http/protobuf")


@pytest.fixture(scope="module")
def trusted(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("trusted"))


@contextmanager
def grpc_server(certificate, client_ca):
    receiver = Receiver()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(receiver, server)
    credentials = grpc.ssl_server_credentials(
        [(certificate.key.read_bytes(), certificate.certificate.read_bytes())],
        root_certificates=client_ca and client_ca.certificate.read_bytes(),
        require_client_auth=client_ca is not None,
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    try:
        yield port
    finally:
        server.stop(0).wait(5)


@contextmanager
def http_server(certificate, client_ca):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    if client_ca is not None:
        context.load_verify_locations(client_ca.certificate)
        context.verify_mode = ssl.CERT_REQUIRED

    class Server(http.server.ThreadingHTTPServer):
        def get_request(self):
            connection, address = super().get_request()
            return context.wrap_socket(connection, server_side=True), address

        def handle_error(self, *_):
            pass  # a client that does not trust us breaks the handshake off

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def run(protocol, certificate, client_ca=None, **variables):
    """(standard output, standard error, seconds from the workflow's end to the program's)."""
    server = grpc_server if protocol == "grpc" else http_server
    kept = {key: text for key, text in os.environ.items() if not key.startswith("OTEL_")}
    with server(certificate, client_ca) as port:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", PROGRAM], capture_output=True, text=True,
            timeout=60, check=False, env={
                **kept, "OTEL_EXPORTER_OTLP_ENDPOINT": f"https://127.0.0.1:{port}",
                "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
                **{f"OTEL_EXPORTER_OTLP_{key}": str(text) for key, text in variables.items()},
            },
        )  # fmt: skip
        ended = time.monotonic()
    assert done.returncode == 0, done.stderr
    result, counts = done.stdout.splitlines()
    sent, lost, since = counts.split()
    return result, int(sent), int(lost), done.stderr, ended - float(since)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_good_certificate_delivers(protocol, trusted):
    """issue #3: honours the standard OTEL_* variables; OTEL_EXPORTER_OTLP_CERTIFICATE is trusted."""
    result, sent, lost, errors, _ = run(
        protocol, trusted.sign("good"), CERTIFICATE=trusted.certificate
    )
    assert (result, errors, lost) == ("90", "", 0)
    assert sent >= SPANS


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_client_certificate_opens_a_server_that_asks_for_one(protocol, trusted, tmp_path):
    """issue #3: OTEL_EXPORTER_OTLP_CLIENT_KEY and _CLIENT_CERTIFICATE, over gRPC and HTTP."""
    clients = Authority(tmp_path, "clients")
    client = clients.sign("client")
    good = {"CERTIFICATE": trusted.certificate}
    known = {"CLIENT_KEY": client.key, "CLIENT_CERTIFICATE": client.certificate}
    server = trusted.sign("mutual")
    _, sent, _, errors, _ = run(protocol, server, clients, **good, **known)
    assert sent >= SPANS, errors
    result, sent, lost, errors, _ = run(protocol, server, clients, **good)
    assert (result, sent) == ("90", 0)
    assert lost >= SPANS
    assert errors.count("stepscope:") == 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("fault", ["expired", "not trusted", "another host"])
def test_a_bad_certificate_costs_one_warning_and_nothing_else(protocol, fault, trusted, tmp_path):
    """issue #3: TLS broken: identical result, ends within 2 s of its own end, counted."""
    certificate = {
        "expired": lambda: trusted.sign("expired", days=-1),
        "not trusted": lambda: Authority(tmp_path, "stranger").sign("server"),
        "another host": lambda: trusted.sign("elsewhere", hosts="DNS:elsewhere.example"),
    }[fault]()
    result, sent, lost, errors, seconds = run(
        protocol, certificate, CERTIFICATE=trusted.certificate
    )
    assert (result, sent) == ("90", 0)
    assert lost >= SPANS
    assert errors.count("stepscope:") == 1, errors
    assert "Traceback" not in errors
    if not (protocol == "grpc" and fault == "another host"):  # gRPC says only: peer name
        assert "OTEL_EXPORTER_OTLP_CERTIFICATE" in errors
    # The limit of 2 s is the contract here; the rest is for the interpreter and a busy machine.
    assert seconds < 5

"""TLS and mTLS on all three ports, and certificates that change while the server runs."""

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from stepscope_collector.access.tokens import create_token
from stepscope_collector.receive.otlp_grpc import METHODS
from tests.conformance.certificates import Authority
from tests.conformance.client import PROTOBUF, an_id, spans
from tests.conformance.conftest import Service

pytestmark = pytest.mark.e2e

EXPORT = next(iter(METHODS))
PORTS = ("otlp_grpc", "otlp_http", "web")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "first")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca2"), "second")


class Secured:
    """A collector with TLS, and clients that check whom they talk to."""

    def __init__(self, start: Callable[..., Service], data: Path, files: Path, *more: str) -> None:
        self.files = files
        flags = ["--tls-cert", str(files / "cert.pem"), "--tls-key", str(files / "key.pem"), *more]
        self.service = start(*flags)
        self.service.endpoint()
        self.data = data

    @property
    def said(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.data / "endpoints.json").read_text("utf-8"))
        return found

    def export(self, trusted: Authority, own: Path | None = None) -> bytes:
        """One gRPC call; what it raises is the caller's."""
        key, chain = (None, None) if own is None else _pair(own)
        credentials = grpc.ssl_channel_credentials(trusted.cert.read_bytes(), key, chain)
        with grpc.secure_channel(self.said["otlp_grpc"], credentials) as channel:
            payload = spans(an_id(), "n").SerializeToString()
            return bytes(channel.unary_unary(EXPORT)(payload, timeout=15))

    def http(self, port: str, trusted: Authority, own: Path | None = None) -> httpx.Response:
        context = _context(trusted, own)
        with httpx.Client(verify=context, timeout=15) as client:
            if port == "web":
                return client.get(f"https://{self.said['web']}/healthz")
            body = spans(an_id(), "n").SerializeToString()
            at = f"https://{self.said['otlp_http']}/v1/traces"
            return client.post(at, content=body, headers=PROTOBUF)

    def all_answer(self, trusted: Authority, own: Path | None = None) -> bool:
        return (
            self.export(trusted, own) == b""
            and self.http("otlp_http", trusted, own).status_code == 200
            and self.http("web", trusted, own).status_code == 200
        )

    def all_refuse(self, trusted: Authority, own: Path | None = None) -> bool:
        with pytest.raises(grpc.RpcError):
            self.export(trusted, own)
        for port in ("otlp_http", "web"):
            # a server of TLS 1.3 refuses a client after the client's own handshake has ended
            with pytest.raises(httpx.TransportError):
                self.http(port, trusted, own)
        return True


def _pair(own: Path) -> tuple[bytes, bytes]:
    return (own / "key.pem").read_bytes(), (own / "cert.pem").read_bytes()


def _context(trusted: Authority, own: Path | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(trusted.cert))
    if own is not None:
        context.load_cert_chain(own / "cert.pem", own / "key.pem")
    return context


@pytest.fixture
def secure(start: Callable[..., Service], tmp_path: Path) -> Callable[..., Secured]:
    return lambda files, *more: Secured(start, tmp_path / "data", files, *more)


def _command(*words: str, data: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stepscope_collector", *words, "--data", str(data)],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_every_port_speaks_tls_and_nothing_else(
    secure: Callable[..., Secured], authority: Authority, other: Authority, tmp_path: Path
) -> None:
    """OTLP: G20: TLS on every port; whoever does not know the authority does not talk to us."""
    secured = secure(authority.issue(tmp_path / "server", "localhost"))
    assert secured.said["scheme"] == "https"
    assert secured.all_answer(authority)
    assert secured.all_refuse(other)
    with grpc.insecure_channel(secured.said["otlp_grpc"]) as channel:
        with pytest.raises(grpc.RpcError):
            channel.unary_unary(EXPORT)(b"", timeout=5)
    for port in PORTS:
        host, _, number = secured.said[port].rpartition(":")
        for words in (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01" + b"x" * 400):
            with socket.create_connection((host, int(number)), timeout=15) as plain:
                plain.sendall(words)
                with contextlib.suppress(ConnectionResetError):
                    assert b"HTTP/1" not in plain.recv(1000)
    assert secured.all_answer(authority)
    assert secured.service.stop() == 0
    assert secured.service.log().count("\n") == 1  # the ready line: strangers write no log


@pytest.mark.parametrize("least", ["1.2", "1.3"])
def test_versions_of_tls_that_are_too_old_are_refused(
    secure: Callable[..., Secured], authority: Authority, tmp_path: Path, least: str
) -> None:
    """OTLP: G20: the oldest version is a setting, of every port."""
    secured = secure(authority.issue(tmp_path / "server", "localhost"), "--tls-min-version", least)
    for port in PORTS:
        host, _, number = secured.said[port].rpartition(":")
        for version in (ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = _context(authority)
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.set_alpn_protocols(["h2", "http/1.1"])
            with warnings.catch_warnings(action="ignore"):  # TLS 1.1 is old, as we know
                context.minimum_version = context.maximum_version = version
            is_spoken = version.name.replace("_", ".") >= f"TLSv{least}"
            with socket.create_connection((host, int(number)), timeout=15) as connection:
                with (
                    contextlib.nullcontext()
                    if is_spoken
                    else pytest.raises((ssl.SSLError, OSError))
                ):
                    context.wrap_socket(connection, server_hostname="localhost").close()


def test_clients_need_a_certificate_of_the_authority(
    secure: Callable[..., Secured], authority: Authority, other: Authority, tmp_path: Path
) -> None:
    """OTLP: G20: mTLS on every port."""
    secured = secure(
        authority.issue(tmp_path / "server", "localhost"), "--tls-client-ca", str(authority.cert)
    )
    mine = authority.issue(tmp_path / "mine", "client")
    strange = other.issue(tmp_path / "strange", "client")
    assert secured.all_answer(authority, mine)
    assert secured.all_refuse(authority)
    assert secured.all_refuse(authority, strange)
    shown = {
        "STEPSCOPE_CLIENT_CERT": str(mine / "cert.pem"),
        "STEPSCOPE_CLIENT_KEY": str(mine / "key.pem"),
    }
    assert _command("executions", data=secured.data, **shown).returncode == 0
    refused = _command("executions", data=secured.data)
    assert (refused.returncode, refused.stdout) == (9, "")
    assert "Traceback" not in refused.stderr


def test_new_handshakes_use_a_changed_certificate_and_old_connections_live_on(
    secure: Callable[..., Secured], authority: Authority, other: Authority, tmp_path: Path
) -> None:
    """OTLP: G20: the certificate file changes on disk."""
    files = authority.issue(tmp_path / "server", "localhost")
    secured = secure(files)
    payload = spans(an_id(), "n").SerializeToString()
    credentials = grpc.ssl_channel_credentials(authority.cert.read_bytes())
    at, before = secured.said["otlp_http"], secured.said["certificate_sha256"]
    with contextlib.ExitStack() as open_still:
        channel = open_still.enter_context(
            grpc.secure_channel(secured.said["otlp_grpc"], credentials)
        )
        export = channel.unary_unary(EXPORT)
        assert export(payload, timeout=15) == b""
        kept = http.client.HTTPSConnection(at, timeout=15, context=_context(authority))
        open_still.callback(kept.close)

        def post() -> int:
            kept.request("POST", "/v1/traces", payload, PROTOBUF)
            answer = kept.getresponse()
            answer.read()
            return answer.status

        assert post() == 200
        port = kept.sock.getsockname()
        # half of the change: key and certificate do not go together, the old ones stay
        renewed = other.issue(tmp_path / "renewed", "localhost")
        (renewed / "key.pem").replace(files / "key.pem")
        assert secured.all_answer(authority)
        (renewed / "cert.pem").replace(files / "cert.pem")
        assert secured.all_answer(other)
        assert secured.all_refuse(authority)
        assert export(payload, timeout=15) == b""
        assert post() == 200
        assert kept.sock.getsockname() == port
    assert secured.said["certificate_sha256"] != before
    assert _command("doctor", data=secured.data).returncode == 0
    assert "certificates were not read again" in secured.service.log()


def test_a_changed_authority_of_clients_counts_for_new_handshakes(
    secure: Callable[..., Secured], authority: Authority, other: Authority, tmp_path: Path
) -> None:
    """OTLP: G20: a removed authority lets nobody in, also with a session to resume; SIGHUP."""
    ca = tmp_path / "clients.pem"
    ca.write_bytes(authority.cert.read_bytes())
    secured = secure(authority.issue(tmp_path / "server", "localhost"), "--tls-client-ca", str(ca))
    old = authority.issue(tmp_path / "old", "client")
    new = other.issue(tmp_path / "new", "client")
    assert secured.all_answer(authority, old)
    context = _context(authority, old)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    session = _session(secured.said["otlp_http"], context)
    ca.write_bytes(other.cert.read_bytes())
    secured.service.process.send_signal(signal.SIGHUP)
    assert secured.all_answer(authority, new)
    assert secured.all_refuse(authority, old)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        _session(secured.said["otlp_http"], context, session)


def _session(at: str, context: ssl.SSLContext, session: Any = None) -> Any:
    host, _, number = at.rpartition(":")
    with socket.create_connection((host, int(number)), timeout=15) as connection:
        with context.wrap_socket(connection, server_hostname="localhost", session=session) as tls:
            return tls.session


def test_commands_find_a_server_with_tls_and_tokens(
    secure: Callable[..., Secured], authority: Authority, other: Authority, tmp_path: Path
) -> None:
    """issue #4: the command line works over TLS and with a token, whatever name the certificate has."""
    reader = create_token(tmp_path / "data" / "tokens.json", "ro", ("read",))
    ingest = create_token(tmp_path / "data" / "tokens.json", "ci", ("ingest",))
    secured = secure(authority.issue(tmp_path / "server", "localhost"))
    url = f"https://{secured.said['web']}"
    ca = ("--ca", str(authority.cert))
    elsewhere = tmp_path / "elsewhere"
    # the server's own user
    assert _command("doctor", data=secured.data).returncode == 0
    assert _command("doctor", *ca, data=secured.data).returncode == 0
    token_file = tmp_path / "token"
    token_file.write_text(reader + "\n", encoding="ascii")
    asked = ("doctor", "--server", url)
    assert _command(*asked, *ca, data=elsewhere, STEPSCOPE_TOKEN=reader).returncode == 0
    assert _command(*asked, *ca, "--token-file", str(token_file), data=elsewhere).returncode == 0
    named = {"STEPSCOPE_TOKEN_FILE": str(token_file), "STEPSCOPE_CA": str(authority.cert)}
    assert _command(*asked, data=elsewhere, **named).returncode == 0
    for code, said, more in (
        (10, "unauthenticated", [*ca]),
        (9, "certificate verify failed", []),
        (9, "certificate verify failed", ["--ca", str(other.cert)]),
        (2, "certificates in", ["--ca", str(tmp_path / "none.pem")]),
    ):
        refused = _command(*asked, *more, data=elsewhere)
        assert (refused.returncode, refused.stdout) == (code, ""), refused.stderr
        assert said in refused.stderr
        assert "Traceback" not in refused.stderr
    denied = _command(*asked, *ca, data=elsewhere, STEPSCOPE_TOKEN=ingest)
    assert denied.returncode == 10
    assert "this needs read" in denied.stderr


def test_a_command_does_not_talk_to_another_server_on_the_port(
    authority: Authority, tmp_path: Path
) -> None:
    """ours: the token in endpoints.json goes to the server that wrote it, or to nobody."""
    heard = []
    files = authority.issue(tmp_path / "server", "localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files / "cert.pem", files / "key.pem")
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def impersonate() -> None:
            connection, _ = listening.accept()
            with (
                contextlib.suppress(OSError),
                context.wrap_socket(connection, server_side=True) as tls,
            ):
                heard.append(tls.recv(1000))

        thread = threading.Thread(target=impersonate)
        thread.start()
        at = f"127.0.0.1:{listening.getsockname()[1]}"
        said = {"pid": os.getpid(), "otlp_grpc": at, "otlp_http": at, "web": at, "version": "0"}
        said |= {"started_at": "", "scheme": "https", "token": "secret"}
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "endpoints.json").write_text(
            json.dumps(said | {"certificate_sha256": "0" * 64}), encoding="ascii"
        )
        refused = _command("doctor", data=tmp_path / "data")
        thread.join(30)
    assert refused.returncode == 9
    assert "showed another certificate" in refused.stderr
    assert heard == [b""]


def test_files_that_cannot_be_used_are_named_at_the_start(
    authority: Authority, other: Authority, tmp_path: Path
) -> None:
    """issue #4: clear errors for bad files."""
    good = authority.issue(tmp_path / "good", "localhost")
    cert, key = good / "cert.pem", good / "key.pem"
    empty = tmp_path / "empty.pem"
    empty.write_bytes(b"nothing")
    sealed = tmp_path / "sealed.pem"
    subprocess.run(
        ["openssl", "pkey", "-in", key, "-aes256", "-passout", "pass:x", "-out", sealed], check=True
    )
    foreign = other.issue(tmp_path / "foreign", "localhost") / "key.pem"
    none = tmp_path / "none.pem"
    for flags, said in (
        (["--tls-cert", none, "--tls-key", key], "none.pem cannot be read: No such file"),
        (["--tls-cert", empty, "--tls-key", key], "empty.pem holds no certificate in PEM"),
        (["--tls-cert", cert, "--tls-key", empty], "empty.pem holds no private key in PEM"),
        (["--tls-cert", cert, "--tls-key", sealed], "sealed.pem has a passphrase"),
        (["--tls-cert", cert, "--tls-key", foreign], "do not belong together, or one is damaged"),
        (["--tls-cert", cert], "tls.key is missing"),
        (["--tls-key", key], "tls.cert is missing"),
        (["--tls-client-ca", cert], "tls.client_ca without tls.cert"),
        (
            ["--tls-cert", cert, "--tls-key", key, "--tls-client-ca", empty],
            "empty.pem holds no certificate in PEM",
        ),
    ):
        done = _command("serve", *map(str, flags), data=tmp_path / "data")
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert said in done.stderr
        assert "Traceback" not in done.stderr

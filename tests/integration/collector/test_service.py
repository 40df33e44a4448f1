"""The process: what it says when it is ready, how it ends, also when it is asked twice."""

import contextlib
import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import sys
import termios
import urllib.request

import pytest

from stepscope_collector.cli.server import wait_for
from tests.integration.collector.process import ANY_PORTS, Collector, stored
from tests.strategies.workflows import request, span

pytestmark = pytest.mark.e2e

WAIT_S = 40
PAYLOAD = request([span("kept", scope="x")]).SerializeToString()
HEAD = "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"


def post(http, payload):
    sent = urllib.request.Request(
        f"http://{http}/v1/traces", payload, {"Content-Type": "application/x-protobuf"}
    )
    with urllib.request.urlopen(sent, timeout=WAIT_S) as answer:
        return answer.status


@contextlib.contextmanager
def half_sent(collector):
    """A request of which half has come; the rest can follow."""
    host, _, port = collector.endpoints.otlp_http.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=WAIT_S) as connection:
        head = f"{HEAD}Content-Length: {len(PAYLOAD)}\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(head.encode())
        # the server asks for the body: now it is at work on this request
        assert connection.recv(1000).startswith(b"HTTP/1.1 100")
        connection.sendall(PAYLOAD[:10])
        yield connection


def test_the_ready_line_and_the_endpoints_file_say_the_same(tmp_path):
    """issue #2: one line with the addresses when ready; endpoints.json."""
    data = tmp_path / "data"
    ports = [word for pair in ANY_PORTS.items() for word in pair]
    with subprocess.Popen(
        [sys.executable, "-m", "stepscope_collector", "serve", "--data", str(data), *ports],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        line = process.stdout.readline()
        # when the line is there, so is the file, and requests are answered
        endpoints = json.loads((data / "endpoints.json").read_text())
        assert post(endpoints["otlp_http"], PAYLOAD) == 200
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=WAIT_S) == ("", None)
    assert process.returncode == 0
    assert endpoints["pid"] == process.pid
    assert set(endpoints) == {
        "pid", "otlp_grpc", "otlp_http", "web", "version", "started_at", "scheme", "token",
        "certificate_sha256",
    }  # fmt: skip
    assert line == (
        f"stepscope ready: OTLP/gRPC {endpoints['otlp_grpc']}, OTLP/HTTP {endpoints['otlp_http']}, "
        f"web http://{endpoints['web']}, data {data}\n"
    )
    assert re.fullmatch(r"127\.0\.0\.1:[1-9]\d+", endpoints["otlp_grpc"])
    assert not (data / "endpoints.json").exists()


@pytest.mark.parametrize("flag", ["otlp_grpc", "otlp_http", "web"])
def test_a_port_that_is_taken_is_named_and_nothing_is_left(tmp_path, flag):
    """issue #2: helpful errors, port taken."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        address = f"127.0.0.1:{held.getsockname()[1]}"
        with pytest.raises(
            AssertionError, match=f"another process listens on {address}"
        ) as refused:
            Collector(tmp_path / "data", **{flag: address})
    assert f"--{flag.replace('_', '-')}" in str(refused.value)
    assert "Traceback" not in str(refused.value)
    assert not (tmp_path / "data" / "endpoints.json").exists()
    # it can start a moment later
    with Collector(tmp_path / "data") as collector:
        assert post(collector.endpoints.otlp_http, PAYLOAD) == 200


def test_a_request_that_is_on_its_way_is_answered_at_sigterm(tmp_path):
    """issue #2: SIGTERM drains."""
    data = tmp_path / "data"
    collector = Collector(data)
    with half_sent(collector) as connection:
        collector.process.send_signal(signal.SIGTERM)
        assert wait_for(lambda: None if (data / "endpoints.json").exists() else True, WAIT_S)
        connection.sendall(PAYLOAD[10:])
        answer = connection.recv(1000)
    assert collector.process.wait(WAIT_S) == 0
    assert answer.startswith(b"HTTP/1.1 200")
    assert collector.said() == ""
    with stored(data) as history:
        assert history.execute("select name from spans").fetchall() == [("kept",)]


def test_a_second_signal_ends_it_at_once_and_what_was_answered_is_there(tmp_path):
    """ours: who presses Ctrl-C twice does not wait for a request that never ends."""
    data = tmp_path / "data"
    collector = Collector(data)
    assert post(collector.endpoints.otlp_http, PAYLOAD) == 200
    with half_sent(collector):
        collector.process.send_signal(signal.SIGTERM)
        assert wait_for(lambda: None if (data / "endpoints.json").exists() else True, WAIT_S)
        assert collector.process.poll() is None
        collector.process.send_signal(signal.SIGINT)
        assert collector.process.wait(WAIT_S) == 130
    assert "second signal, leaving at once" in collector.said()
    with Collector(data) as again:
        assert again.doctor()["store"]["spans"] == 1


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs terminals of POSIX")
def test_closing_the_terminal_ends_it_and_a_hangup_signal_does_not(tmp_path):
    """issue #4: SIGHUP reads tokens again; but no collector stays behind a closed window."""
    data = tmp_path / "data"
    ports = [word for pair in ANY_PORTS.items() for word in pair]
    master, slave = os.openpty()

    def take_terminal():
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    with subprocess.Popen(
        [sys.executable, "-m", "stepscope_collector", "serve", "--data", str(data), *ports],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=take_terminal,
    ) as process:
        os.close(slave)
        assert process.stdout.readline().startswith("stepscope ready")
        endpoints = json.loads((data / "endpoints.json").read_text())
        process.send_signal(signal.SIGHUP)
        assert post(endpoints["otlp_http"], PAYLOAD) == 200
        os.close(master)
        assert process.wait(WAIT_S) == 0

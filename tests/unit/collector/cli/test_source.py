"""Whom a command asks."""

import json
import os
import socket
import subprocess
import sys

import pytest

from stepscope_collector.cli.source import (
    is_alive,
    open_client,
    read_endpoints,
    running_server,
    web_url,
)
from stepscope_collector.config.tree import DataConfig, Settings
from stepscope_collector.errors import NotFound

WHOLE = {"otlp_grpc": "127.0.0.1:1", "otlp_http": "127.0.0.1:2", "web": "127.0.0.1:3",
         "version": "0", "started_at": "2026-01-01T00:00:00Z"}  # fmt: skip


def ended_process() -> int:
    """The id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"pid": "x"}', json.dumps({**WHOLE, "pid": 1, "web": "nowhere"})]
)
def test_a_broken_endpoints_file_counts_as_none(tmp_path, text):
    """ours: a file that is being written, or of another program."""
    path = tmp_path / "endpoints.json"
    path.write_text(text)
    assert read_endpoints(path) is None
    assert read_endpoints(tmp_path / "missing.json") is None


@pytest.mark.parametrize(
    ("web", "url"),
    [
        ("127.0.0.1:4319", "http://127.0.0.1:4319"),
        ("0.0.0.0:1", "http://127.0.0.1:1"),
        ("[::]:1", "http://[::1]:1"),
    ],
)
def test_a_server_on_all_addresses_is_asked_on_loopback(tmp_path, web, url):
    """ours: 0.0.0.0 is no address to connect to."""
    path = tmp_path / "endpoints.json"
    path.write_text(json.dumps({**WHOLE, "pid": 7, "web": web}))
    endpoints = read_endpoints(path)
    assert endpoints is not None
    assert (endpoints.pid, web_url(endpoints)) == (7, url)


def test_a_process_is_known_to_live_or_not():
    """issue #2: the pid in endpoints.json is checked."""
    assert is_alive(os.getpid())
    assert is_alive(1)
    assert not is_alive(ended_process())
    assert not is_alive(0)
    assert not is_alive(-5)


def test_a_file_left_behind_by_a_killed_server_is_not_believed(tmp_path):
    """issue #2: verify that its pid lives and answers."""
    settings = Settings(data=DataConfig(dir=tmp_path))
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        web = f"127.0.0.1:{silent.getsockname()[1]}"
        for pid in (ended_process(), os.getpid()):
            settings.data.endpoints_path.write_text(json.dumps({**WHOLE, "pid": pid, "web": web}))
            assert running_server(settings) is None
            with pytest.raises(NotFound, match="no server runs there and there is no database"):
                open_client(settings, None)


def test_a_named_server_is_asked_whatever_the_data_directory_says(tmp_path):
    """issue #2: --server URL."""
    client = open_client(Settings(data=DataConfig(dir=tmp_path)), "http://127.0.0.1:9")
    assert client.where == "http://127.0.0.1:9"
    assert client.is_live

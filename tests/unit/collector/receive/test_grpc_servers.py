"""Which server speaks gRPC."""

import subprocess
import sys

import pytest

from stepscope_collector.config.tree import OtlpConfig
from stepscope_collector.decode.native import InUse
from stepscope_collector.errors import ConfigError
from stepscope_collector.receive import grpc_servers
from stepscope_collector.receive.grpc_servers import server_of


@pytest.mark.parametrize("is_there", [True, False])
def test_the_native_server_is_used_where_it_is_there(
    monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    """issue #6: a fallback where no wheel or compiler exists."""
    found = InUse("native" if is_there else "python", "why")
    monkeypatch.setattr(grpc_servers, "in_use", lambda _: found)
    assert server_of(OtlpConfig()) == ("native" if is_there else "grpcio", "why")
    assert server_of(OtlpConfig(grpc_server="grpcio")) == ("grpcio", "otlp.grpc_server=grpcio")


def test_a_server_that_is_asked_for_by_name_has_to_be_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """issue #6: the setting, why not, and what to do."""
    native = OtlpConfig(grpc_server="native")
    monkeypatch.setattr(grpc_servers, "in_use", lambda _: InUse("native", "why"))
    assert server_of(native).server == "native"
    monkeypatch.setattr(grpc_servers, "in_use", lambda _: InUse("python", "it is not installed"))
    with pytest.raises(
        ConfigError, match=r"cannot be: it is not installed; .* otlp.grpc_server=auto"
    ):
        server_of(native)


_TAKEN = """
import asyncio, gc, logging, socket
from logging.handlers import MemoryHandler

from stepscope_collector.config.limits import LimitsConfig
from stepscope_collector.config.tree import OtlpConfig
from stepscope_collector.errors import PortTaken
from stepscope_collector.receive.grpcio_server import GrpcioServer

lines = MemoryHandler(10_000, logging.CRITICAL)
logging.basicConfig(level=logging.DEBUG, handlers=[lines])
taken = socket.create_server(("127.0.0.1", 0))

async def start():
    server = GrpcioServer(None, LimitsConfig(), OtlpConfig(), None)
    try:
        await server.start("127.0.0.1:%d" % taken.getsockname()[1], "--otlp-grpc")
    except PortTaken:
        print("taken")
        return server

for level in [logging.WARNING, logging.DEBUG] * 5:
    logging.getLogger().setLevel(level)
    server = asyncio.run(start())
    logging.getLogger().setLevel(logging.DEBUG)
    del server
    gc.collect()
    lines.buffer.clear()
    gc.collect()
"""


def test_a_server_that_never_started_is_freed_whatever_is_logged() -> None:
    """ours: grpcio's own line about it crashed the process, here in a process of its own."""
    ended = subprocess.run(
        [sys.executable, "-c", _TAKEN], capture_output=True, text=True, timeout=50, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "taken\n" * 10, "")

"""Rows G4 and H13: decompression bombs, by the resident memory of a collector in its own process."""

import gzip
import sys
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import grpc
import pytest

from tests.conformance.client import PROTOBUF, Endpoint, method
from tests.conformance.conftest import Service
from tests.conformance.probe.wire import padding

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc"),
]

_MIB = 1 << 20
_LIMIT = 16 * _MIB
_BOMB = bytes(128 * _MIB)
_SLACK = 12 * _MIB
"""A zstd window of 8 MiB, the pieces at hand, and threads that come to life."""
_OVER_GRPC = {"gzip": grpc.Compression.Gzip, "deflate": grpc.Compression.Deflate}
T = TypeVar("T")


def _memory(pid: int, name: str) -> int:
    """Bytes of VmRSS (now) or VmHWM (highest since it was forgotten) of a process."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(name)


def _growth(pid: int, run: Callable[[], T]) -> tuple[T, int]:
    """What comes out, and by how many bytes a process was larger at its largest than before."""
    before = _memory(pid, "VmRSS")
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")  # forget the highest
    result = run()
    return result, _memory(pid, "VmHWM") - before


def _refused_over_grpc(endpoint: Endpoint, kind: str) -> str:
    """The code of the answer."""
    with endpoint.channel() as channel:
        export = channel.unary_unary(method("traces"))
        with pytest.raises(grpc.RpcError) as refused:
            export(_BOMB, timeout=50, compression=_OVER_GRPC[kind])
    code: grpc.StatusCode = refused.value.code()
    return code.name


def test_a_bomb_grows_memory_by_no_more_than_the_limit(start: Callable[..., Service]) -> None:
    """OTLP: G4, H13: each kind over each transport; 128 MiB against a limit of 16 MiB. Many at once
    over HTTP: no more than the budget of all requests, which then refuses some for a while."""
    budget = 2 * _LIMIT
    flags = ("--limits-max-payload-bytes", "16MiB", "--limits-max-inflight-bytes", "32MiB")
    endpoint = start(*flags).endpoint()
    # what it keeps of a request that is allowed is not the bombs' doing
    for transport in ("grpc", "http-protobuf"):
        assert endpoint.send(transport, "traces", padding(_MIB)).is_success
    packed = {
        "gzip": gzip.compress(_BOMB, 1),
        "deflate": zlib.compress(_BOMB, 1),
        "zstd": zstd.compress(_BOMB),
    }
    assert max(len(body) for body in packed.values()) < 2 * _MIB

    def post(kind: str) -> str:
        headers = {**PROTOBUF, "Content-Encoding": kind}
        return endpoint.post("/v1/traces", packed[kind], headers).code

    bombs = [(kind, partial(post, kind), "413") for kind in packed]
    bombs += [
        (f"grpc {kind}", partial(_refused_over_grpc, endpoint, kind), "RESOURCE_EXHAUSTED")
        for kind in _OVER_GRPC
    ]
    for name, send, refusal in bombs:
        code, grown = _growth(endpoint.pid, send)
        assert (name, code) == (name, refusal)
        assert grown <= _LIMIT + _SLACK, name
    with ThreadPoolExecutor(12) as pool:
        codes, grown = _growth(endpoint.pid, lambda: set(pool.map(post, [*packed] * 4)))
    assert codes <= {"413", "503"}
    assert grown <= budget + 4 * _SLACK  # four are unpacked at one time
    assert endpoint.send("http-protobuf", "traces", padding(_LIMIT)).is_success

"""Rows G: OTLP/gRPC."""

import random
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from google.rpc.error_details_pb2 import BadRequest

from stepscope_collector.config import Settings
from tests.conformance.client import (
    Endpoint,
    an_id,
    spans,
)
from tests.conformance.conftest import Service
from tests.conformance.probe.wire import padding

pytestmark = pytest.mark.e2e

_MIB = 1 << 20


def test_the_default_port_is_4317() -> None:
    """OTLP: G1."""
    assert Settings().otlp.grpc == "127.0.0.1:4317"


@pytest.mark.parametrize("is_compressed", [False, True])
def test_a_request_over_the_limit_is_refused_for_good(
    start: Callable[..., Service], is_compressed: bool
) -> None:
    """OTLP: G2, before and after decompression, and never with RetryInfo; the limit is configurable."""
    endpoint = start("--limits-max-payload-bytes", "1MiB").endpoint()
    assert endpoint.send("grpc", "traces", padding(_MIB), is_compressed=is_compressed).is_success
    answer = endpoint.send("grpc", "traces", padding(_MIB + 1), is_compressed=is_compressed)
    assert answer.code == "RESOURCE_EXHAUSTED"
    assert list(answer.status.details) == []


def test_the_default_limit_is_64_mib(endpoint: Endpoint) -> None:
    """OTLP: G3."""
    assert endpoint.send("grpc", "traces", padding(64 * _MIB)).is_success
    assert endpoint.send("grpc", "traces", padding(64 * _MIB + 1)).code == "RESOURCE_EXHAUSTED"


@pytest.mark.parametrize(
    "payload", [b"\xff\xff", b"\x0a\x05abc", b"{}", random.Random(50).randbytes(50) + b"\xff"]
)
def test_undecodable_bytes_are_an_invalid_argument(
    endpoint: Endpoint, service: Service, payload: bytes
) -> None:
    """OTLP: G8, G9: with a BadRequest, never a code that clients retry."""
    answer = endpoint.send("grpc", "traces", payload)
    assert answer.code == "INVALID_ARGUMENT"
    assert answer.status.code == 3
    assert answer.status.message == answer.message != ""
    detail = BadRequest()
    assert answer.status.details[0].Unpack(detail)
    assert "Traceback" not in service.log()


def test_sigterm_finishes_what_is_in_flight(start: Callable[..., Service]) -> None:
    """OTLP: G19, C22: exit 0, everything acknowledged is there, new calls end with a retryable code."""
    running = start()
    endpoint = replace(running.endpoint(), wait_s=20)
    acknowledged: list[bytes] = []
    refused: list[str] = []
    is_busy = threading.Event()

    def send_until_refused() -> None:
        while not refused:
            trace_id = an_id()
            answer = endpoint.send("grpc", "traces", spans(trace_id, "n"))
            if answer.is_success:
                acknowledged.append(trace_id)
                is_busy.set()
            else:
                refused.append(answer.code)

    with ThreadPoolExecutor(2) as pool:
        senders = [pool.submit(send_until_refused) for _ in range(2)]
        assert is_busy.wait(30)
        assert running.stop(signal.SIGTERM) == 0
        for sender in senders:
            sender.result(30)
    # When a server ends while the client of gRPC 1.85 connects, it now and then waits for its own deadline,
    # long after the process is gone; it does so with a server of ten lines, too.
    assert set(refused) <= {"UNAVAILABLE", "CANCELLED", "DEADLINE_EXCEEDED"}
    assert "Traceback" not in running.log()
    again = start().endpoint()
    stored = {row[0] for row in again.sql("select trace_id from spans")}
    assert {trace_id.hex() for trace_id in acknowledged} <= stored


def test_a_second_collector_on_the_port_says_what_to_do(
    endpoint: Endpoint, start: Callable[..., Service]
) -> None:
    """ours: it does not share the port in silence."""
    second = start("--otlp-grpc", endpoint.grpc)
    assert second.process.wait(40) != 0
    assert f"another process listens on {endpoint.grpc}" in second.log()
    assert "--otlp-grpc" in second.log()
    assert "Traceback" not in second.log()

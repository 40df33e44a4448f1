"""What is deleted is found in no byte of the data directory: file, log, and the queue of a tee that is down."""

import random
import socket
import threading
from contextlib import closing

import httpx
import pytest

from stepscope_collector.cli.server import wait_for
from tests.integration.collector.process import Collector
from tests.integration.collector.tees import as_json, other
from tests.strategies.workflows import execution, request, step, trace_id
from tests.unit.collector.test_retention import payload_of_logs, payload_of_points

pytestmark = pytest.mark.e2e

GONE = "execution-that-is-to-go-4711"
STAYS = "execution-that-stays-0815"
SECRET = random.Random(7).randbytes(24).hex()
"""Nothing that a dictionary would shorten."""


def trace_of(name, secret, parent=None):
    params = f'{{"card": "{secret}"}}'
    named = {"stepscope.execution.parent_id": parent} if parent else {}
    return request(
        [
            execution("shop", name, trace=name, attributes={"stepscope.params": params, **named}),
            step("pay", name, trace=name, parent="shop", attributes={"note": secret}),
        ]
    )


def send(collector):
    """Both executions in every signal and encoding."""
    url = f"http://{collector.endpoints.otlp_http}/v1"
    protobuf = {"content-type": "application/x-protobuf"}
    gone, stays = trace_of(GONE, SECRET), trace_of(STAYS, "nobody's", parent=GONE)
    both = (gone.SerializeToString() + stays.SerializeToString(), stays.SerializeToString())
    posts = [("traces", body, protobuf) for body in both]
    posts.append(("traces", as_json(gone), {"content-type": "application/json"}))
    posts += [("logs", payload_of_logs(f"{SECRET} {n}", GONE), protobuf) for n in range(3)]
    posts.append(("logs", payload_of_logs(f"{SECRET} in its trace", None, trace=GONE), protobuf))
    posts.append(("logs", payload_of_logs("it stays", STAYS), protobuf))
    posts += [("metrics", payload_of_points(each, 5), protobuf) for each in (GONE, STAYS)]
    for signal, body, headers in posts:
        httpx.post(f"{url}/{signal}", content=body, headers=headers).raise_for_status()


def found_in(data, *needles):
    """Names of the files that hold any of the needles, upper or lower case."""
    wanted = [needle.lower() for needle in needles]
    return {
        str(path.relative_to(data))
        for path in data.rglob("*")
        if path.is_file() and any(needle in path.read_bytes().lower() for needle in wanted)
    }


def test_no_byte_of_what_was_deleted_is_left(tmp_path):
    """R017: delete removes every trace everywhere, by a search of all files; what stays is sent on whole."""
    trace = trace_id(GONE)
    needles = (GONE.encode(), SECRET.encode(), trace, trace.hex().encode())
    data = tmp_path / "data"
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    down = f"http://127.0.0.1:{port}"
    with Collector(data, tee_endpoint=down, log_level="error") as collector:
        send(collector)
        executions = f"http://{collector.endpoints.web}/api/executions"
        httpx.get(executions).raise_for_status()  # waits until what was answered is committed
        before = found_in(data, *needles)
        assert "stepscope.duckdb.wal" in before
        assert any(name.startswith("tee/") for name in before)
        told = (
            httpx.delete(f"{executions}/{GONE}?compact=true", timeout=60).raise_for_status().json()
        )
        assert told["is_overwritten"] is True
        assert told["removed"]["executions"] == 1
        assert found_in(data, *needles) == set()
        assert any(name.startswith("tee/") for name in found_in(data, STAYS.encode()))
        # and nothing of it is sent, to an endpoint that is there later, nor after a restart
    received = []
    everything = threading.Event()

    def answer(payload, _context):
        received.append(payload)
        if sum(STAYS.encode() in each for each in received):
            everything.set()
        return b""

    with other(answer) as (endpoint, _), Collector(data, tee_endpoint=endpoint) as collector:
        assert everything.wait(40)
        assert wait_for(lambda: collector.doctor()["tee"][0]["queued_requests"] == 0 or None, 40)
        assert not any(needle in payload for payload in received for needle in needles)
        assert collector.doctor()["tee"][0]["lost_requests"] == 0
        assert found_in(data, *needles) == set()

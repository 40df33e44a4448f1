"""The other end of a tee, what is sent to it, and what both hold."""

import base64
import json
from concurrent import futures
from contextlib import contextmanager

import grpc
import httpx
from google.protobuf.json_format import MessageToDict

from stepscope_collector.cli.server import wait_for
from stepscope_collector.query.otlp import read_logs, read_metrics, read_traces
from tests.faults.load import METHODS
from tests.integration.collector.process import stored
from tests.strategies.canonical import canonical_logs, canonical_metrics, canonical_spans
from tests.strategies.workflows import execution, request, step

WAIT_S = 40


def spans(number):
    return request(
        [
            execution(f"w{number}", f"E{number}", end=900),
            *(step(f"{number}/{n}", f"E{number}", parent=f"w{number}", end=9) for n in range(3)),
        ]
    )


def as_json(message):
    """OTLP/JSON: ids in hex."""

    def walked(value):
        if isinstance(value, list):
            return [walked(each) for each in value]
        if not isinstance(value, dict):
            return value
        return {
            name: base64.b64decode(each).hex() if name.lower().endswith(("traceid", "spanid"))
            else walked(each)
            for name, each in value.items()
        }  # fmt: skip

    return json.dumps(walked(MessageToDict(message, use_integers_for_enums=True)))


def send(collector, signal, payload):
    with grpc.insecure_channel(collector.endpoints.otlp_grpc) as channel:
        return channel.unary_unary(METHODS[signal])(payload, timeout=WAIT_S)


def post(collector, signal, payload, media="application/x-protobuf"):
    url = f"http://{collector.endpoints.otlp_http}/v1/{signal}"
    answer = httpx.post(url, content=payload, headers={"content-type": media}, timeout=WAIT_S)
    assert answer.status_code == 200, answer.text


def tee(collector, name="tee"):
    (row,) = (row for row in collector.doctor()["tee"] if row["name"] == name)
    return row


def wait_until(found, holds):
    """The first value for which it holds."""

    def look():
        value = found()
        return value if holds(value) else None

    value = wait_for(look, WAIT_S)
    assert value is not None, found()
    return value


def drained(collector, name="tee"):
    return wait_until(lambda: tee(collector, name), lambda row: row["queued_requests"] == 0)


def told(data):
    """All that a collector has stored, encoded as OTLP again."""
    with stored(data) as connection:
        return (
            canonical_spans(read_traces(connection)),
            canonical_logs(read_logs(connection)),
            canonical_metrics(read_metrics(connection)),
        )


@contextmanager
def other(answers):
    """A gRPC receiver that answers as told: a function of the request and its context."""
    taken = []

    def export(payload, context):
        taken.append((payload, dict(context.invocation_metadata())))
        return answers(payload, context)

    class Methods(grpc.GenericRpcHandler):
        def service(self, details):
            if details.method in METHODS.values():
                return grpc.unary_unary_rpc_method_handler(export)
            return None

    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Methods()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"http://127.0.0.1:{port}", taken
    finally:
        server.stop(0).wait()

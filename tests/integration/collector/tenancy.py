"""Somebody with a token, and a history that has their name in everything."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stepscope_collector.access.tokens import create_token
from stepscope_collector.receive.otlp_grpc import METHODS
from tests.integration.cli.history import STACK, START_NS, execution, log, step
from tests.integration.collector.process import Collector

WAIT_S = 30
TRACE = 0xF00D
"""The same in every store, and so is one id of an execution."""
SAME = "same-run"
ACCEPT = {"accept": "application/json, text/event-stream"}
TENANTS = ("zebra", "walrus")
OWN = "ferret"


@dataclass
class Somebody:
    """A holder of a token of the scope admin; its name is in everything it has sent."""

    name: str
    web: httpx.Client
    otlp: httpx.Client
    authorization: str
    grpc_address: str

    def send(self, signal: str, document: dict[str, Any]) -> httpx.Response:
        """OTLP/HTTP."""
        return self.otlp.post(f"/v1/{signal}", json=document)

    def export(self, method: str, message: Any) -> bytes:
        """OTLP/gRPC."""
        with grpc.insecure_channel(self.grpc_address) as channel:
            metadata = (("authorization", self.authorization),)
            call = channel.unary_unary(method)
            return bytes(call(message.SerializeToString(), metadata=metadata, timeout=WAIT_S))

    def sql(self, statement: str) -> httpx.Response:
        """POST /api/sql."""
        return self.web.post("/api/sql", json={"sql": statement})

    def rows(self, statement: str) -> list[list[Any]]:
        """What a statement gives."""
        answer = self.sql(statement)
        assert answer.status_code == 200, answer.text
        return [list(row) for row in answer.json()["rows"]]

    def tool(self, name: str, given: dict[str, Any]) -> str:
        """What a tool of /mcp says."""
        return self.rpc("tools/call", {"name": name, "arguments": given})

    def rpc(self, method: str, params: dict[str, Any]) -> str:
        """The answer of /mcp."""
        question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = self.web.post("/mcp", json=question, headers=ACCEPT)
        assert answer.status_code == 200, answer.text
        return answer.text


@contextmanager
def clients(collector: Collector, secrets: dict[str, str]) -> Iterator[dict[str, Somebody]]:
    """Everybody, by name."""
    ends = collector.endpoints
    opened = []
    found = {}
    for name, secret in secrets.items():
        headers = {"authorization": f"Bearer {secret}"}
        web, otlp = (
            httpx.Client(base_url=f"http://{at}", headers=headers, timeout=WAIT_S)
            for at in (ends.web, ends.otlp_http)
        )
        opened += [web, otlp]
        found[name] = Somebody(name, web, otlp, headers["authorization"], ends.otlp_grpc)
    try:
        yield found
    finally:
        for each in opened:
            each.close()


def secrets_of(data: Path) -> dict[str, str]:
    """A token of the scope admin for each tenant, and one for the collector's own store."""
    path = data / "tokens.json"
    found = {name: create_token(path, f"token-{name}", ("admin",), tenant=name) for name in TENANTS}
    return found | {OWN: create_token(path, f"token-{OWN}", ("admin",))}


def spans_of(name: str) -> list[dict[str, Any]]:
    """Two executions that failed and one that did not; `name` is in every text."""
    bad = (f"{name}Error", f"{name}-message 4711")
    own = f"{name}-run"
    texts = {
        f"{name}.key": f"{name}-value",
        "enduser__id": f"{name}-user",
        "stepscope__project": name,
    }
    return [
        execution(TRACE, SAME, f"{name}-flow", 0, 900, error=bad, stack=f"{STACK} {name}", **texts),
        step(TRACE, SAME, 2, f"{name}-step", 0, 500, error=bad, stack=f"{STACK} {name}"),
        execution(
            TRACE + 1, own, f"{name}-flow", 1000, 3000, workflow__version=f"{name}-1", error=bad,
            stepscope__input=json.dumps({"customer": name}),
            stepscope__output=json.dumps({"sum": name}), **texts,
        ),
        step(
            TRACE + 1, own, 2, f"{name}-step", 1000, 1500, stepscope__step__attempt=1,
            workflow__task__id="i", error=bad,
        ),
        step(
            TRACE + 1, own, 3, f"{name}-step", 1600, 2900, stepscope__step__attempt=2,
            workflow__task__id="i", stepscope__input=json.dumps({"file": f"{name}.csv"}),
        ),
        execution(TRACE + 2, f"{name}-good", f"{name}-flow", 4000, 4500, **texts),
    ]  # fmt: skip


def one_span(name: str) -> ExportTraceServiceRequest:
    """A span with the same ids in every store."""
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name = b"\7" * 16, b"\7" * 8, name
    span.start_time_unix_nano, span.end_time_unix_nano = START_NS, START_NS + 10**6
    return request


def fill(who: Somebody) -> None:
    """A history of all three signals, over HTTP and gRPC, with a saved query and a refused request."""
    name = who.name
    resource = {
        "attributes": [{"key": "service.name", "value": {"stringValue": f"{name}-service"}}]
    }
    scope = {"name": "stepscope", "version": "0.1.0"}
    sent = {"resource": resource, "scopeSpans": [{"scope": scope, "spans": spans_of(name)}]}
    assert who.send("traces", {"resourceSpans": [sent]}).status_code == 200
    logs = [log(TRACE + 1, f"{name}-run", 2, 1100 + n, f"{name}-line {n}") for n in range(3)]
    logs += [log(TRACE, SAME, 2, 100, f"{name}-same")]
    sent = {
        "resource": resource,
        "scopeLogs": [{"scope": {"name": f"{name}-logger"}, "logRecords": logs}],
    }
    assert who.send("logs", {"resourceLogs": [sent]}).status_code == 200
    # a span without a name is fine, one without an id is not
    refused = {"scopeSpans": [{"spans": [{"name": f"{name}-refused", "spanId": f"{name}"}]}]}
    assert who.send("traces", {"resourceSpans": [refused]}).status_code in {200, 400}

    traces = one_span(f"{name}-over-grpc")
    records = ExportLogsServiceRequest()
    record = records.resource_logs.add().scope_logs.add().log_records.add()
    record.body.string_value, record.time_unix_nano = f"{name}-log-over-grpc", START_NS
    metrics = ExportMetricsServiceRequest()
    metric = metrics.resource_metrics.add().scope_metrics.add().metrics.add()
    metric.name = f"{name}.metric"
    metric.gauge.data_points.add(as_int=7, time_unix_nano=START_NS)
    messages = {"traces": traces, "logs": records, "metrics": metrics}
    for method, signal in METHODS.items():
        who.export(method, messages[signal])
    assert who.send("metrics", {"resourceMetrics": []}).status_code == 200
    saved = {"sql": f"select '{name}-saved' as word", "description": f"{name}-description"}
    assert who.web.post("/api/queries/ours", json=saved).status_code == 200


def command(*arguments: str | Path, token: str = "") -> str:
    """What a command of `stepscope` says on both streams."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("STEPSCOPE_")}
    done = subprocess.run(
        [sys.executable, "-m", "stepscope_collector", *map(str, arguments)],
        env={**clean, "XDG_CONFIG_HOME": "/nonexistent"}
        | ({"STEPSCOPE_TOKEN": token} if token else {}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr

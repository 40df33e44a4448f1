"""What every client here sends, and the questions that tell whether exactly that is stored.

A root span NAME with attributes of five types and 700 children, each with an event, a link to the
root and a status; ten log records in the context of the root; a counter, a histogram and a gauge.
Written once more in each language: python/client.py, javascript/client.mjs, go/main.go,
java/src/main/java/Client.java.
"""

import json
import os
import subprocess
import urllib.request
from collections.abc import Sequence
from typing import Any, Final

from stepscope_collector.config.endpoints import Endpoints

__all__ = ["CHILDREN", "LARGEST", "ask", "assert_stored", "run_client"]

CHILDREN: Final = 700
"""More than one batch of any SDK."""
LARGEST: Final = (1 << 63) - 1
"""What the clients send as integer where their language has 64 bits."""

_CLIENT_S: Final = 120


def run_client(
    command: Sequence[str | os.PathLike[str]],
    name: str,
    protocol: str,
    address: str,
    compression: str,
) -> str:
    """Run a client to its end; the trace id it prints."""
    endpoint = f"http://{address}"
    variables = {
        "NAME": name,
        "PROTOCOL": protocol,
        "ENDPOINT": endpoint,
        "COMPRESSION": compression,
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_INSECURE": "true",
    }
    if compression != "none":  # which the variable of Python's gRPC exporter does not know
        variables["OTEL_EXPORTER_OTLP_COMPRESSION"] = compression
    done = subprocess.run(
        command,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=_CLIENT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "rror" not in done.stderr, done.stderr
    return done.stdout.split()[-1]


def ask(endpoints: Endpoints, statement: str, **params: Any) -> list[list[Any]]:
    """The rows of a statement, by REST."""
    request = urllib.request.Request(
        f"http://{endpoints.web}/api/sql",
        json.dumps({"sql": statement, "params": params}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=50) as answer:
        rows: list[list[Any]] = json.loads(answer.read())["rows"]
    return rows


_ROOT: Final = """
    select span_id, name, kind, service_name, scope_name, scope_version, status_code,
        attributes['text'], attributes['integer'], attributes['double'], attributes['flag'],
        attributes['list'], duration_ns > 0
    from spans where trace_id = $id and parent_span_id is null
"""
_CHILDREN: Final = """
    select count(*), count(distinct span_id), count(distinct name),
        count(*) filter (
            where name = 'child ' || events[1].attributes['n'] and events[1].name = 'seen'
            and len(events) = 1 and len(links) = 1
            and lower(hex(links[1].trace_id)) = $id and lower(hex(links[1].span_id)) = $root
            and status_code = 2 and status_message = 'broken' and duration_ns >= 0
            and service_name = $name and scope_name = 'client'
        )
    from spans where trace_id = $id and parent_span_id = $root
"""
_LOGS: Final = """
    select body, severity_number, attributes['n'], trace_hex(trace_id), span_hex(span_id)
    from stored.log_records where starts_with(body, $name || ' log ') order by body
"""
_POINTS: Final = """
    select name, type, is_monotonic, unit, coalesce(value_double, value_int), count, sum, min, max,
        attributes['k']
    from stored.metric_points where starts_with(name, $name || '.') order by name
"""


def assert_stored(
    endpoints: Endpoints, name: str, trace_id: str, *, integer: int = LARGEST
) -> None:
    """Exactly what a client sends is stored, once."""
    (row,) = ask(endpoints, _ROOT, id=trace_id)
    root, *fields = row
    listed = json.loads(fields.pop(10))
    assert fields == [
        name, 2, name, "client", "1.2", 0, "grüße 😀", str(integer), "0.5", "true", True,
    ]  # fmt: skip
    assert listed == ["a", "b"]
    found = ask(endpoints, _CHILDREN, id=trace_id, root=root, name=name)
    assert found == [[CHILDREN] * 4]
    logs = ask(endpoints, _LOGS, name=name)
    assert logs == [[f"{name} log {n}", 13, str(n), trace_id, root] for n in range(10)]
    points = ask(endpoints, _POINTS, name=name)
    assert points == [
        [f"{name}.counter", "sum", True, "{thing}", 7, None, None, None, None, "v"],
        [f"{name}.gauge", "gauge", None, None, 2.5, None, None, None, None, None],
        [f"{name}.histogram", "histogram", None, None, None, 3, 6, 1, 3, None],
    ]
    address = f"http://{endpoints.web}/api/executions/{trace_id}"
    with urllib.request.urlopen(address, timeout=50) as answer:
        execution = json.loads(answer.read())["execution"]
    assert (execution["workflow_name"], execution["span_count"]) == (name, CHILDREN + 1)

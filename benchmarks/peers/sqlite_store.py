"""The simplest store there is: a loop over spans into SQLite, a transaction per request.

The tables are those of design 001, so spans of a workflow go to `executions` and its steps to
`node_executions`. Answers after the commit. Arguments: path of the database. Prints its port.
"""

import signal
import sqlite3
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

TABLES = Path(__file__).parent.parent / "sql" / "older" / "tables"


def at(nanoseconds: int) -> str:
    """As design 001 wrote times."""
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).isoformat()


class Store(grpc.GenericRpcHandler):
    """Takes trace requests and writes their spans."""

    def __init__(self, path: str) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False)
        self._database.execute("pragma journal_mode = wal")
        self._database.execute("pragma synchronous = full")
        for part in sorted(TABLES.glob("*.sql")):
            self._database.executescript(part.read_text(encoding="utf-8"))

    def service(self, handler_call_details):
        """The one method there is."""
        return grpc.unary_unary_rpc_method_handler(
            self.export, request_deserializer=ExportTraceServiceRequest.FromString
        )

    def export(self, request, context):
        """Write the spans of a request."""
        executions, nodes = [], []
        for resource_spans in request.resource_spans:
            for scope_spans in resource_spans.scope_spans:
                for span in scope_spans.spans:
                    said = {each.key: each.value for each in span.attributes}
                    text = {key: value.string_value for key, value in said.items()}
                    times = at(span.start_time_unix_nano), at(span.end_time_unix_nano)
                    ms = (span.end_time_unix_nano - span.start_time_unix_nano) // 1_000_000
                    ident = text.get("workflow.execution.id") or span.trace_id.hex()
                    if text.get("stepscope.span.role") == "execution":
                        status = text.get("workflow.execution.outcome", "success")
                        executions.append((
                            ident, text.get("workflow.name"), text.get("workflow.name"), status,
                            *times, ms, text.get("workflow.trigger.type"), "{}", None, None, None,
                            times[1],
                        ))  # fmt: skip
                    else:
                        nodes.append((
                            ident, span.span_id.hex(), span.name, text.get("workflow.task.type"),
                            text.get("workflow.task.outcome"), *times, ms, None, None, None, None,
                        ))  # fmt: skip
        with self._lock, self._database as database:
            database.executemany(
                "insert or replace into executions values (?,?,?,?,?,?,?,?,?,?,?,?,?)", executions
            )
            database.executemany(
                "insert into node_executions values (null,?,?,?,?,?,?,?,?,?,?,?,?)", nodes
            )
        return b""


server = grpc.server(
    ThreadPoolExecutor(4),
    [Store(sys.argv[1])],
    options=[("grpc.max_receive_message_length", -1)],
)
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
signal.signal(signal.SIGTERM, lambda *_: server.stop(None))
server.wait_for_termination()

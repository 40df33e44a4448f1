"""Stores of a test: the real write path on a database in memory, one request after the other."""

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stepscope_collector.config import StoreConfig
from stepscope_collector.decode.batch import Signal
from stepscope_collector.decode.logs import decode_logs
from stepscope_collector.decode.metrics import decode_metrics
from stepscope_collector.decode.otlp_json import to_message
from stepscope_collector.decode.spans import decode_spans
from stepscope_collector.mapping.compile import compile_profiles
from stepscope_collector.mapping.group import NewDimensions, group_of
from stepscope_collector.mapping.profile import load_shipped
from stepscope_collector.query.export import Chosen, export
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.database import Database
from tests.integration.cli import history

MAPPING = compile_profiles(load_shipped())
CAPTURES = Path(__file__).parents[3] / "captures"
START_NS = int(datetime(2026, 12, 1, tzinfo=UTC).timestamp()) * 10**9
_DECODE: dict[Signal, Any] = {
    "traces": decode_spans, "logs": decode_logs, "metrics": decode_metrics,
}  # fmt: skip

TABLES = (
    "executions", "attempts", "spans", "open_spans", "payloads", "resources", "scopes",
    "log_records", "metric_points",
)  # fmt: skip
"""What tells of executions; not what tells of the collector itself."""
_HIDDEN = {"executions": ("updated_at",), "attempts": ("ingested_at",)}
"""When the row was changed last, in this store."""


class Store:
    """A database and what writes it, a commit every minute."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.committer = Committer(database.writer(), MAPPING)
        self.clock = itertools.count(START_NS, 60 * 10**9).__next__

    def take(self, signal: Signal, request: Any) -> None:
        """Store a request."""
        now_ns = self.clock()
        now = datetime.fromtimestamp(now_ns / 1e9, UTC).replace(tzinfo=None)
        batch = _DECODE[signal](request, MAPPING.plan)
        self.committer.commit(group_of([batch], [], [], NewDimensions()), now, now_ns)

    def export(self, form: str, table: str | None = None, **chosen: Any) -> bytes:
        """A file of this store."""
        given = Chosen(**{"now_ns": START_NS, **chosen})
        return b"".join(export(self.database, given, form, table))

    def objects(self, table: str | None = None, **chosen: Any) -> list[Any]:
        """What a file in JSON holds."""
        found: list[Any] = json.loads(self.export("json", table, **chosen))
        return found

    def rows(self, sql: str) -> list[Any]:
        """The answer to a statement."""
        with self.database.read() as connection:
            return connection.execute(sql).fetchall()

    def tables(self) -> dict[str, list[Any]]:
        """Everything that is stored of executions, comparable."""
        found = {}
        for table in TABLES:
            names = _HIDDEN.get(table)
            without = f"exclude ({', '.join(names)})" if names else ""
            found[table] = self.rows(f"select * {without} from stored.{table} order by all")
        return found


@contextmanager
def store() -> Iterator[Store]:
    """An empty one."""
    with Database.open(None, StoreConfig(threads=1)) as database:
        yield Store(database)


def fill(into: Store) -> None:
    """Four executions of ours with logs, and recordings of engines."""
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "reports"}}]}
    scope = {"scope": {"name": "stepscope", "version": "0.1.0"}}
    whole = {"resource": resource, "scopeSpans": [{**scope, "spans": history.spans()}]}
    into.take("traces", parsed("traces", {"resourceSpans": [whole]}))
    # twice the same line in one request: two log records
    lines = [*history.logs(), history.logs()[1]]
    logs = {"resource": resource, "scopeLogs": [{**scope, "logRecords": lines}]}
    into.take("logs", parsed("logs", {"resourceLogs": [logs]}))
    for name in ("dbos.success.json", "celery.retry.json", "temporal-python-v1.running.json"):
        into.take("traces", to_message("traces", (CAPTURES / name).read_bytes())[0])
    into.take("metrics", parsed("metrics", {"resourceMetrics": [_metrics(resource, 1)]}))
    into.take("metrics", parsed("metrics", {"resourceMetrics": [_metrics(resource, 2)]}))


def parsed(signal: Signal, document: Any) -> Any:
    """A request written in JSON."""
    return to_message(signal, json.dumps(document).encode())[0]


def _metrics(resource: Any, value: int) -> Any:
    time = str(history.START_NS + value * history.MS)
    points = [
        {"asInt": str(value), "timeUnixNano": time, "attributes": [
            {"key": "workflow.execution.id", "value": {"stringValue": each}}]}
        for each in ("exec-a1-ok", "exec-b2-failed")
    ]  # fmt: skip
    gauges = [{"name": name, "gauge": {"dataPoints": points}} for name in ("depth", "age")]
    return {"resource": resource, "scopeMetrics": [{"scope": {"name": "m"}, "metrics": gauges}]}

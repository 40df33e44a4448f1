"""A database with the schema and no collector: rows are put into the tables by hand."""

import time
from typing import Any

import duckdb
import pytest

from stepscope_schema.load import load_schema
from tests.strategies.stored import stored_span

NOW = "2026-01-01 00:00:00"
TRACE = "0af76519-16cd-43dd-8448-eb211c80319c"

DEFAULTS: dict[str, dict[str, Any]] = {
    "executions": {
        "execution_id": "e", "dialect": "stepscope", "first_unix_nano": 0, "last_seen_unix_nano": 0,
        "last_start_unix_nano": 0, "any_trace_id": TRACE, "attempt_count": 0, "failed_attempt_count": 0,
        "span_count": 0, "ingested_at": NOW, "updated_at": NOW,
    },
    "spans": {
        "trace_id": TRACE, "span_id": 1, "parent_span_id": 0, "flags": 0, "name": "span", "kind": 1,
        "start_time_unix_nano": 10, "end_time_unix_nano": 20, "status_code": 0, "home_bits": 0,
        "dropped_attributes_count": 0, "dropped_events_count": 0, "dropped_links_count": 0,
        "resource_id": 1, "scope_id": 1, "dialect": "stepscope", "role": "step", "execution_id": "e",
        "is_explicit": True, "status": "success", "ingested_at": NOW,
    },
    "open_spans": {
        "trace_id": TRACE, "span_id": 1, "parent_span_id": 0, "name": "span", "start_time_unix_nano": 10,
        "last_seen_unix_nano": 10, "dialect": "stepscope", "role": "step", "execution_id": "e",
        "ingested_at": NOW,
    },
    "payloads": {
        "execution_id": "e", "trace_id": TRACE, "span_id": 1, "start_time_unix_nano": 10, "kind": "params",
        "key": "stepscope.params", "media_type": "application/json", "body": "{}", "size_bytes": 2,
        "is_truncated": False, "ingested_at": NOW,
    },
    "log_records": {
        "time_unix_nano": 10, "observed_time_unix_nano": 0, "severity_number": 9,
        "dropped_attributes_count": 0, "flags": 0, "resource_id": 1, "scope_id": 1, "ingested_at": NOW,
    },
}  # fmt: skip
"""What a row needs that a test does not speak of."""


class History:
    """The tables to fill and the views to ask."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        for statement in load_schema().statements:
            self.connection.execute(statement.sql)

    def add(self, table: str, **values: Any) -> None:
        row = DEFAULTS[table] | values
        if table == "spans":
            row = stored_span(row)
        names = ", ".join(row)
        places = ", ".join(f"${name}" for name in row)
        if table == "executions":
            names, places = f"{names}, execution_key", f"{places}, execution_key($execution_id)"
        self.connection.execute(f"insert into stored.{table} ({names}) values ({places})", row)
        if table == "executions":  # as the writer does
            self.connection.execute(
                "update stored.executions "
                "set started_at = time_of(coalesce(started_unix_nano, first_unix_nano)), "
                "ended_at = time_of(final_end_unix_nano), duration_ns = "
                "duration_of(coalesce(started_unix_nano, first_unix_nano), final_end_unix_nano)"
            )

    def clear(self) -> None:
        for table in DEFAULTS:
            self.connection.execute(f"delete from stored.{table}")

    def ask(self, sql: str) -> list[tuple]:
        return self.connection.execute(sql).fetchall()

    def rows(self, sql: str) -> list[dict[str, Any]]:
        cursor = self.connection.execute(sql)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    @staticmethod
    def now() -> int:
        """The clock, in nanoseconds since the epoch."""
        return time.time_ns()


@pytest.fixture
def history():
    history = History()
    yield history
    history.connection.close()


@pytest.fixture(scope="module")
def shared_history():
    """For property tests, which clear it before each example."""
    history = History()
    yield history
    history.connection.close()

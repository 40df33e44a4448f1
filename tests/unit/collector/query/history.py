"""A small history with everything in it that questions have to get right, written straight into the tables."""

import json
import random
import uuid
from datetime import UTC, datetime
from typing import Any

from stepscope_collector.config import StoreConfig
from stepscope_collector.store import Connection, Database
from tests.strategies.stored import stored_span

NOW_NS = 1_785_000_000_000_000_000
SECOND = 1_000_000_000
DAY = 86_400 * SECOND

STATUSES = (
    "success", "success", "success", "failed", "timed_out", "cancelled", "partial", "skipped", None,
)  # fmt: skip


def open_memory() -> Database:
    """An empty database in memory."""
    return Database.open(None, StoreConfig(threads=1))


def insert(connection: Connection, table: str, **row: Any) -> None:
    """Insert one row into a stored table; columns not given are null."""
    if table == "spans":
        row = stored_span(row)
    columns = ", ".join(row)
    values = ", ".join(f"${name}" for name in row)
    if table == "executions" or (table == "log_records" and row.get("execution_id")):
        columns, values = f"{columns}, execution_key", f"{values}, execution_key($execution_id)"
    connection.execute(f"insert into stored.{table} ({columns}) values ({values})", row)
    if table == "executions":  # as the writer does
        connection.execute(
            "update stored.executions set ended_at = time_of(final_end_unix_nano), duration_ns ="
            " duration_of(coalesce(started_unix_nano, first_unix_nano), final_end_unix_nano)"
            " where execution_id = $id",
            {"id": row["execution_id"]},
        )


def timestamp_of(unix_nano: int) -> str | None:
    """A value for TIMESTAMP_NS, all nine digits; None for 0, as the writer has it."""
    if unix_nano == 0:
        return None
    second = datetime.fromtimestamp(unix_nano // SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{second}.{unix_nano % SECOND:09}"


def add_execution(connection: Connection, execution_id: str, **row: Any) -> dict[str, Any]:
    """Insert an execution; what is not given is derived or plain."""
    start = row.get("started_unix_nano", NOW_NS)
    first = row.get("first_unix_nano", start or NOW_NS)
    end = row.get("final_end_unix_nano")
    full: dict[str, Any] = {
        "dialect": "stepscope",
        "started_at": timestamp_of(start if start is not None else first),
        "first_unix_nano": first,
        "last_start_unix_nano": max(first, start or 0),
        "last_seen_unix_nano": max(first, start or 0, end or 0),
        "any_trace_id": uuid.uuid5(uuid.NAMESPACE_OID, execution_id),
        "attempt_count": 0,
        "failed_attempt_count": 0,
        "span_count": 1,
        "ingested_at": "2026-07-24 10:00:00.000000001",
        "updated_at": "2026-07-24 10:00:00.000000002",
        **row,
        "execution_id": execution_id,
    }
    insert(connection, "executions", **full)
    insert(
        connection, "traces", trace_id=full["any_trace_id"], execution_id=execution_id,
        has_explicit=True, has_implicit=False, first_start_unix_nano=first,
        last_start_unix_nano=full["last_start_unix_nano"],
    )  # fmt: skip
    return full


def add_span(connection: Connection, execution_id: str, span_id: int, **row: Any) -> None:
    """Insert an ended span of an execution."""
    start = row.get("start_time_unix_nano", NOW_NS)
    insert(
        connection, "spans",
        **{
            "trace_id": uuid.uuid5(uuid.NAMESPACE_OID, execution_id), "span_id": span_id,
            "parent_span_id": 0, "flags": 0, "name": f"span {span_id}", "kind": 1,
            "start_time_unix_nano": start, "end_time_unix_nano": start + SECOND, "status_code": 0,
            "home_bits": 0, "dropped_attributes_count": 0, "dropped_events_count": 0,
            "dropped_links_count": 0, "resource_id": 1, "scope_id": 1, "dialect": "stepscope",
            "role": "step", "execution_id": execution_id, "is_explicit": True, "status": "success",
            "ingested_at": "2026-07-24 10:00:00.000000003", **row,
        },
    )  # fmt: skip


def add_open_span(connection: Connection, execution_id: str, span_id: int, **row: Any) -> None:
    """Insert a span of an execution that has not ended."""
    insert(
        connection, "open_spans",
        **{
            "trace_id": uuid.uuid5(uuid.NAMESPACE_OID, execution_id), "span_id": span_id,
            "parent_span_id": 0, "name": f"open {span_id}", "start_time_unix_nano": NOW_NS,
            "last_seen_unix_nano": NOW_NS, "dialect": "stepscope", "role": "step",
            "execution_id": execution_id, "ingested_at": "2026-07-24 10:00:00", **row,
        },
    )  # fmt: skip


def add_log(connection: Connection, **row: Any) -> None:
    """Insert a log record."""
    insert(
        connection, "log_records",
        **{
            "time_unix_nano": NOW_NS, "observed_time_unix_nano": NOW_NS, "severity_number": 9,
            "severity_text": "INFO", "dropped_attributes_count": 0, "flags": 0, "resource_id": 1,
            "scope_id": 1, "ingested_at": "2026-07-24 10:00:00", **row,
        },
    )  # fmt: skip


def add_payload(
    connection: Connection, execution_id: str, kind: str, body: str, **row: Any
) -> None:
    """Insert a payload of an execution."""
    insert(
        connection, "payloads",
        **{
            "execution_id": execution_id,
            "trace_id": uuid.uuid5(uuid.NAMESPACE_OID, execution_id), "span_id": 1,
            "start_time_unix_nano": NOW_NS, "kind": kind, "key": f"stepscope.{kind}",
            "media_type": "application/json", "body": body, "size_bytes": len(body.encode()),
            "is_truncated": False, "ingested_at": "2026-07-24 10:00:00", **row,
        },
    )  # fmt: skip


def fill_executions(connection: Connection, count: int = 240, seed: int = 7) -> None:
    """Executions of few values each, so that every filter and every pair of them meets some."""
    draw = random.Random(seed)
    for number in range(count):
        start: int | None = NOW_NS - draw.randrange(0, 40) * DAY // 4
        final: int | None = start + draw.choice([0, 1, 1, 250_000_000, SECOND, 90 * SECOND])
        status = draw.choice(STATUSES)
        kind = draw.random()
        if kind < 0.15:
            final = status = None
        if kind < 0.05:
            start = None
        if kind > 0.97:
            final = start - 5
        failed = status in {"failed", "timed_out"}
        add_execution(
            connection, f"{draw.randrange(16**6):06x}-{number}",
            started_unix_nano=start, first_unix_nano=start or NOW_NS - DAY,
            final_end_unix_nano=final, final_start_unix_nano=start if final else None, status=status,
            dialect=draw.choice(["stepscope", "otel", "temporal", None]),
            workflow_id=draw.choice(["checkout", "etl", None]),
            workflow_name=draw.choice(["Checkout", "etl", None]),
            workflow_version=draw.choice(["1", "2", None]), project=draw.choice(["shop", None]),
            service_name=draw.choice(["billing", "web"]), user_id=draw.choice(["ann", "bob", None]),
            trigger_type=draw.choice(["schedule", "api", None]),
            tags=draw.choice([None, json.dumps(["nightly", "eu"])]),
            parent_execution_id=draw.choice([None, "p1", "p2"]),
            root_execution_id=draw.choice([None, "r1"]),
            error_type=draw.choice(["ValueError", "OSError"]) if failed else None,
            error_message="no" if failed else None,
            last_seen_unix_nano=draw.choice([NOW_NS, 2**63 + 10**9]),
        )  # fmt: skip


def fill_parts(connection: Connection, count: int = 12, seed: int = 11) -> list[str]:
    """Executions with steps, attempts, operations, open spans, logs and payloads; their ids."""
    draw = random.Random(seed)
    ids = [f"whole-{number}" for number in range(count)]
    span_id = 100
    for place, execution_id in enumerate(ids):
        base = NOW_NS + place * DAY
        starts = [base]
        for step in range(draw.randrange(0, 6)):
            tries = draw.choice([1, 1, 2, 3])
            for attempt in range(1, tries + 1):
                span_id += 1
                start = base + draw.randrange(0, 50) * SECOND
                starts.append(start)
                add_span(
                    connection, execution_id, span_id, start_time_unix_nano=start,
                    end_time_unix_nano=draw.choice([start + SECOND, start, start - 1, 2**64 - 1]),
                    step_id=f"s{step}" if tries > 1 else None,
                    step_name=draw.choice([f"step {step % 2}", None]),
                    step_index=draw.choice([None, step]), attempt=attempt if tries > 1 else None,
                    status="failed" if attempt < tries else draw.choice(["success", "failed", None]),
                    live_phase=draw.choice([None, None, None, "started"]),
                    role=draw.choice(["step", "step", "step", "operation"]),
                )  # fmt: skip
                for line in range(draw.randrange(0, 3)):
                    add_log(
                        connection, trace_id=uuid.uuid5(uuid.NAMESPACE_OID, execution_id),
                        span_id=span_id, execution_id=draw.choice([None, execution_id]),
                        time_unix_nano=draw.choice([0, start + line]),
                        observed_time_unix_nano=start + 10 + line, body=f"line {span_id}.{line}",
                    )  # fmt: skip
                add_payload(
                    connection, execution_id, "input", f'{{"n": {span_id}}}', span_id=span_id,
                    start_time_unix_nano=start,
                )  # fmt: skip
        if place % 3 == 0:
            span_id += 1
            add_open_span(connection, execution_id, span_id, start_time_unix_nano=base)
            for phase, of in (("started", span_id), ("heartbeat", span_id), ("started", 5)):
                add_payload(
                    connection, execution_id, "input", "{}", span_id=span_id + 1000,
                    start_time_unix_nano=base, live_phase=phase, open_span_id=of,
                )  # fmt: skip
        add_execution(
            connection, execution_id, started_unix_nano=base, workflow_id=f"w{place % 2}",
            last_start_unix_nano=max(starts), final_end_unix_nano=base + 60 * SECOND,
            status="failed" if place % 2 else "success",
        )  # fmt: skip
    return ids

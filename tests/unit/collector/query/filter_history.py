"""A random history for filters, and all of it as Python values to filter by brute force."""

import json
import random
import uuid
from dataclasses import dataclass, field
from typing import Any

from stepscope_collector.query.executions import execution_page
from stepscope_collector.query.rows import Execution
from stepscope_collector.store import Connection, Database
from tests.unit.collector.query.history import (
    DAY,
    NOW_NS,
    SECOND,
    add_execution,
    add_log,
    add_payload,
    add_span,
    insert,
)

WORDS = (
    "Straße",
    "STRASSE",
    "Zoe\u0308",
    "Zoë",
    "ΣΊΣΥΦΟΣ",
    "σίσυφος",
    "東京",
    "Привет",
    'say "hi"',
    "a%b_c\\d",
)
"""What texts are made of: cases, compositions, scripts, quotes and signs of patterns."""
HOSTS = ("worker-1", "worker-2")


@dataclass
class Whole:
    """An execution with all that fields of a filter may ask for."""

    row: Execution
    attempts: list[dict[str, Any]] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    logs: list[dict[str, Any]] = field(default_factory=list)
    payloads: list[dict[str, Any]] = field(default_factory=list)
    spans: list[dict[str, Any]] = field(default_factory=list)
    last_success: int | None = None
    """Start of the last successful execution of the same workflow."""


class History:
    """A history in a database, and as Python values."""

    # No dataclass: Hypothesis would show all of it.
    def __init__(self, database: Database) -> None:
        self.database = database
        self.wholes = read_whole(database)


def fill(connection: Connection, seed: int, count: int = 70) -> None:
    """Executions with spans, attempts, payloads and logs of few values each."""
    draw = random.Random(seed)
    for number, host in enumerate(HOSTS, 1):
        insert(
            connection, "resources", resource_id=number, schema_url="", service_name="web",
            dropped_attributes_count=0, attributes={"host.name": host, "k8s.pod.name": f"pod {number}"},
        )  # fmt: skip
    for number in range(count):
        execution_id = f"{draw.randrange(16**4):04x}-{number}"
        start: int | None = NOW_NS - draw.randrange(0, 20) * DAY // 4
        status = draw.choice(["success", "failed", "timed_out", "partial", None])
        lasted = draw.choice([0, 250_000_000, SECOND, 90 * SECOND])
        end = None if status is None else (start or 0) + lasted
        if draw.random() < 0.05:
            start = None
        failed = status in {"failed", "timed_out"}
        add_execution(
            connection, execution_id, started_unix_nano=start,
            first_unix_nano=start or NOW_NS - DAY,
            last_start_unix_nano=(start or NOW_NS) + 5 * SECOND, final_end_unix_nano=end, status=status,
            queued_unix_nano=draw.choice([None, None if start is None else start - SECOND]),
            dialect=draw.choice(["stepscope", "otel", "temporal", None]),
            workflow_id=draw.choice(["checkout", "etl", None]),
            workflow_name=draw.choice(["Checkout", *WORDS[:3], None]),
            execution_name=draw.choice([None, *WORDS]), user_id=draw.choice(["ann", "zoë", None]),
            workflow_version=draw.choice(["1", "2.3.1", None]), project=draw.choice(["shop", None]),
            trigger_type=draw.choice(["schedule", "api", None]),
            tags=draw.choice([None, '["nightly","eu"]', '["EU"]', "[]", '{"no": "list"}', "17"]),
            exit_code=draw.choice([None, 0, 1, -9]), attempt_count=draw.randrange(0, 4),
            failed_attempt_count=draw.randrange(0, 3), try_count=draw.choice([None, 1, 2]),
            parent_execution_id=draw.choice([None, "p1"]),
            root_execution_id=draw.choice([None, "r1"]),
            error_type=draw.choice(["ValueError", "OSError"]) if failed else None,
            error_message=draw.choice(WORDS) if failed else None,
            last_seen_unix_nano=draw.choice([NOW_NS, 2**63 + 10**9]),
            **({"started_at": None} if start is None else {}),
        )  # fmt: skip
        _add_parts(connection, draw, execution_id, number, start or NOW_NS)


def _add_parts(
    connection: Connection, draw: random.Random, execution_id: str, number: int, start: int
) -> None:
    for place in range(draw.randrange(0, 4)):
        tries = draw.choice([1, 1, 2])
        for attempt in range(1, tries + 1):
            status = "failed" if attempt < tries else draw.choice(["success", "failed"])
            failed = status == "failed"
            span_id = number * 100 + place * 10 + attempt
            add_span(
                connection, execution_id, span_id, start_time_unix_nano=start + place * SECOND,
                end_time_unix_nano=start + place * SECOND + draw.choice([1, SECOND, 3 * SECOND]),
                step_id=f"s{place}", step_name=draw.choice(["pay", "ship", None]),
                attempt=attempt, status=status, resource_id=draw.choice([1, 2, 9]),
                is_expected_retry=draw.choice([None, True, False]) if failed else None,
                error_type=draw.choice(["OSError", None]) if failed else None,
                error_message=draw.choice(WORDS) if failed else None,
                role=draw.choice(["step", "step", "step", "operation"]),
                attributes=draw.choice(
                    [None, {"my.key": "42", "http.route": "/pay"}, {"my.key": draw.choice(WORDS)}]
                ),
            )  # fmt: skip
            if draw.random() < 0.5:
                add_log(
                    connection, trace_id=uuid.uuid5(uuid.NAMESPACE_OID, execution_id),
                    span_id=span_id, execution_id=draw.choice([None, execution_id]),
                    body=draw.choice([None, *WORDS]), severity_number=draw.choice([0, 5, 9, 14, 17]),
                    event_name=draw.choice([None, "order.paid"]),
                    attributes=draw.choice([None, {"order": "17"}]),
                )  # fmt: skip
            if draw.random() < 0.4:
                body = json.dumps({"total": draw.choice([5, 99.5, "99.50", 1e3])})
                add_payload(connection, execution_id, "output", body, span_id=span_id)
    if draw.random() < 0.8:
        params: Any = {
            "customer": draw.choice(["42", 42, 42.0, 7, True, None, "none"]),
            "deep": {"list": [{"sku": draw.choice(["A-1", "B-2"])}], "a/b~c": draw.choice([1, 2])},
            "note": draw.choice(WORDS),
        }
        body = json.dumps(params, ensure_ascii=draw.choice([True, False]))
        if draw.random() < 0.15:
            body = draw.choice([body[:-3], "[1]", '"text"', "no JSON"])
        add_payload(connection, execution_id, "params", body)
    if draw.random() < 0.2:
        add_payload(
            connection, execution_id, "attribute", draw.choice(["42", "large"]), key="my.key",
            media_type="text/plain",
        )  # fmt: skip


def read_whole(database: Database) -> list[Whole]:
    """All of the history, as the views show it."""
    page = execution_page(database, {}, now_ns=NOW_NS, limit=1000)
    found = {row.execution_id: Whole(row) for row in page.executions}
    with database.read() as reader:
        for part, statement in {
            "attempts": "select * replace (epoch_ns(started_at) as started_at,"
            " epoch_ns(ended_at) as ended_at) from attempts order by all",
            "steps": "select * replace (epoch_ns(started_at) as started_at,"
            " epoch_ns(ended_at) as ended_at) from steps order by all",
            "logs": "from execution_logs order by execution_id, sequence",
            "payloads": "from payloads order by all",
            "spans": "from spans order by trace_id, span_id",
        }.items():
            reader.execute(statement)
            names = [column[0] for column in reader.description]
            for values in reader.fetchall():
                row = dict(zip(names, values, strict=True))
                getattr(found[row["execution_id"]], part).append(row)
    starts: dict[str, int] = {}
    for whole in found.values():
        row = whole.row
        if row.status == "success" and row.started_at is not None:
            starts[row.workflow_id] = max(row.started_at, starts.get(row.workflow_id, 0))
    for whole in found.values():
        whole.last_success = starts.get(whole.row.workflow_id)
    return list(found.values())

"""The read API on a real port over a small history."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
import uvicorn

from stepscope_collector.config import SqlConfig
from stepscope_collector.ingest import Ingest
from stepscope_collector.present.rest.app import rest_app
from stepscope_collector.present.rest.compat import Intake
from stepscope_collector.retention import Retention
from stepscope_collector.store import Database
from stepscope_collector.telemetry import Telemetry
from tests.unit.collector.query.history import (
    NOW_NS,
    SECOND,
    add_execution,
    add_log,
    fill_executions,
    fill_parts,
    insert,
    open_memory,
)


@contextmanager
def serving(
    database: Database,
    config: SqlConfig | None = None,
    telemetry: Telemetry | None = None,
    *,
    ingest: Ingest | None = None,
    retention: Retention | None = None,
) -> Iterator[httpx.Client]:
    """A client of the read API, served by uvicorn on a free port of 127.0.0.1."""
    app = rest_app(
        database,
        config or SqlConfig(timeout_s=20),
        doctor=lambda: {"version": "x", "store": {"executions": 1}},
        ready=lambda: True,
        telemetry=telemetry,
        retention=retention,
        intake=None if ingest is None else Intake(ingest, 1 << 22),
    )
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        host, port = listening.getsockname()
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            with httpx.Client(base_url=f"http://{host}:{port}", timeout=30) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join(20)


@pytest.fixture(scope="module")
def history() -> Iterator[Database]:
    """Executions of every kind, and one that failed with all that belongs to it."""
    with open_memory() as database:
        writer = database.writer()
        fill_executions(writer)
        fill_parts(writer)
        # what its spans and log records refer to
        insert(writer, "resources", resource_id=1, dropped_attributes_count=0, schema_url="")
        insert(
            writer, "scopes", scope_id=1, name="x", version="", dropped_attributes_count=0,
            schema_url="",
        )  # fmt: skip
        add_execution(
            writer, "late", started_unix_nano=NOW_NS + 30 * 86400 * SECOND + 1, user_id="zoë",
            final_end_unix_nano=NOW_NS + 300 * 86400 * SECOND, status="success",
        )  # fmt: skip
        for number in range(5):
            add_log(writer, execution_id="late", sequence=number, body=f"line {number}")
        yield database


@pytest.fixture(scope="module")
def client(history: Database) -> Iterator[httpx.Client]:
    """A client of the read API over the history."""
    with serving(history) as opened:
        yield opened

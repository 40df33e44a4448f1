"""A real ingest on a real database, and ways to hold its writer still for a moment."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stepscope_collector.config import IngestConfig, StoreConfig
from stepscope_collector.ingest import Ingest, Receipt
from stepscope_collector.mapping.compile import CompiledMapping, compile_profiles
from stepscope_collector.mapping.profile import load_shipped
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.database import Database
from stepscope_collector.store.log_limit import UNLIMITED, LogLimit
from stepscope_collector.tee import Tee
from stepscope_collector.telemetry import Telemetry
from tests.strategies.workflows import IN_MEMORY, Sent, request, span

__all__ = ["MAPPING", "Taking", "payload", "taking"]

MAPPING = compile_profiles(load_shipped())
WAIT_S = 30
"""Bound of every wait; nothing takes that long."""


def payload(*sent: Sent) -> bytes:
    """The bytes of a trace request."""
    return request(sent).SerializeToString()


class Taking:
    """An ingest, its database and its counts."""

    def __init__(
        self, database: Database, ingest: Ingest, telemetry: Telemetry, committer: Committer
    ) -> None:
        self.committer = committer
        self.database = database
        self.ingest = ingest
        self.telemetry = telemetry

    def take(self, data: bytes, signal: Any = "traces", encoding: Any = "protobuf") -> Receipt:
        """Submit and wait for the answer."""
        return self.ingest.submit(signal, data, encoding, "10.1.2.3").result(WAIT_S)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a question, asked on a connection of its own."""
        with self.database.read() as connection:
            return connection.execute(sql).fetchall()

    def counts(self, signal: str = "traces") -> dict[str, int]:
        """Rows of a signal by outcome; they have to add up."""
        counts: dict[str, int] = self.telemetry.snapshot()["rows"].get(signal, {})
        outcomes = ("stored", "duplicate", "deleted", "rejected", "refused", "failed", "waiting")
        assert counts.get("received", 0) == sum(counts.get(outcome, 0) for outcome in outcomes)
        return {outcome: n for outcome, n in counts.items() if n and outcome != "received"}

    def commits(self) -> tuple[int, int]:
        """Transactions, and requests in them."""
        commits = self.telemetry.snapshot()["commits"]
        return commits.get("commits", 0), commits.get("requests", 0)

    @contextmanager
    def held(self) -> Iterator[None]:
        """The writer stands still inside the block: what is submitted there waits together."""
        is_held, go_on = threading.Event(), threading.Event()
        here = threading.current_thread()

        def hold(_: Future[Receipt]) -> None:
            # A done-callback runs in the thread that resolves, the writer's; one that comes too
            # late runs here, where it must not wait.
            if threading.current_thread() is not here:
                is_held.set()
                go_on.wait(WAIT_S)

        for n in range(100):
            first = self.ingest.submit("traces", payload(span(f"hold {n}", scope="x")), "protobuf")
            first.add_done_callback(hold)
            first.result(WAIT_S)
            if is_held.wait(0.1):
                break
        assert is_held.is_set()
        try:
            yield
        finally:
            go_on.set()


@contextmanager
def taking(
    path: Path | None = None,
    *,
    mapping: CompiledMapping = MAPPING,
    config: IngestConfig | None = None,
    max_inflight_bytes: int = 1 << 28,
    committer: type[Committer] = Committer,
    tee: Callable[[Telemetry], Tee] | None = None,
    store: StoreConfig | None = None,
    log_limit: LogLimit = UNLIMITED,
    backlog: Path | None = None,
) -> Iterator[Taking]:
    """An ingest on a new database; on the one at `path` if there is one. Its own id is `ab12`."""
    store = store or (IN_MEMORY if path is None else StoreConfig())
    with Database.open(path, store) as database:
        telemetry = Telemetry()
        sends = None if tee is None else tee(telemetry)
        ingest = Ingest(
            commits := committer(database.writer(), mapping, log_limit=log_limit),
            mapping.plan, config or IngestConfig(),
            max_inflight_bytes, telemetry, tee=sends, own_id=None if sends is None else "ab12",
            backlog=backlog,
        )  # fmt: skip
        database.before_read = ingest.catch_up
        try:
            yield Taking(database, ingest, telemetry, commits)
        finally:
            assert ingest.drain(WAIT_S)
            if sends is not None:
                sends.stop(WAIT_S)

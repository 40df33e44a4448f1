"""Where the time of the write path goes: the same steps as `ingest.py`, in one thread, each timed.

The commits are those of a collector whose senders each have one request in flight. Receiving is not
in it: what a server takes beyond this is gRPC or HTTP, the queue and the answers.
"""

import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.requests import SEED, SHAPES, START_NS
from stepscope_collector.config import StoreConfig
from stepscope_collector.decode.native import gathering, id_set, in_use
from stepscope_collector.decode.request import decode_request
from stepscope_collector.mapping.compile import compile_profiles
from stepscope_collector.mapping.group import NewDimensions, group_of
from stepscope_collector.mapping.profile import load_shipped
from stepscope_collector.store import Database, statements
from stepscope_collector.store.commit import Committer

__all__ = ["stages"]

WARM_UP = 3


class _Clock:
    """CPU of the whole process by stage; what a stage inside another takes counts for the inner one."""

    def __init__(self) -> None:
        self.ns: dict[str, int] = defaultdict(int)
        self._open = [0]

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        self._open.append(0)
        begun = time.process_time_ns()
        try:
            yield
        finally:
            took = time.process_time_ns() - begun
            inner = self._open.pop()
            self._open[-1] += took
            self.ns[stage] += took - inner


def stages(shape: str, batch: int, senders: int, spans: int, decoder: Any) -> dict[str, Any]:
    """Nanoseconds of CPU per span and stage, most expensive first."""
    rng = random.Random(SEED)
    commits = max(5, min(spans, batch * 2000) // (batch * senders))
    clock = _Clock()
    mapping = compile_profiles(load_shipped())
    plan = replace(mapping.plan, decoder=decoder)
    dimensions = NewDimensions()
    columns = gathering()
    with tempfile.TemporaryDirectory() as folder, _timed_statements(clock):
        database = Database.open(Path(folder) / "stepscope.duckdb", StoreConfig())
        committer = Committer(database.writer(), mapping, id_set=id_set)
        committer.known.fill(database.read)
        for number in range(commits + WARM_UP):
            if number == WARM_UP:
                clock.ns.clear()
            begin_ns = START_NS + number * senders * 50_000_000
            payloads = [
                SHAPES[shape](rng, batch, begin_ns + s * 50_000_000) for s in range(senders)
            ]
            with clock("decode"):
                batches = [
                    decode_request("traces", each, "protobuf", plan, columns) for each in payloads
                ]
            with clock("group"):
                group = group_of(batches, [], [], dimensions)
            with clock("commit: transaction, log and registration"):
                committer.commit(group, datetime.now(UTC).replace(tzinfo=None), time.time_ns())
            dimensions.committed(batches)
        with clock("checkpoint, at the end"):
            database.checkpoint()
        database.close()
    rows = commits * batch * senders
    ordered = sorted(clock.ns.items(), key=lambda item: -item[1])
    return {
        "shape": shape,
        "batch": batch,
        "requests_per_commit": senders,
        "spans": rows,
        "decoder": in_use(decoder).decoder,
        "cpu_ns_per_span": round(sum(clock.ns.values()) / rows),
        "stages_ns_per_span": {stage: round(ns / rows) for stage, ns in ordered},
    }


@contextmanager
def _timed_statements(clock: _Clock) -> Iterator[None]:
    """Every statement of the write path is timed under the name of its file."""
    run = statements.Prepared.run

    def timed(self: Any, name: str, /, *args: Any, **kwargs: Any) -> Any:
        with clock(f"sql: {name}"):
            return run(self, name, *args, **kwargs)

    statements.Prepared.run = timed  # type: ignore[method-assign]
    try:
        yield
    finally:
        statements.Prepared.run = run  # type: ignore[method-assign]

"""What installed profiles cost: CPU per span of decode, mapping and commit, few profiles against many.

    python benchmarks/bench_profiles.py [--installed 30] [--requests 24] [--rounds 5]

One process, no network: requests of 512 spans, eight to a commit, on a database file of its own per
round. Few are the direct profiles and the one that the spans are of; many are all that ship, and
copies under other names up to `--installed`. Few and many take turns, so their ratio holds on a busy
machine. Prints JSON: µs of CPU per span (medians), and the ratio.
"""

import argparse
import dataclasses
import json
import os
import platform
import random
import statistics
import tempfile
import time
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stepscope_collector.config import StoreConfig
from stepscope_collector.decode.request import decode_request
from stepscope_collector.mapping.compile import CompiledMapping, compile_profiles
from stepscope_collector.mapping.group import NewDimensions, group_of
from stepscope_collector.mapping.profile import Profile, load_shipped
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.database import Database

SEED = 20261121
ROWS = 512
PER_COMMIT = 8
START_NS = 1_795_000_000_000_000_000


def request(kind: str, rng: random.Random, number: int) -> bytes:
    """A request of traces of eight spans: the first the execution, the others its steps."""
    message = ExportTraceServiceRequest()
    resource_spans = message.resource_spans.add()
    attribute(resource_spans.resource, "service.name", "bench")
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name = {"own": "stepscope", "dbos": "dbos-tracer"}.get(kind, "app")
    start = START_NS + number * 60_000_000_000
    for trace in range(ROWS // 8):
        trace_id, root = rng.randbytes(16), rng.randbytes(8)
        execution = f"0192f0c1-7c1e-7b7a-b6a1-{rng.randrange(1 << 48):012x}"
        for place in range(8):
            span = scope_spans.spans.add(
                trace_id=trace_id, span_id=root if place == 0 else rng.randbytes(8),
                parent_span_id=b"" if place == 0 else root, name=f"part {place}",
                start_time_unix_nano=start + trace * 1_000_000 + place * 1000,
                end_time_unix_nano=start + trace * 1_000_000 + place * 1000 + 900,
            )  # fmt: skip
            span.status.code = 1
            for key, value in ATTRIBUTES[kind](place, execution).items():
                attribute(span, key, value)
    return message.SerializeToString()


def attribute(message: Any, key: str, value: str) -> None:
    """Add one text attribute."""
    message.attributes.add(key=key).value.string_value = value


ATTRIBUTES: dict[str, Any] = {
    "own": lambda place, execution: {
        "workflow.execution.id": execution,
        "stepscope.span.role": "execution" if place == 0 else "step",
        "workflow.name": "bench",
        "workflow.task.name": f"part {place}",
        "workflow.task.outcome": "success",
        "region": "eu",
    },
    "plain": lambda place, _: {f"app.attribute.{n}": f"value {place}" for n in range(8)},
    "dbos": lambda place, execution: {
        "dbos.operation.type": "workflow" if place == 0 else "step",
        "dbos.operation.workflow_id": execution,
        "dbos.application.version": "1.2.3",
        "dbos.executor.id": "local",
        "app.region": "eu",
    },
}


def mappings(kind: str, installed: int) -> dict[str, CompiledMapping]:
    """Few and many profiles."""
    shipped = load_shipped()
    few = [profile for profile in shipped if profile.direct or profile.name == kind]
    return {"few": compile_profiles(few), "many": compile_profiles(padded(shipped, installed))}


def padded(profiles: list[Profile], count: int) -> list[Profile]:
    """The profiles, and copies that detect other attributes, up to `count`."""
    models = [profile for profile in profiles if not profile.direct]
    more = [
        dataclasses.replace(
            models[n % len(models)],
            name=f"copy-{n}",
            detect=f"scope_name = 'engine-{n}' or attr('engine.{n}.run') is not null",
        )
        for n in range(count - len(profiles))
    ]
    return [*profiles, *more]


def cost_us(mapping: CompiledMapping, requests: list[bytes]) -> float:
    """CPU per span in µs, of all threads of this process, for all requests on an empty database."""
    with tempfile.TemporaryDirectory() as folder:
        with Database.open(Path(folder) / "bench.duckdb", StoreConfig()) as database:
            committer = Committer(database.writer(), mapping)
            dimensions = NewDimensions()
            now = datetime(2026, 11, 21)  # noqa: DTZ001 the store takes UTC without zone
            started = time.process_time_ns()
            for first in range(0, len(requests), PER_COMMIT):
                batches = [
                    decode_request("traces", payload, "protobuf", mapping.plan)
                    for payload in requests[first : first + PER_COMMIT]
                ]
                group = group_of(batches, [], [], dimensions)
                committer.commit(group, now, START_NS + 10**15)
                dimensions.committed(batches)
            elapsed = time.process_time_ns() - started
    return elapsed / 1000 / (len(requests) * ROWS)


def main() -> None:
    """Run all kinds of spans and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--installed", type=int, default=30, help="profiles that are many")
    parser.add_argument("--requests", type=int, default=24, help="of 512 spans each")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    runs = []
    for kind in ATTRIBUTES:
        rng = random.Random(SEED)
        requests = [request(kind, rng, number) for number in range(arguments.requests)]
        compiled = mappings(kind, arguments.installed)
        costs: dict[str, list[float]] = {name: [] for name in compiled}
        for _ in range(arguments.rounds + 1):
            for name, mapping in compiled.items():
                costs[name].append(cost_us(mapping, requests))
        medians = {name: statistics.median(each[1:]) for name, each in costs.items()}
        ratios = [many / few for few, many in zip(costs["few"], costs["many"], strict=True)][1:]
        runs.append(
            {
                "spans": kind,
                "cpu_us_per_span": {name: round(value, 2) for name, value in medians.items()},
                "ratio": round(statistics.median(ratios), 3),
            }
        )
    document = {
        "benchmark": "profiles",
        "installed": arguments.installed,
        "versions": {"python": platform.python_version(), "duckdb": version("duckdb")},
        "cpus": os.cpu_count(),
        "runs": runs,
    }
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()

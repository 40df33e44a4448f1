"""What ways to lay the table of spans out cost: the figures behind docs/decisions/.

Takes the rows of a real history (the SDK's spans, and spans of 30 unknown attributes), and writes them
into tables that differ in one thing, as commits of 8,192 rows into a file. Prints one JSON document: CPU
per row of insert, commit (the log) and checkpoint, bytes per row of log and file, and of some variants
CPU per row of a question about one attribute, asked of the map that the view `spans` promises; each as a
ratio to the layout that is in use. `arriving` are the attributes alone, as they come from the decoder.

    python benchmarks/bench_store.py [--commits N]
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from harness.machine import machine
from harness.requests import SEED, SHAPES, START_NS

from stepscope_collector.config import StoreConfig
from stepscope_collector.decode.batch import Batch
from stepscope_collector.decode.request import decode_request
from stepscope_collector.decode.streams import shaped, spans_together
from stepscope_collector.mapping.compile import compile_profiles
from stepscope_collector.mapping.group import NewDimensions, group_of
from stepscope_collector.mapping.profile import load_shipped
from stepscope_collector.store import Database
from stepscope_collector.store.commit import Committer

ROWS_PER_COMMIT = 8192
BATCH = 512
FIRST = "in use"

OWN = {
    FIRST: "*",
    "ids as text": "* replace (cast(trace_id as varchar) as trace_id, hex(span_id) as span_id, "
    "hex(parent_span_id) as parent_span_id)",
    "ids as blob": "* replace (unhex(replace(cast(trace_id as varchar), '-', '')) as trace_id)",
    "empty lists of events and links": "* replace (coalesce(events, []) as events, "
    "coalesce(links, []) as links)",
    "without events and links": "* exclude (events, links)",
    "without the map of attributes": "* exclude (attributes)",
    "ends in place of durations": "* exclude (duration_ns, odd_end_unix_nano), "
    "start_time_unix_nano + cast(duration_ns as ubigint) as end_time_unix_nano",
    "ids and times alone": "trace_id, span_id, parent_span_id, start_time_unix_nano, duration_ns",
}
FOREIGN = {
    FIRST: "*",
    "attributes as JSON": "* replace (cast(cast(attributes as json) as varchar) as attributes)",
    "lists of keys and values": "* exclude (attributes), map_keys(attributes) as keys, "
    "map_values(attributes) as vals",
    "keys once, list of values": "* exclude (attributes), hash(map_keys(attributes)) as keys, "
    "map_values(attributes) as vals",
}
TYPES = {"net.count": "bigint", "acme.flag": "boolean", "acme.share": "double"}
"""Of the keys of `foreign` that begin so; all others are texts."""
FILES = {
    "row groups of 1M": "row_group_size 983040",
    "row groups of 16k": "row_group_size 16384",
}
WITHOUT = ("dict_fsst", "fsst", "zstd")
QUESTIONS = {
    FIRST: "attributes",
    "attributes as JSON": """from_json(attributes, '"MAP(VARCHAR, VARCHAR)"')""",
    "lists of keys and values": "map(keys, vals)",
    "keys once, list of values": "map((select any_value(l.keys) from made.lists l where l.id = s.keys), vals)",
    "a struct of texts": "cast(attributes as map(varchar, varchar))",
    "a struct of numbers and texts": "cast(attributes as map(varchar, varchar))",
}
"""What is the map of the view, by layout."""
MAPS, STRUCTS = "come in as maps", FIRST
MOST_ARRIVING = 5
"""Commits: making requests takes longer than storing them."""


def history(path: Path, shape: str, rows: int) -> None:
    """Write spans of a shape as the collector does."""
    rng = random.Random(SEED)
    mapping = compile_profiles(load_shipped())
    with Database.open(path, StoreConfig()) as database:
        committer = Committer(database.writer(), mapping)
        for number in range(rows // ROWS_PER_COMMIT):
            begin_ns = START_NS + number * 10**9
            payloads = [
                SHAPES[shape](rng, BATCH, begin_ns + part * 50_000_000)
                for part in range(ROWS_PER_COMMIT // BATCH)
            ]
            batches = [
                decode_request("traces", each, "protobuf", mapping.plan) for each in payloads
            ]
            group = group_of(batches, [], [], NewDimensions())
            committer.commit(group, datetime.now(UTC).replace(tzinfo=None), time.time_ns())


def structs(source: Path) -> dict[str, str]:
    """Layouts for spans that all have the same keys: a column for each, inside."""
    with duckdb.connect(source, read_only=True) as connection:
        found = connection.execute(
            "select map_keys(attributes) from stored.spans limit 1"
        ).fetchone()
    assert found is not None
    (keys,) = found

    def packed(types: dict[str, str]) -> str:
        fields = []
        for key in keys:
            kind = next((types[each] for each in types if key.startswith(each)), "varchar")
            fields.append(f"\"{key}\" := cast(attributes['{key}'] as {kind})")
        return f"struct_pack({', '.join(fields)})"

    replaced = "* replace ({} as attributes)"
    return {
        "a struct of texts": replaced.format(packed({})),
        "a struct of numbers and texts": replaced.format(packed(TYPES)),
        "a variant": replaced.format(f"cast({packed(TYPES)} as variant)"),
    }


def variant(
    source: Path,
    columns: str,
    commits: int,
    *,
    options: str = "",
    settings: str = "",
    index: str = "",
    question: str | None = None,
) -> dict[str, float]:
    """CPU in ns per row, and bytes per row."""
    rows = commits * ROWS_PER_COMMIT
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        path = Path(folder) / "made.duckdb"
        connection.execute("set checkpoint_threshold = '100GB'")
        if settings:
            connection.execute(settings)
        connection.execute(f"attach '{path}' as made {f'({options})' if options else ''}")
        connection.execute(f"attach '{source}' as source (read_only)")
        connection.execute(
            f"create table chosen as select row_number() over () - 1 as place, * from "
            f"(select {columns} from source.stored.spans)"
        )
        connection.execute(
            "create table made.spans as select * exclude (place) from chosen limit 0"
        )
        if index:
            connection.execute(f"create index found on made.spans ({index})")
        insert = commit = 0.0
        for number in range(commits):
            first = number * ROWS_PER_COMMIT
            connection.execute("begin")
            insert += cpu(lambda first=first: connection.execute(
                "insert into made.spans select * exclude (place) from chosen where place >= ? and place < ?",
                [first, first + ROWS_PER_COMMIT],
            ))  # fmt: skip
            commit += cpu(lambda: connection.execute("commit"))
        log_bytes = path.with_name("made.duckdb.wal").stat().st_size
        checkpoint = cpu(lambda: connection.execute("checkpoint made"))
        found = {
            "insert_ns": round(insert / rows * 1e9),
            "commit_ns": round(commit / rows * 1e9),
            "checkpoint_ns": round(checkpoint / rows * 1e9),
            "log_bytes": round(log_bytes / rows),
            "file_bytes": round(path.stat().st_size / rows, 1),
        }
        if question is not None:
            connection.execute(
                "create table made.lists as select distinct hash(map_keys(attributes)) as id, "
                "map_keys(attributes) as keys from source.stored.spans"
            )
            asked = f"select count(*) from made.spans s where ({question})['http.header.h7'] = 'value 3'"
            connection.execute(asked).fetchall()
            took = cpu(lambda: connection.execute(asked).fetchall())
            found["question_ns"] = round(took / rows * 1e9)
    return found


def arriving(shape: str, commits: int, *, as_structs: bool) -> dict[str, float]:
    """CPU in ns per row, and bytes per row, of the attributes alone from Arrow."""
    rng = random.Random(SEED)
    plan = compile_profiles(load_shipped()).plan
    took = {"insert_ns": 0.0, "commit_ns": 0.0, "checkpoint_ns": 0.0}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.duckdb"
        with duckdb.connect(path) as connection:
            connection.execute("set checkpoint_threshold = '100GB'")
            connection.execute("create table spans (attributes map(varchar, varchar))")
            for _ in range(commits):
                payloads = [
                    SHAPES[shape](rng, BATCH, START_NS) for _ in range(ROWS_PER_COMMIT // BATCH)
                ]
                batches = [decode_request("traces", each, "protobuf", plan) for each in payloads]
                connection.execute("begin")
                took["insert_ns"] += cpu(
                    lambda batches=batches: insert_attributes(connection, batches, as_structs)
                )
                took["commit_ns"] += cpu(lambda: connection.execute("commit"))
            log_bytes = path.with_name("made.duckdb.wal").stat().st_size
            took["checkpoint_ns"] = cpu(lambda: connection.execute("checkpoint"))
        rows = commits * ROWS_PER_COMMIT
        return {name: round(seconds / rows * 1e9) for name, seconds in took.items()} | {
            "log_bytes": round(log_bytes / rows),
            "file_bytes": round(path.stat().st_size / rows, 1),
        }


def insert_attributes(connection: Any, batches: list[Batch], as_structs: bool) -> None:
    """Put the requests together and insert the attributes of their spans."""
    rows, shapes = spans_together(batches), ()
    if as_structs:
        rows, shapes = shaped(rows)
    connection.register("incoming", rows)
    cases = "".join(
        f'when "{name}" is not null then cast("{name}" as map(varchar, varchar)) '
        for name in shapes
    )
    chosen = f"case {cases} else attributes end" if shapes else "attributes"
    connection.execute(f"insert into spans select {chosen} from incoming")
    connection.unregister("incoming")


def cpu(run: Callable[[], object]) -> float:
    """Seconds of CPU that it takes, of all threads."""
    before = time.process_time()
    run()
    return time.process_time() - before


def main() -> None:
    """Measure all variants and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--commits", type=int, default=15)
    commits = parser.parse_args().commits
    found: dict[str, dict[str, dict[str, Any]]] = {"own": {}, "foreign": {}, "arriving": {}}
    with tempfile.TemporaryDirectory() as folder:
        own, foreign = Path(folder) / "own.duckdb", Path(folder) / "foreign.duckdb"
        history(own, "own", commits * ROWS_PER_COMMIT)
        history(foreign, "foreign", commits * ROWS_PER_COMMIT)
        for name, columns in OWN.items():
            found["own"][name] = variant(own, columns, commits)
        for name, options in FILES.items():
            found["own"][name] = variant(own, "*", commits, options=options)
        for method in WITHOUT:
            setting = f"set disabled_compression_methods = '{method}'"
            found["own"][f"without {method}"] = variant(own, "*", commits, settings=setting)
        found["own"]["index on trace_id"] = variant(own, "*", commits, index="trace_id")
        for name, columns in {**FOREIGN, **structs(foreign)}.items():
            asked = QUESTIONS.get(name)
            found["foreign"][name] = variant(foreign, columns, commits, question=asked)
    for name in (STRUCTS, MAPS):
        found["arriving"][name] = arriving(
            "foreign", min(commits, MOST_ARRIVING), as_structs=name == STRUCTS
        )
    for variants in found.values():
        base = variants[FIRST]
        for figures in variants.values():
            whole = sum(figures[each] for each in ("insert_ns", "commit_ns", "checkpoint_ns"))
            usual = sum(base[each] for each in ("insert_ns", "commit_ns", "checkpoint_ns"))
            figures["to_in_use"] = {
                "cpu": round(whole / usual, 2),
                "file": round(figures["file_bytes"] / base["file_bytes"], 2),
            }
    document = {"benchmark": "store", "machine": machine(), "variants": found}
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()

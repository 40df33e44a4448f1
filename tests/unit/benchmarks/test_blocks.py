"""How many blocks of the file a row group of the benchmark's spans fills."""

import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
STORE = """
import random, sys, time
from datetime import UTC, datetime
from pathlib import Path
from harness.requests import START_NS, own
from stepscope_collector.config import StoreConfig
from stepscope_collector.decode.request import decode_request
from stepscope_collector.mapping.compile import compile_profiles
from stepscope_collector.mapping.group import NewDimensions, group_of
from stepscope_collector.mapping.profile import load_shipped
from stepscope_collector.store import Database
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.engine import ROW_GROUP_ROWS

rng, mapping = random.Random(1), compile_profiles(load_shipped())
with Database.open(Path(sys.argv[1]), StoreConfig()) as database:
    # senders are not equally far
    starts = [START_NS + rng.randrange(100) * 50_000_000 for _ in range(ROW_GROUP_ROWS // 512)]
    batches = [
        decode_request("traces", own(rng, 512, start), "protobuf", mapping.plan)
        for start in starts
    ]
    group = group_of(batches, [], [], NewDimensions())
    now = datetime.now(UTC).replace(tzinfo=None)
    Committer(database.writer(), mapping).commit(group, now, time.time_ns())
    database.checkpoint()
    with database.read() as connection:
        found = connection.execute(
            "select count(distinct block_id) from pragma_storage_info('stored.spans') where block_id >= 0"
        ).fetchone()
print(found[0])
"""


def test_a_row_group_of_our_own_spans_fills_nine_blocks(tmp_path: Path) -> None:
    """issue #6: bytes per span; a tenth block for next to nothing took 4 bytes of every span."""
    done = subprocess.run(
        [sys.executable, "-c", STORE, str(tmp_path / "stepscope.duckdb")],
        cwd=BENCHMARKS, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert int(done.stdout) <= 9

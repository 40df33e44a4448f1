"""A backup under load: consistent, whole, and nobody waits for it."""

import subprocess
import sys

import pytest

from tests.faults.load import batch_of, check_whole
from tests.integration.collector.process import Collector, stored
from tests.strategies.recount import NOT_OPEN, NOT_RECOUNTED, TWICE
from tests.strategies.workflows import history

WAIT_S = 60

pytestmark = [pytest.mark.slow, pytest.mark.e2e]


def stepscope(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "stepscope_collector", *map(str, arguments)],
        capture_output=True, text=True, timeout=WAIT_S, check=True,
    )  # fmt: skip


@pytest.mark.timeout(180)
def test_backups_under_load_hold_all_that_was_acknowledged_before(tmp_path, load):
    """issue #4: stepscope backup while ingesting gives a consistent copy that opens."""
    data = tmp_path / "data"
    copies = []
    # with a small log, checkpoints come in between
    with Collector(data, store_checkpoint_threshold_bytes="1MiB") as collector:
        load.resume(collector.endpoints)
        for number in range(3):
            for _ in range(8):
                load.wait_for_more(load.acknowledged(), WAIT_S)
            promised = load.acknowledged()
            stepscope("backup", tmp_path / f"{number}.duckdb", "--data", data)
            copies.append((tmp_path / f"{number}.duckdb", promised))
            # senders were answered all the while
            assert load.acknowledged() != promised
        load.end(WAIT_S)
    check_whole(data, load)
    for copy, promised in copies:
        restored = tmp_path / f"{copy.stem}-restored"
        stepscope("restore", copy, "--data", restored)
        check_consistent(restored, promised)
    with Collector(restored) as collector:
        assert collector.doctor()["damage"] == []


def check_consistent(data, promised):
    """One state of the whole: executions, spans, payloads and logs that belong together."""
    with history() as once:
        once.write(*(batch_of(s, n) for s, count in enumerate(promised) for n in range(count)))
        spans = {(row["trace_id"], row["span_id"]) for row in once.tables()["spans"]}
    with stored(data) as connection:
        for question in (NOT_RECOUNTED, NOT_OPEN, TWICE):
            assert connection.execute(question).fetchall() == []
        found = set(connection.execute("select trace_id, span_id from stored.spans").fetchall())
        logs = connection.execute("select body from stored.log_records").fetchall()
    assert spans <= found
    assert len(logs) == len(set(logs))
    assert {(f"{s}/{n}",) for s, count in enumerate(promised) for n in range(count)} <= set(logs)
    assert max(promised) > 0

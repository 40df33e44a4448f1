"""A backup under load: consistent, whole, and nobody waits for it."""

import subprocess
import sys

import pytest

from stepscope_collector.store.engine import is_before_2
from tests.faults.load import check_holds, check_whole
from tests.integration.collector.process import Collector

WAIT_S = 60

pytestmark = [
    pytest.mark.slow, pytest.mark.e2e,
    pytest.mark.skipif(is_before_2(), reason="backups need DuckDB 2.0"),
]  # fmt: skip


def stepscope(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "stepscope_collector", *map(str, arguments)],
        capture_output=True, text=True, timeout=WAIT_S, check=True,
    )  # fmt: skip


@pytest.mark.timeout(180)
def test_backups_under_load_hold_all_that_was_acknowledged_before(tmp_path, load):
    """issue #4, R086: stepscope backup while ingesting gives a consistent copy that opens."""
    data = tmp_path / "data"
    copies = []
    # with a small log, checkpoints come in between
    with Collector(data, store_checkpoint_threshold_bytes="1MiB") as collector:
        load.resume(collector.endpoints)
        for number in range(3):
            for _ in range(8):
                load.wait_for_more(load.acknowledged(), WAIT_S)
            promised = load.acknowledged()
            assert max(promised) > 0
            stepscope("backup", tmp_path / f"{number}.duckdb", "--data", data)
            copies.append((tmp_path / f"{number}.duckdb", promised))
            # senders were answered all the while
            assert load.acknowledged() != promised
        load.end(WAIT_S)
    check_whole(data, load)
    for copy, promised in copies:
        restored = tmp_path / f"{copy.stem}-restored"
        stepscope("restore", copy, "--data", restored)
        check_holds(restored, promised)
    with Collector(restored) as collector:
        assert collector.doctor()["damage"] == []

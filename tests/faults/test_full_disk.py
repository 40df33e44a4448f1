"""A disk that is full for a while: senders are told to try again, and nothing needs a restart."""

import resource
import urllib.error

import pytest

from stepscope_collector.cli.server import wait_for
from tests.faults.load import check_whole
from tests.integration.collector.process import Collector

WAIT_S = 60

pytestmark = [pytest.mark.slow, pytest.mark.e2e]


def limit(collector, size_bytes):
    """The largest file the process may write; over it a write fails as on a full disk."""
    resource.prlimit(
        collector.process.pid, resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY)
    )


def wait_for_refusals(collector, more_than):
    """Rows that could not be stored so far, as soon as there are more than that."""

    def refused():
        try:
            rows = collector.doctor()["ingest"]["rows"].values()
        except urllib.error.HTTPError as error:  # while the database is opened again
            error.close()
            if error.code == 503:
                return None
            raise
        assert all(each["received"] == sum(each.values()) - each["received"] for each in rows)
        # of any signal: a sender waits behind what failed, and that may be a log or a metric
        failed = sum(each["failed"] for each in rows)
        return failed if failed > more_than else None

    found = wait_for(refused, WAIT_S)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("threshold", "size", "backlog"),
    [
        # the log cannot grow: the commit fails, with a backlog after some answers
        ("64MiB", 600_000, "true"),
        ("64MiB", 600_000, "false"),
        # the file cannot grow by a block: the commit succeeds, and the checkpoint after it stops
        # the engine; with a backlog no sender need ever notice
        ("1MiB", None, "false"),
    ],
)
@pytest.mark.timeout(180)
def test_a_full_disk_refuses_for_a_while_and_loses_nothing(
    tmp_path, load, threshold, size, backlog
):
    """OTLP checklist H17: not now, but later; ours: the collector goes on by itself."""
    data = tmp_path / "data"
    collector = Collector(data, store_checkpoint_threshold_bytes=threshold, ingest_backlog=backlog)
    try:
        if size is None:
            load.resume(collector.endpoints)
            file = data / "stepscope.duckdb"
            assert wait_for(lambda: file.stat().st_size > 500_000 or None, WAIT_S)
            size = file.stat().st_size + 200_000
        limit(collector, size)
        load.resume(collector.endpoints)
        refused = wait_for_refusals(collector, 0)
        # questions are answered meanwhile, and a second try is refused in the same way
        load.resume(collector.endpoints)
        wait_for_refusals(collector, refused)
        limit(collector, resource.RLIM_INFINITY)
        load.resume(collector.endpoints)
        load.end(WAIT_S)
        said = collector.said()
        assert collector.terminate() == 0
    finally:
        collector.kill()
    assert "code='store_unavailable'" in said
    assert "Traceback" not in said
    assert ("database opened again" in said) == (threshold == "1MiB")
    assert [path.name for path in data.iterdir()] == ["stepscope.duckdb"]
    check_whole(data, load)

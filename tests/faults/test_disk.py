"""A disk that is full, read-only, broken or slow for a while: clear answers, nothing lost, no restart."""

import errno
import os
import subprocess
import sys
from contextlib import contextmanager

import pytest

from tests.faults.disk.shim import Disk, build
from tests.faults.load import check_whole
from tests.faults.test_full_disk import wait_for_refusals
from tests.integration.collector.process import ANY_PORTS, Collector

WAIT_S = 60

pytestmark = [pytest.mark.slow, pytest.mark.e2e]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return build(tmp_path_factory.mktemp("disk"))


@pytest.mark.parametrize(
    ("fault", "number", "threshold"),
    [
        ("write", errno.ENOSPC, "1MiB"),
        ("write", errno.ENOSPC, "64MiB"),
        ("write", errno.EROFS, "1MiB"),
        ("write", errno.EIO, "64MiB"),
        ("sync", errno.EIO, "1MiB"),
    ],
    ids=["full", "full, large log", "read-only", "writes fail", "syncs fail"],
)
@pytest.mark.timeout(180)
def test_a_disk_that_fails_for_a_while_needs_no_restart(
    tmp_path, library, load, fault, number, threshold
):
    """issue #4: disk full and read-only disk: 503, retryable, no corruption, recovery without
    restart when space returns."""
    data = tmp_path / "data"
    with Disk(library, data) as disk:
        collector = disk.start(store_checkpoint_threshold_bytes=threshold)
        try:
            load.resume(collector.endpoints)
            for _ in range(4):
                load.wait_for_more(load.acknowledged(), WAIT_S)
            disk.behave(**{fault: number})
            load.resume(collector.endpoints)
            refused = wait_for_refusals(collector, 0)
            load.resume(collector.endpoints)
            wait_for_refusals(collector, refused)
            promised = load.acknowledged()
            disk.behave()
            load.resume(collector.endpoints)
            load.wait_for_more(promised, WAIT_S)
            load.end(WAIT_S)
            assert collector.doctor()["damage"] == []
            said = collector.said()
            assert collector.terminate() == 0
        finally:
            collector.kill()
    assert "code='store_unavailable'" in said
    assert "Traceback" not in said
    assert [path.name for path in data.iterdir()] == ["stepscope.duckdb"]
    check_whole(data, load)


@pytest.mark.timeout(180)
def test_a_slow_disk_makes_senders_wait_and_the_budget_refuses(tmp_path, library, load):
    """issue #4: answers wait for the sync, what is beyond the budget is refused, nothing is lost."""
    data = tmp_path / "data"
    with Disk(library, data) as disk:
        # room for one request of spans, or some small ones
        little = {"limits_max_payload_bytes": "40KiB", "limits_max_inflight_bytes": "40KiB"}
        collector = disk.start(**little)
        try:
            disk.behave(sync_ms=150)
            for _ in range(12):
                before = load.acknowledged()
                load.resume(collector.endpoints)
                load.wait_for_more(before, WAIT_S)
            counts = collector.doctor()["ingest"]["requests"]
            assert collector.terminate() == 0
        finally:
            collector.kill()
    assert counts["traces"]["refused"] > 0
    with Collector(data) as collector:
        load.resume(collector.endpoints)
        load.end(WAIT_S)
    check_whole(data, load)


@pytest.mark.parametrize("has_history", [False, True])
def test_a_start_on_a_read_only_disk_says_so(tmp_path, library, has_history):
    """issue #4: start-up on a read-only disk gives a clear error."""
    data = tmp_path / "data"
    data.mkdir()
    if has_history:
        with Collector(data):
            pass
    before = {path.name: path.read_bytes() for path in data.iterdir()}
    ports = [word for pair in ANY_PORTS.items() for word in pair]
    with Disk(library, data) as disk:
        disk.behave(write=errno.EROFS)
        done = subprocess.run(
            [sys.executable, "-m", "stepscope_collector", "serve", "--data", str(data), *ports],
            env={**os.environ, **disk.environ},
            capture_output=True, text=True, timeout=WAIT_S, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot be opened: read-only file system" in done.stderr
    assert "Traceback" not in done.stderr
    assert {path.name: path.read_bytes() for path in data.iterdir()} == before


@contextmanager
def small_disk(at, size_mib):
    """A real file system of that size; the test is skipped where nobody may mount one."""
    at.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "none", str(at)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)
    if done.returncode != 0:
        pytest.skip(f"needs the right to mount: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(at)], timeout=WAIT_S, check=True)


@pytest.mark.timeout(180)
def test_a_real_disk_that_is_full_until_somebody_makes_space(tmp_path, load):
    """issue #4: disk full (a small tmpfs), recovery without restart when space returns."""
    with small_disk(tmp_path / "disk", 64):
        data = tmp_path / "disk" / "data"
        collector = Collector(data, store_checkpoint_threshold_bytes="1MiB")
        try:
            load.resume(collector.endpoints)
            load.wait_for_more(load.acknowledged(), WAIT_S)
            ballast = tmp_path / "disk" / "ballast"
            with pytest.raises(OSError, match="No space"):
                ballast.write_bytes(bytes(64 << 20))
            refused = wait_for_refusals(collector, 0)
            load.resume(collector.endpoints)
            wait_for_refusals(collector, refused)
            ballast.unlink()
            load.resume(collector.endpoints)
            load.end(WAIT_S)
            assert collector.doctor()["damage"] == []
            assert collector.terminate() == 0
        finally:
            collector.kill()
        check_whole(data, load)

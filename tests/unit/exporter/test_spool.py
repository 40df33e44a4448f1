"""The on-disk buffer."""

import errno
import os
import pathlib
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope._spool import Spool


def bodies(spool):
    found = []
    for file in spool.claim():
        found.append((file.signal, file.body, file.count))
        file.done()
    return found


@given(
    st.lists(
        st.tuples(st.sampled_from(["traces", "logs"]), st.binary(), st.integers(1, 10**6)),
        max_size=5,
    )
)
def test_what_is_put_comes_back_once_and_in_order(requests):
    """issue #3: what cannot be delivered is kept and sent."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(pathlib.Path(folder) / "new" / "folder", 1 << 20)
        for request in requests:
            assert spool.put(*request)
        assert bodies(Spool(pathlib.Path(folder) / "new" / "folder", 1 << 20)) == requests
        assert bodies(spool) == []


def test_the_oldest_go_first_and_are_counted(tmp_path):
    """issue #3: size cap, oldest dropped first and counted."""
    spool = Spool(tmp_path, 1000)
    for number in range(10):
        assert spool.put("traces", bytes([number]) * 300, 7)
    assert [body[0] for _, body, _ in bodies(spool)] == [7, 8, 9]
    assert spool.dropped == 7 * 7
    assert not spool.put("traces", b"x" * 2000, 1)


def test_damaged_files_are_counted_and_removed(tmp_path):
    """issue #3: safe after kill -9 and power loss."""
    spool = Spool(tmp_path, 10_000)
    for number in range(3):
        spool.put("traces", bytes([number]) * 100, 5)
    first, second, _ = spool.files()
    first.write_bytes(first.read_bytes()[:50])
    second.write_bytes(b"")
    assert [body[0] for _, body, _ in bodies(spool)] == [2]
    assert spool.dropped == 10
    assert spool.files() == []


def test_a_file_half_written_by_a_killed_process_is_not_seen(tmp_path):
    """issue #3: safe after kill -9; left-overs go away."""
    spool = Spool(tmp_path, 10_000)
    left = tmp_path / ".1-2-3-4.traces.otlp.tmp"
    left.write_bytes(b"half")
    assert bodies(spool) == []
    assert left.exists()
    os.utime(left, (1, 1))
    assert bodies(spool) == []
    assert not left.exists()


def test_a_full_disk_is_an_answer_and_not_an_error(tmp_path, monkeypatch):
    """issue #3: safe on a full disk."""
    spool = Spool(tmp_path, 10_000)

    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(os, "fdopen", full)
    assert spool.put("traces", b"x", 1) is False
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []
    blocked = tmp_path / "file"
    blocked.write_text("not a folder", encoding="utf-8")
    assert Spool(blocked / "spool", 100).put("traces", b"x", 1) is False
    assert Spool(blocked / "spool", 100).files() == []


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root can mount a small file system"
)
def test_a_file_system_that_is_really_full_is_an_answer_too(tmp_path):
    """issue #3: safe on a full disk, and going on when there is room again."""
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], check=True)
    try:
        spool = Spool(small / "spool", 1 << 20)
        kept = 0
        while spool.put("traces", bytes(10_000), 1):
            kept += 1
        assert 1 <= kept < 7
        assert len(list((small / "spool").iterdir())) == kept  # no half file stays
        assert bodies(spool) == [("traces", bytes(10_000), 1)] * kept
        assert spool.put("traces", b"x", 1) is True
    finally:
        subprocess.run(["umount", small], check=True)


def test_files_are_for_their_owner_only(tmp_path):
    """R057: payloads on disk are nobody else's business."""
    spool = Spool(tmp_path / "s", 1000)
    spool.put("traces", b"x", 1)
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o700
    assert spool.files()[0].stat().st_mode & 0o777 == 0o600


def test_many_processes_share_a_folder_and_send_each_request_once(tmp_path):
    """issue #3: safe with many processes."""
    program = """
import pathlib, sys
from stepscope._spool import Spool
spool = Spool(pathlib.Path(sys.argv[1]), 1 << 20)
for number in range(50):
    assert spool.put("traces", f"{sys.argv[2]}-{number} ".encode(), 1)
for file in spool.claim():
    print(file.body.decode(), end="")
    file.done()
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path), str(number)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    found = "".join(process.communicate(timeout=50)[0] for process in processes).split()
    found += [body.decode().strip() for _, body, _ in bodies(Spool(tmp_path, 1 << 20))]
    assert sorted(found) == sorted(f"{p}-{n}" for p in range(4) for n in range(50))

"""Threads share what the C library keeps for them."""

import os
import platform
import re
import sys
from pathlib import Path

import pytest

from tests.integration.collector.process import Collector

HEAP_BYTES = 64 << 20
"""Of addresses, which GNU's C library takes for each arena but the first."""
AREA = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+)")


def arenas(pid: int) -> int:
    """How many of a process are in use: a part of each is readable, the rest is kept for it."""
    count, used_from, used_to = 1, 0, 0
    for line in Path(f"/proc/{pid}/maps").read_text("utf-8").splitlines():
        found = AREA.match(line)
        assert found
        begin, end = int(found[1], 16), int(found[2], 16)
        if found[3] == "---p" and begin == used_to and end - used_from == HEAP_BYTES:
            count += used_from % HEAP_BYTES == 0
        if found[3] == "rw-p":
            used_from, used_to = begin, end
    return count


@pytest.mark.skipif(
    sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="only GNU's C library"
)
@pytest.mark.parametrize(("variable", "most"), [(None, max(2, os.cpu_count() or 1)), ("9", 9)])
def test_there_are_no_more_arenas_than_cores(tmp_path, monkeypatch, variable, most):
    """issue #6: resident memory at full load. What the user has set goes before."""
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    if variable is not None:
        monkeypatch.setenv("MALLOC_ARENA_MAX", variable)
    with Collector(tmp_path / "data") as collector:
        assert 1 < arenas(collector.process.pid) <= most
        if variable is not None:
            assert arenas(collector.process.pid) == most

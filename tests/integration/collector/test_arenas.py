"""Threads share what the C library keeps for them."""

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.collector.process import Collector

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="only GNU's C library"
)

HEAP_BYTES = 64 << 20
"""Of addresses, which the C library takes for each arena but the first."""
AREA = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+)")

PROGRAM = """
import ctypes, os, sys, threading
from stepscope_collector.store.memory import share_arenas

if sys.argv[1] == "shared":
    share_arenas()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.fopen.restype, libc.fopen.argtypes = ctypes.c_void_p, [ctypes.c_char_p] * 2
libc.malloc_info.argtypes, libc.fclose.argtypes = [ctypes.c_int, ctypes.c_void_p], [ctypes.c_void_p]
here = threading.Barrier(17)

def take():
    assert libc.malloc(10_000)
    here.wait()

for _ in range(16):
    threading.Thread(target=take).start()
here.wait()
written = libc.fopen(sys.argv[2].encode(), b"w")
libc.malloc_info(0, written)
libc.fclose(written)
"""
"""Takes memory in sixteen threads at one time, each by itself, and writes down what malloc(3) knows."""


def arenas(tmp_path: Path, *, shared: bool, **environ: str) -> int:
    """That a process with sixteen threads has."""
    found = tmp_path / "arenas.xml"
    env = {name: v for name, v in os.environ.items() if not name.startswith(("MALLOC", "GLIBC"))}
    subprocess.run(
        [sys.executable, "-c", PROGRAM, "shared" if shared else "alone", str(found)],
        env={**env, **environ}, check=True, timeout=30,
    )  # fmt: skip
    return found.read_text("utf-8").count("<heap nr=")


@pytest.fixture
def one_core():
    """What is started here has one."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


def arenas_of(pid: int) -> int:
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


@pytest.mark.usefixtures("one_core")
def test_a_collector_on_one_core_has_two_arenas(tmp_path, monkeypatch):
    """issue #6: resident memory at full load. It has a dozen threads."""
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    with Collector(tmp_path / "data") as collector:
        assert arenas_of(collector.process.pid) <= 2


@pytest.mark.usefixtures("one_core")
def test_what_the_user_has_set_goes_before(tmp_path):
    """ours: the variables of the C library stay what they are."""
    assert arenas(tmp_path, shared=False) > 2
    assert arenas(tmp_path, shared=True) == 2
    assert arenas(tmp_path, shared=True, MALLOC_ARENA_MAX="5") == 5
    tunables = "glibc.malloc.arena_max=3"
    assert arenas(tmp_path, shared=True, GLIBC_TUNABLES=tunables) == 3

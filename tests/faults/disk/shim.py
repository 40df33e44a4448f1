"""Builds disk.c, and runs a collector on the disk it makes."""

import mmap
import os
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Self

import pytest

from tests.integration.collector.process import Collector

__all__ = ["Disk", "build"]

SOURCE = Path(__file__).with_name("disk.c")
_CONTROL = struct.Struct("<3i")


def build(to: Path) -> Path:
    """The library; the test is skipped where there is no compiler or no LD_PRELOAD."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or os.uname().sysname != "Linux":
        pytest.skip("needs Linux and a C compiler: the disk is simulated by disk.c")
    library = to / "disk.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl", "-lpthread"]
    subprocess.run(command, check=True, timeout=60)
    return library


class Disk:
    """The disk below the data directory of a collector; a context manager."""

    def __init__(self, library: Path, data: Path, journal: Path | None = None) -> None:
        self.data = data
        self.environ = {"LD_PRELOAD": str(library), "FAULT_DIRECTORY": str(data)}
        if journal is not None:
            self.environ["FAULT_JOURNAL"] = str(journal)
        control = data.with_name(f"{data.name}.control")
        control.write_bytes(bytes(_CONTROL.size))
        self.environ["FAULT_CONTROL"] = str(control)
        with control.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _CONTROL.size)

    def start(self, **flags: str) -> Collector:
        """A collector on it."""
        before = {name: os.environ.get(name) for name in self.environ}
        os.environ.update(self.environ)
        try:
            return Collector(self.data, **flags)
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

    def behave(self, *, write: int = 0, sync: int = 0, sync_ms: int = 0) -> None:
        """From now on: error numbers of writes and syncs, and how much longer a sync takes."""
        self._map[:] = _CONTROL.pack(write, sync, sync_ms)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._map.close()

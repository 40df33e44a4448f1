"""Facts that figures mean nothing without."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from stepscope_collector.decode.native import in_use

__all__ = ["machine"]


def machine() -> dict[str, Any]:
    """CPU, its cores, and versions of what the figures depend on."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "decoder": in_use("auto").decoder,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        **{
            name: _version(name)
            for name in ("duckdb", "grpcio", "stepscope-collector", "stepscope-native")
        },
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None

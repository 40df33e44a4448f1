"""What the operating system says about this process."""

import os
import time
from pathlib import Path

from stepscope_collector.telemetry.values import Sample

__all__ = ["process_samples"]

_STARTED_S = time.monotonic()
_STATM = Path("/proc/self/statm")


def process_samples() -> dict[str, list[Sample]]:
    """Age, processor time and memory; memory is absent where there is no /proc."""
    found = {
        "otelcol_process_uptime": [Sample((), time.monotonic() - _STARTED_S)],
        "otelcol_process_cpu_seconds": [Sample((), time.process_time())],
    }
    if _STATM.exists():
        pages = int(_STATM.read_text("ascii").split()[1])
        found["otelcol_process_memory_rss"] = [Sample((), pages * os.sysconf("SC_PAGE_SIZE"))]
    return found

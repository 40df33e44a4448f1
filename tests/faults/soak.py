"""Writes many times what the file may hold, and watches its size: `make soak`.

python -m tests.faults.soak [TIMES] [CAP]: until so many times the cap was sent, 10 times 40MB by default, which takes five
minutes on two cores. Everything in the data directory counts: the file, its log, a copy while it is compacted.
"""

import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from stepscope_collector.config.values import parse_bytes
from stepscope_collector.present.text.values import format_bytes
from tests.integration.collector.process import Collector
from tests.strategies.workflows import execution, request, step

__all__ = ["noisy", "size_of"]

_NOISE_BYTES = 50_000
_CHECK_EVERY_S = 0.05


def noisy(name: str, steps: int = 10, noise_bytes: int = _NOISE_BYTES) -> bytes:
    """The request of an execution whose input cannot be compressed below `noise_bytes`."""
    noise = random.Random(name).randbytes(noise_bytes).hex()
    params = f'{{"noise": "{noise}"}}'
    at = int(time.time() * 1000) - 1_795_000_000_000
    spans = [
        execution(
            "w", name, trace=name, start=at - 9, end=at, attributes={"stepscope.params": params}
        )
    ]
    spans += [
        step(f"s{n}", name, trace=name, parent="w", start=at - 9, end=at) for n in range(steps)
    ]
    return request(spans).SerializeToString()


def size_of(data: Path) -> int:
    """Bytes of all files in a data directory."""
    return sum(path.stat().st_size for path in data.rglob("*") if path.is_file())


class _Watch:
    """The largest size there was."""

    def __init__(self, data: Path) -> None:
        self.sizes: list[int] = []
        self._data = data
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._is_ending.wait(_CHECK_EVERY_S):
            try:
                self.sizes.append(size_of(self._data))
            except FileNotFoundError:  # removed just now
                continue

    def end(self) -> None:
        self._is_ending.set()
        self._thread.join()


def main(times: int, cap: int) -> int:
    """0 when the data directory never was larger than the cap."""
    home = Path(tempfile.mkdtemp(prefix="stepscope-soak-"))
    collector = Collector(
        home / "data",
        retention_max_bytes=str(cap),
        retention_interval_s="1s",
        store_checkpoint_threshold_bytes=str(max(cap // 20, 2**20)),
    )
    watch = _Watch(home / "data")
    sent = count = 0
    longest_s = 0.0
    try:
        began_s = time.monotonic()
        while sent < times * cap:
            body = noisy(f"e{count}")
            asked_s = time.monotonic()
            asked = urllib.request.Request(
                f"http://{collector.endpoints.otlp_http}/v1/traces",
                body,
                {"content-type": "application/x-protobuf"},
            )
            with urllib.request.urlopen(asked, timeout=60) as answer:
                answer.read()
            longest_s = max(longest_s, time.monotonic() - asked_s)
            sent += 2 * _NOISE_BYTES  # it is sent as hexadecimal digits
            count += 1
        elapsed_s = time.monotonic() - began_s
        metrics = collector.ask_text("/metrics")
        left = collector.ask("GET", "/api/executions?include=counts&limit=1")["counts"]
    finally:
        watch.end()
        collector.kill()
        shutil.rmtree(home)
    largest = max(watch.sizes)
    rounds = [line for line in metrics.splitlines() if "prune_round" in line]
    lines = [
        f"{count} executions, {format_bytes(sent)} of noise in {elapsed_s:.0f} s",
        f"cap {format_bytes(cap)}; {len(watch.sizes)} looks at the data directory: largest {format_bytes(largest)}, "
        f"median {format_bytes(statistics.median_low(watch.sizes))}",
        f"left: {left}",
        f"longest answer {longest_s * 1000:.0f} ms",
        *rounds,
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if largest <= cap else 1


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.exit(main(int(given[0]) if given else 10, parse_bytes(given[1] if given[1:] else "40MB")))

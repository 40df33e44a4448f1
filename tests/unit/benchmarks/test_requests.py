"""Requests of benchmarks: how much of them is random bounds what a file can take."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
PACK = """
import json, lzma, random
from harness.requests import RANDOM_BYTES, SHAPES, START_NS
rng = random.Random(1)
found = {}
for shape, make in SHAPES.items():
    sent = b"".join(make(rng, 512, START_NS + n * 10**8) for n in range(12))
    found[shape] = [RANDOM_BYTES[shape], len(lzma.compress(sent)) / (12 * 512)]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def packed() -> dict[str, tuple[float, float]]:
    """Random bytes of a span, and bytes of a packed one, by shape."""
    done = subprocess.run(
        [sys.executable, "-c", PACK], cwd=BENCHMARKS, check=True, capture_output=True, text=True
    )
    found: dict[str, tuple[float, float]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("shape", ["own", "foreign", "payloads", "resources"])
def test_what_is_random_of_a_span_cannot_be_packed(
    packed: dict[str, tuple[float, float]], shape: str
) -> None:
    """issue #6: bytes per span; xz comes near to what was drawn, and never below."""
    random_bytes, packed_bytes = packed[shape]
    assert random_bytes < packed_bytes < 2.2 * random_bytes

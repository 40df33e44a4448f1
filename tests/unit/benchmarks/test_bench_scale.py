"""What a long history costs is compared within rounds."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
RATIO = "import json, sys; from bench_scale import ratio; print(json.dumps(ratio(*json.loads(sys.argv[1]))))"


def ratio(ours: list[float], least: list[float]) -> list[float]:
    """The ratio of two sizes, and its error."""
    done = subprocess.run(
        [sys.executable, "-c", RATIO, json.dumps([ours, least])],
        cwd=BENCHMARKS, timeout=60, check=True, capture_output=True, text=True,
    )  # fmt: skip
    made: list[float] = json.loads(done.stdout)
    return made


def test_slow_rounds_do_not_change_the_ratio() -> None:
    """issue #6: a machine that is slow in some rounds is slow with every size in them."""
    assert ratio([11.0, 16.5, 22.0], [10.0, 15.0, 20.0]) == pytest.approx([1.1, 0.0])


def test_the_error_is_that_of_a_median() -> None:
    """issue #6: √(π/2) of that of the mean; one round that something else disturbed does not move the ratio."""
    found, error = ratio([9.0, 10.0, 14.0], [10.0, 10.0, 10.0])
    assert found == 1.0
    assert error == pytest.approx(1.2533 * 0.26458 / 3**0.5, rel=1e-3)

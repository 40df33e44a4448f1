"""Every Python block of the documents runs as its reader would run it."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

DOCS = pathlib.Path(__file__).parents[3] / "docs"
BLOCKS = [
    pytest.param(block, id=f"{page}-{number}")
    for page in ("exporter.md",)
    for number, block in enumerate(
        re.findall(
            r"^```python\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.DOTALL | re.MULTILINE
        ),
        1,
    )
]


@pytest.mark.parametrize("block", BLOCKS)
def test_the_block_runs(block):
    """brief: every code block run by a test."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block],
        env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr

"""Every Python block of the documents runs as its reader would run it."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

DOCS = pathlib.Path(__file__).parents[3] / "docs"
PAGES = [DOCS / "exporter.md", *sorted((DOCS / "exporter").glob("*.md"))]
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```", re.DOTALL | re.MULTILINE)
BLOCKS = [
    pytest.param(language, text, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, (language, text) in enumerate(BLOCK.findall(page.read_text("utf-8")), 1)
]


@pytest.mark.parametrize(("language", "text"), BLOCKS)
def test_the_block_runs(language, text):
    """issue #3: each example run by a test."""
    command = (
        [sys.executable, "-W", "error", "-c", text] if language == "python" else ["sh", "-ec", text]
    )
    tools = str(pathlib.Path(sys.executable).parent)
    done = subprocess.run(
        command,
        env={
            **os.environ,
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_every_page_is_linked_from_the_first():
    """ours: a page nobody finds answers nothing."""
    first = PAGES[0].read_text("utf-8")
    assert [page.name for page in PAGES[1:] if f"exporter/{page.name}" not in first] == []

"""The keys the exporter writes are those of the registry."""

import pathlib
import re

import stepscope
from stepscope_schema.attributes import BY_KEY

SOURCES = pathlib.Path(stepscope.__file__).parent
KEY = re.compile(r'"((?:stepscope|workflow|enduser|process|exception|error|log)\.[a-z_.0-9]+)"')

NAMES = {"stepscope.Failed", "process.exit", "process.output"}
"""Error types and event names, which are values."""


def test_every_key_in_the_sources_is_registered():
    """style: one registry; the documentation is generated from it."""
    written = {
        key
        for path in SOURCES.rglob("*.py")
        for key in KEY.findall(path.read_text("utf-8"))
        if not key.startswith("stepscope._") and key not in NAMES
    }
    assert len(written) > 25
    assert written - set(BY_KEY) == set()

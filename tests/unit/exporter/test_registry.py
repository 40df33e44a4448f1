"""The keys the exporter writes are those of the registry."""

import pathlib
import re

import stepscope
from stepscope import testing
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


def test_every_payload_key_has_size_and_hash_for_when_it_is_cut():
    """R026: size and SHA-256 of the whole."""
    payloads = [key for key in BY_KEY if BY_KEY[key].payload is not None]
    assert len(payloads) == 4
    assert [key for key in payloads if not {f"{key}.size", f"{key}.sha256"} <= set(BY_KEY)] == []


def test_a_cut_payload_carries_them():
    """R026: on the span itself."""
    with testing.capture(payload_limit_bytes=100) as recorded, stepscope.workflow("w") as execution:
        execution.set_params(text="x" * 1000)
        execution.set_output("y" * 1000)
    found = recorded.execution().attributes
    assert found["stepscope.params.size"] == 1011
    assert found["stepscope.output.size"] == 1002
    assert len(found["stepscope.output.sha256"]) == 64
    assert len(found["stepscope.output"]) <= 100

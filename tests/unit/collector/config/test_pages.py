"""The TOML in the pages about settings is valid."""

import re
from pathlib import Path

import pytest

from stepscope_collector.config import load

DOCS = Path(__file__).parents[4] / "docs"
BLOCKS = [
    (page, text)
    for page in ("tee.md", "telemetry.md", "configuration.md")
    for text in re.findall(r"^```toml\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.M | re.S)
]


@pytest.mark.parametrize(("page", "text"), BLOCKS)
def test_each_example_can_be_loaded(tmp_path, page, text):
    """ours: documents are true."""
    file = tmp_path / "stepscope.toml"
    file.write_text(text.replace("Bearer …", "Bearer x"), "utf-8")
    settings = load(config_file=file, environ={"HOME": str(tmp_path)}, cwd=tmp_path).settings
    if page == "tee.md":
        assert settings.tee.targets()


def test_there_are_examples():
    """ours: the test above would pass for ever if it saw none."""
    assert {page for page, _ in BLOCKS} == {"tee.md", "telemetry.md", "configuration.md"}

import re
import shlex
from pathlib import Path

import click
import pytest

from stepscope_collector.cli.app import COMMANDS, stepscope

PAGE = (Path(__file__).parents[4] / "docs" / "cli.md").read_text("utf-8")
LINES = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S)
    for line in block.replace("\\\n", " ").splitlines()
    if line.startswith("stepscope ")
]


@pytest.mark.parametrize("line", LINES)
def test_each_command_of_the_page_is_one_there_is(line: str) -> None:
    """ours: documents are true: names of commands and options, and what they take."""
    words = shlex.split(line)[1:]
    words = words[: words.index(">")] if ">" in words else words
    with click.Context(stepscope) as ctx:
        name, command, rest = stepscope.resolve_command(ctx, words)
        assert command is not None
        with command.make_context(name, rest, parent=ctx) as made:
            assert made.command is command


def test_the_page_speaks_of_the_commands_that_tell_of_executions() -> None:
    """ours: documents are whole."""
    assert len(LINES) >= 10
    for name in ("executions", "show", "logs", "compare", "cohorts", "stats", "sql"):
        assert name in COMMANDS
        assert f"| `stepscope {name}" in PAGE

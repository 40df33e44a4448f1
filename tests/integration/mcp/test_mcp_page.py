"""docs/mcp.md says what is so."""

import json
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from stepscope_collector.present.mcp.deleting import DELETING_TOOLS
from stepscope_collector.present.mcp.tools import TOOLS
from tests.integration.mcp.conftest import command, talk

PAGE = (Path(__file__).parents[3] / "docs/mcp.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def started() -> Iterator[tuple[str, ...]]:
    """Every command that a client is told to start, with its arguments."""
    documents = [json.loads(text) for text in blocks("json")]
    documents += [tomllib.loads(text) for text in blocks("toml")]
    for document in documents:
        for name in ("mcpServers", "servers", "mcp_servers"):
            for server in document.get(name, {}).values():
                if "command" in server:
                    yield (server["command"], *server["args"])
    for text in blocks("sh"):
        if found := re.search(r"claude mcp add \w+ -- (.+)", text):
            yield tuple(found[1].split())


def test_the_commands_that_clients_are_told_to_start_answer(stored: Path) -> None:
    """issue #7: a page with configuration snippets for common clients."""
    commands = list(started())
    assert len(commands) >= 4
    for program, *arguments in set(commands):
        assert (program, arguments[0]) == ("stepscope", "mcp")
        (found,) = talk(command(*arguments[1:], "--data", stored), ("list_execution_history", {}))
        assert found["executions"]


def test_the_page_has_every_tool() -> None:
    """issue #7: the page lists the tools."""
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == [
        *TOOLS,
        *(tool.name for tool in DELETING_TOOLS),
    ]


@pytest.mark.parametrize("program", ["stepscope"])
def test_the_command_of_the_page_exists(program: str) -> None:
    """ours: the snippets start it by its name."""
    assert shutil.which(program, path=str(Path(sys.executable).parent))

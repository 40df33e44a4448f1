"""A hint fits the face it is read on: HTTP paths for REST, commands for the command line, tools for models."""

import ast
from pathlib import Path

from stepscope_collector.cli.hints import HINTS as IN_COMMANDS
from stepscope_collector.present.mcp import server

SOURCES = Path(__file__).parents[2] / "collector/src/stepscope_collector"
# What is asked through every face; the pages of one face speak in its words.
SHARED = ("query", "retention", "importing", "remap", "compat")


def hints() -> set[str]:
    """The hints without values that errors of the shared rooms have."""
    found = set()
    for room in SHARED:
        for path in (*(SOURCES / room).rglob("*.py"), *SOURCES.glob(f"{room}.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.keyword) and node.arg == "hint":
                    text = node.value.value if isinstance(node.value, ast.Constant) else None
                    found.add(text if isinstance(text, str) else ast.unparse(node.value))
    return found


def test_no_hint_of_a_path_reaches_a_command_or_a_model() -> None:
    """ours: `GET /api/…` is no remedy for who has typed a command or asks through MCP."""
    of_paths = {hint for hint in hints() if "/api/" in hint}
    assert of_paths, "there are hints with a path"
    assert of_paths <= IN_COMMANDS.keys()
    assert of_paths <= server._HINTS.keys()


def test_every_translated_hint_is_one_that_is_given() -> None:
    """ours: a hint that changes is translated again."""
    assert IN_COMMANDS.keys() <= hints()
    assert server._HINTS.keys() <= hints()


def test_translated_hints_name_commands_that_there_are() -> None:
    """ours: what a hint names can be typed."""
    for said in IN_COMMANDS.values():
        assert "/api/" not in said
        assert said.startswith(("stepscope executions ", "stepscope stats workflows ", "--cursor "))

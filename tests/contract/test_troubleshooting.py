"""docs/troubleshooting.md lists every error the collector prints."""

import ast
from pathlib import Path

import pytest

from stepscope_collector import errors

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "collector/src").rglob("*.py"))
# Each names a byte or a field of one broken request; the page has one line for all of them.
GROUPED = {"PayloadUndecodable"}
KINDS = set(errors.__all__) - GROUPED
# Shorter pieces of a message are found everywhere.
LEAST_PIECE = 8


def messages(source: str) -> list[str]:
    """For each error made in the source, the longest piece of its message without values."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id not in KINDS or not node.args:
            continue
        text = node.args[0]
        parts = text.values if isinstance(text, ast.JoinedStr) else [text]
        pieces = [str(part.value) for part in parts if isinstance(part, ast.Constant)]
        longest = max(pieces, key=len, default="")
        if len(longest) >= LEAST_PIECE:
            found.append(longest)
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_every_message_is_in_the_page(path):
    """R113: a page lists each error the product can print, with cause and remedy."""
    page = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    missing = [text for text in messages(path.read_text(encoding="utf-8")) if text not in page]
    assert missing == [], "add a line to docs/troubleshooting.md"


def test_the_scan_sees_messages_with_and_without_values():
    """ours: the check above would pass for ever if the scan saw nothing."""
    assert messages('raise NotFound(f"no {x} is there at all {y}", hint="h")') == [
        " is there at all "
    ]
    assert messages('ConfigError("something wrong")') == ["something wrong"]
    assert sum(len(messages(path.read_text(encoding="utf-8"))) for path in SOURCES) > 40


def test_every_exit_code_is_in_the_guide():
    """issue #2: exit codes that scripts can use."""
    guide = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    for name in errors.__all__:
        assert f"| {getattr(errors, name).exit_code} |" in guide, name

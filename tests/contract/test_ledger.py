"""Every row of docs/ledger.md has a test that names it."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_ROW = re.compile(r"^\| (R\d{3}) \| ([^|]+) \| \[", re.MULTILINE)


def rows_of_page() -> list[str]:
    """The rows, in their order."""
    page = (ROOT / "docs" / "ledger.md").read_text(encoding="utf-8")
    return [row for row, _ in _ROW.findall(page)]


def rows_of_tests() -> dict[str, list[str]]:
    """Row → the tests whose docstring names it."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for row in re.findall(r"\bR\d{3}\b", ast.get_docstring(node) or ""):
                    found.setdefault(row, []).append(f"{path.name}::{node.name}")
    return found


def test_every_row_has_a_test() -> None:
    """issue #7: each row of the ledger with a test named after it."""
    rows, tests = rows_of_page(), rows_of_tests()
    assert len(rows) > 100
    assert rows == sorted(set(rows))
    assert [row for row in rows if row not in tests] == []

"""The manifest of the checklist and the tests agree."""

import ast
import re
import tomllib
from pathlib import Path

from tests.conformance.probe.all_checks import CHECKS

_HERE = Path(__file__).parent
_PLACES = (
    _HERE,
    _HERE.parent / "unit" / "collector" / "receive",
    _HERE.parent / "unit" / "collector" / "decode",
)
_ROW = re.compile(r"\b[CGHJ][0-9]+\b")

_ROWS = tomllib.loads((_HERE / "rows.toml").read_text(encoding="utf-8"))


def _tested() -> dict[str, list[str]]:
    """Row → the tests whose docstring names it as its source."""
    found: dict[str, list[str]] = {}
    for place in _PLACES:
        for path in sorted(place.glob("test_*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
                    continue
                text = ast.get_docstring(node) or ""
                for row in _ROW.findall(text) if text.startswith("OTLP: ") else ():
                    found.setdefault(row, []).append(f"{path.name}::{node.name}")
    for case in CHECKS:  # run by test_checks.py
        for row in case.rows:
            found.setdefault(row, []).append(case.function.__name__)
    return found


def test_the_manifest_lists_the_whole_checklist() -> None:
    """issue #2: C1 to C24, G1 to G21, H1 to H28, J1 to J14."""
    sizes = {"C": 24, "G": 21, "H": 28, "J": 14}
    assert list(_ROWS) == [
        f"{group}{n}" for group, size in sizes.items() for n in range(1, size + 1)
    ]


def test_every_row_is_covered() -> None:
    """issue #4: every row of the checklist."""
    assert {row["state"] for row in _ROWS.values()} == {"covered"}


def test_every_covered_row_has_a_test() -> None:
    """issue #2: a row that is said to be covered and has no test is a failure."""
    covered = {name for name, row in _ROWS.items() if row["state"] == "covered"}
    assert covered - _tested().keys() == set()


def test_tests_name_rows_that_exist() -> None:
    """ours: a slip in a docstring must not count for a row."""
    assert _tested().keys() - _ROWS.keys() == set()

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

SETTINGS = """
[importlinter]
root_packages =
    inner
    outer
include_external_packages = True
contract_types =
    only_in: scripts.import_contracts.OnlyInContract
    knows_only: scripts.import_contracts.KnowsOnlyContract
    avoids: scripts.import_contracts.AvoidsContract
    separate: scripts.import_contracts.SeparateContract

[importlinter:contract:it]
name = it
"""


def lint(folder: Path, contract: str, modules: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run import-linter with one contract over two packages made of `modules` (name to source)."""
    for name in ("inner", "outer"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").touch()
    for name, source in modules.items():
        (folder / (name.replace(".", "/") + ".py")).write_text(source, encoding="utf-8")
    (folder / "settings.ini").write_text(SETTINGS + contract, encoding="utf-8")
    program = (
        f"import sys; sys.path[:0] = [{str(folder)!r}, {str(ROOT)!r}]; "
        "from importlinter.cli import lint_imports_command as it; it()"
    )
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache", "--no-logo", "--config", "settings.ini"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


KEPT = [
    ("only_in", "modules = json\nallowed = inner.a", {"inner.a": "import json"}),
    ("only_in", "modules = json\nallowed = not.there", {"inner.a": "import time"}),
    ("only_in", "modules = inner", {"inner.a": "", "inner.b": "import inner.a"}),
    (
        "knows_only",
        "package = inner",
        {"inner.a": "import json, inner", "outer.b": "import duckdb"},
    ),
    ("knows_only", "package = inner\nallowed = duckdb", {"inner.a": "import duckdb"}),
    ("knows_only", "package = inner\nexempt = inner.a", {"inner.a": "import duckdb"}),
    ("avoids", "packages = inner\nmodules = time", {"outer.a": "import time"}),
    (
        "separate",
        "packages =\n    inner\n    outer\n    not.there",
        {"inner.a": "import inner.b", "inner.b": ""},
    ),
]
BROKEN = [
    (
        "only_in",
        "modules = json\nallowed = inner.a",
        {"inner.ab": "import json"},
        "inner.ab:1 imports json",
    ),
    (
        "only_in",
        "modules = json",
        {"inner.a": "def f():\n    import json"},
        "inner.a:2 imports json",
    ),
    ("only_in", "modules = inner", {"outer.a": "import inner"}, "outer.a:1 imports inner"),
    ("knows_only", "package = inner", {"inner.a": "import duckdb"}, "inner.a:1 imports duckdb"),
    ("knows_only", "package = inner", {"inner.a": "import outer"}, "inner.a:1 imports outer"),
    (
        "avoids",
        "packages = inner\nmodules = time",
        {"inner.a": "from time import time"},
        "inner.a:1 imports time",
    ),
    (
        "separate",
        "packages =\n    inner\n    outer",
        {"outer.a": "import inner"},
        "outer.a:1 imports inner",
    ),
]


@pytest.mark.parametrize(("kind", "fields", "modules"), KEPT)
def test_contract_is_kept_also_where_a_room_does_not_exist(tmp_path, kind, fields, modules):
    """ours: pyproject.toml, a room that does not exist yet breaks no contract."""
    done = lint(tmp_path, f"type = {kind}\n{fields}\n", modules)
    assert (done.returncode, "1 kept, 0 broken" in done.stdout) == (0, True), done.stdout


@pytest.mark.parametrize(("kind", "fields", "modules", "line"), BROKEN)
def test_broken_contract_names_the_line_of_the_import(tmp_path, kind, fields, modules, line):
    """ours: docs/conventions.md, a message says what was wrong and where."""
    done = lint(tmp_path, f"type = {kind}\n{fields}\n", modules)
    assert done.returncode == 1, done.stdout + done.stderr
    assert line in done.stdout

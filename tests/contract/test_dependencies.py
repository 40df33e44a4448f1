"""What the packages depend on is explained, pinned for CI, and the same in all files that say it."""

import importlib
import re
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest

from scripts.floors import dependencies, floors

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "schema": "stepscope_schema",
    "exporter": "stepscope",
    "collector": "stepscope_collector",
}


def normal(name: str) -> str:
    """The name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def test_constraints_are_exact_versions_and_nothing_else():
    """issue #2: `constraints.txt` with exact versions and no index addresses."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    wrong = [line for line in lines if not re.fullmatch(r"#.*|[A-Za-z0-9._-]+==[\w.]+", line)]
    assert wrong == []


def test_everything_installed_here_has_the_version_of_the_constraints():
    """ours: what CI installs is pinned, down to the last dependency of a dependency."""
    installed = {normal(found.name): found.version for found in distributions()}
    ours = {"stepscope", "stepscope-schema", "stepscope-collector", "stepscope-native"}
    ours |= {"pip", "setuptools"}
    pinned = {normal(name): version for name, version in pins().items()}
    assert {name: version for name, version in installed.items() if name not in ours} == pinned


@pytest.mark.parametrize("folder", PACKAGES)
def test_every_dependency_has_a_reason_and_its_installed_size_above_it(folder):
    """ours: docs/conventions.md, a reason and the installed size beside each."""
    text = (ROOT / folder / "pyproject.toml").read_text(encoding="utf-8")
    # A comment block explains the requirements (or the extra) that follow it without another comment.
    blocks = re.findall(r"((?:^ *#.*\n)+)((?:^ *[^#\n].*\n)*)", text, re.MULTILINE)
    explained = "".join(rest for comment, rest in blocks if re.search(r"\d MB|DuckDB \d", comment))
    assert [each for each in dependencies(ROOT / folder) if f'"{each}",' not in explained] == []


@pytest.mark.parametrize("folder", PACKAGES)
def test_every_dependency_has_a_floor(folder):
    """ours: docs/conventions.md, a floor and no cap."""
    floors(dependencies(ROOT / folder))  # raises for one without
    foreign = [each for each in dependencies(ROOT / folder) if not each.startswith("stepscope")]
    assert [each for each in foreign if re.search(r"<|==|~=", each.partition(";")[0])] == []


def test_the_three_packages_have_one_version_and_one_floor_of_python():
    """ours: the packages are released together."""
    facts = {}
    for folder, module in PACKAGES.items():
        path = ROOT / folder / "pyproject.toml"
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        assert project["version"] == importlib.import_module(module).__version__
        facts[folder] = (project["version"], project["requires-python"], project["license"])
    assert len(set(facts.values())) == 1, facts


def test_the_native_decoder_has_the_version_of_the_collector():
    """ours: the packages are released together; the Rust crate says its version twice."""
    project = tomllib.loads((ROOT / "native/pyproject.toml").read_text(encoding="utf-8"))["project"]
    crate = tomllib.loads((ROOT / "native/Cargo.toml").read_text(encoding="utf-8"))["package"]
    version = importlib.import_module("stepscope_collector").__version__
    assert (project["version"], crate["version"]) == (version, version)


def test_crates_come_from_the_standard_registry_in_exact_versions():
    """ours: as constraints.txt for Python."""
    lock = tomllib.loads((ROOT / "native/Cargo.lock").read_text(encoding="utf-8"))
    sources = {crate.get("source") for crate in lock["package"]} - {None}
    assert sources == {"registry+https://github.com/rust-lang/crates.io-index"}


def test_the_collector_pins_the_schema_of_its_own_version():
    """ours: the collector owns the tables, so another schema is another collector."""
    version = importlib.import_module("stepscope_collector").__version__
    assert f"stepscope-schema=={version}" in dependencies(ROOT / "collector")


def test_the_schema_depends_on_nothing():
    """issue #2: schema/, the contract."""
    assert dependencies(ROOT / "schema") == []


def test_a_requirement_without_floor_is_refused():
    """ours: the floor is what `make floor` tests."""
    with pytest.raises(ValueError, match="'duckdb' has no floor"):
        floors(["duckdb"])
    assert floors(["b[x]>=2.0,<3", "a>=1; sys_platform != 'win32'", "stepscope>=1"]) == [
        "a==1",
        "b==2.0",
    ]

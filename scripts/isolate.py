"""Proves that each wheel works alone: installs it into an empty environment and imports it.

    python scripts/isolate.py DIST

DIST holds the three wheels (`make build`); the siblings a wheel declares are taken from there, everything
else from wherever pip looks, in the versions of constraints.txt. Environments are made in .isolate/.
Prints per wheel what came with it and what it weighs; exits 1 with the reason if anything is wrong.
"""

import json
import shutil
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PACKAGES", "Package", "missing_from_wheel"]

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Package:
    """What must be true of one wheel."""

    distribution: str
    source: str
    """Folder of the import package, below the root of the repository."""
    absent: frozenset[str] = frozenset()
    """Distributions that must not come with it."""
    optional: tuple[str, ...] = ()
    """Modules, with a dot at the end, that need something the user brings: an engine, pytest, an extra."""
    unloaded: frozenset[str] = frozenset()
    """Modules that importing it must not load."""

    @property
    def module(self) -> str:
        """Import name."""
        return self.source.rpartition("/")[2]


# The exporter is imported by other people's programs, so it brings neither SDK, gRPC nor DuckDB.
HEAVY = frozenset(
    {"opentelemetry.sdk", "opentelemetry.exporter", "grpc", "duckdb", "google.protobuf"}
)
PACKAGES = (
    Package("stepscope-schema", "schema/src/stepscope_schema", unloaded=HEAVY),
    Package(
        "stepscope",
        "exporter/src/stepscope",
        absent=frozenset(
            {"opentelemetry-sdk", "grpcio", "duckdb", "protobuf", "stepscope-collector"}
        ),
        # The SDK comes with an extra.
        optional=(
            "stepscope.integrations.",
            "stepscope.otlp.",
            "stepscope._sdk.",
            "stepscope._stock.",
        ),
        unloaded=HEAVY,
    ),
    Package(
        "stepscope-collector",
        "collector/src/stepscope_collector",
        absent=frozenset({"stepscope", "pyarrow", "numpy", "pandas"}),
        optional=("stepscope_collector.present.mcp.",),
        unloaded=frozenset({"grpc", "duckdb", "starlette", "uvicorn", "google.protobuf"}),
    ),
)

# Runs inside the empty environment, in isolated mode: no user site, no PYTHON* variables, not this folder.
# After the package it imports each module below it: what one of them needs must have come with the wheel.
PROBE = """
import importlib, json, pkgutil, sys
package, optional = importlib.import_module(sys.argv[1]), tuple(sys.argv[2:])
loaded = sorted(sys.modules)
modules = [found.name for found in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
for name in modules:
    if not (name + ".").startswith(optional) and not name.endswith(".__main__"):
        importlib.import_module(name)
from importlib.metadata import distributions, entry_points
from importlib.util import find_spec
from pathlib import Path
absent_scripts = []
for script in entry_points(group="console_scripts"):
    if script.module.startswith("stepscope"):
        if find_spec(script.module):
            script.load()
        else:
            absent_scripts.append(script.value)
names, size = {}, 0
for found in distributions():
    names[found.name] = found.version
    paths = (Path(file.locate()) for file in found.files or () if "__pycache__" not in file.parts)
    size += sum(path.stat().st_blocks * 512 for path in paths if path.exists())
print(json.dumps({
    "loaded": loaded, "distributions": names, "size_bytes": size, "absent_scripts": absent_scripts,
}))
"""


def missing_from_wheel(source: Path, names: set[str]) -> list[str]:
    """Files of the import package in folder `source` that are not among the wheel's `names`; sorted."""
    files = (path for path in source.rglob("*") if path.is_file())
    expected = {
        path.relative_to(source.parent).as_posix()
        for path in files
        if "__pycache__" not in path.parts
    }
    return sorted(expected - names)


def run(*command: str | Path) -> str:
    """The standard output of `command`; `RuntimeError` with all its output if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        what = " ".join(str(part) for part in command[:4] if "\n" not in str(part))
        raise RuntimeError(f"{what} … failed:\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


def isolate(package: Package, dist: Path) -> str:
    """Install and probe one wheel; returns the line to print, raises `RuntimeError` with what is wrong."""
    wheels = sorted(dist.glob(f"{package.distribution.replace('-', '_')}-[0-9]*.whl"))
    if len(wheels) != 1:
        raise RuntimeError(
            f"{len(wheels)} wheels of {package.distribution} in {dist}, want 1; run make build"
        )
    with zipfile.ZipFile(wheels[0]) as archive:
        missing = missing_from_wheel(ROOT / package.source, set(archive.namelist()))
    if missing:
        raise RuntimeError(f"{wheels[0].name} lacks {', '.join(missing)}")

    home = ROOT / ".isolate" / package.distribution
    shutil.rmtree(home, ignore_errors=True)
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    run(
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--python",
        python,
        "install",
        "--quiet",
        "--find-links",
        dist,
        "--constraint",
        ROOT / "constraints.txt",
        wheels[0],
    )
    probe = json.loads(run(python, "-I", "-c", PROBE, package.module, *package.optional))
    if brought := package.absent & probe["distributions"].keys():
        raise RuntimeError(f"{package.distribution} brings {', '.join(sorted(brought))}")
    if loaded := package.unloaded & set(probe["loaded"]):
        raise RuntimeError(f"import {package.module} loads {', '.join(sorted(loaded))}")
    for script in probe["absent_scripts"]:
        print(
            f"note: {package.distribution} declares the command {script}, which is not written yet"
        )
    others = sorted(probe["distributions"].keys() - {package.distribution})
    return (
        f"{package.distribution}: {len(probe['distributions'])} distributions, {probe['size_bytes'] / 1e6:.1f} MB,"
        f" {len(probe['loaded'])} modules loaded by import; with it: {', '.join(others) or 'nothing'}"
    )


def main(arguments: list[str]) -> int:
    """Isolate each package; 1 if any of them fails, else 0."""
    dist = Path(arguments[0]).resolve()
    failed = 0
    for package in PACKAGES:
        try:
            print(isolate(package, dist), flush=True)
        except RuntimeError as error:
            failed += 1
            print(f"error: {error}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

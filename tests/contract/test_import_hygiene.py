"""What importing costs: fresh interpreters, because a static import graph cannot see it."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

# Imports a package and, for the schema, everything below it; prints what it loaded.
PROBE = """
import importlib, json, pkgutil, sys
before = set(sys.modules)
package = importlib.import_module(sys.argv[1])
if "--all" in sys.argv:
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(found.name)
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def modules_loaded_by(package: str, *flags: str) -> set[str]:
    """Names of the modules that a fresh interpreter loads to import `package`."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, package, *flags],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def offenders(loaded: set[str], forbidden: tuple[str, ...]) -> list[str]:
    """The loaded modules that are one of the forbidden packages or lie below one."""
    return sorted(
        name for name in loaded if f"{name}.".startswith(tuple(f"{f}." for f in forbidden))
    )


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        (
            "stepscope",
            ("opentelemetry.sdk", "opentelemetry.exporter", "google", "grpc", "requests"),
        ),
        ("stepscope", ("duckdb", "arro3", "starlette", "uvicorn", "stepscope_collector")),
        ("stepscope_schema", ("opentelemetry", "google", "grpc", "duckdb", "stepscope_collector")),
        (
            "stepscope_collector",
            ("grpc", "duckdb", "starlette", "uvicorn", "google", "arro3", "stepscope"),
        ),
    ],
)
def test_importing_a_package_loads_nothing_heavy(package, forbidden):
    """issue #2, R040: `import stepscope` loads no OTel SDK, no grpc, no duckdb."""
    loaded = modules_loaded_by(package)
    assert package in loaded
    assert offenders(loaded, forbidden) == []


def test_the_probe_sees_what_a_package_loads():
    """ours: the checks above would pass for ever if the probe saw nothing."""
    loaded = modules_loaded_by("opentelemetry.sdk.trace")
    assert "opentelemetry.sdk.trace" in offenders(loaded, ("opentelemetry.sdk",))
    assert offenders(loaded, ("opentelemetry.sd",)) == []


def test_no_module_of_the_schema_loads_anything_third_party():
    """ours: pyproject of the schema, it depends on nothing."""
    loaded = modules_loaded_by("stepscope_schema", "--all")
    known = sys.stdlib_module_names | {"stepscope_schema"}
    assert sorted(name for name in loaded if name.partition(".")[0] not in known) == []


@pytest.mark.parametrize("package", ["stepscope", "stepscope_schema", "stepscope_collector"])
def test_every_public_name_of_a_package_exists_and_it_is_typed(package):
    """ours: docs/conventions.md, public names are in `__all__`."""
    module = importlib.import_module(package)
    assert sorted(set(module.__all__)) == sorted(module.__all__)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []
    [folder] = module.__path__
    assert Path(folder, "py.typed").is_file()

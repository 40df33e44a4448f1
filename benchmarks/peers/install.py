"""Puts other servers into .isolate/peers, in pinned versions: this is what downloads and builds."""

import json
import os
import shutil
import subprocess
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

__all__ = ["COLLECTOR_VERSION", "Missing", "built_by_builder", "built_from_source", "go", "package"]

HERE: Final = Path(__file__).parent
INSTALLED: Final = HERE.parent.parent / ".isolate" / "peers"
"""A folder for each, thrown away by `make clean`."""
COLLECTOR_VERSION: Final = "v0.161.0"
"""Of the OpenTelemetry Collector and its builder, as otelcol/builder.yaml has it."""
BUILD_S: Final = 3600
GO_FLAGS: Final = "-p=2 -mod=readonly -buildvcs=false"


class Missing(Exception):
    """The peer cannot be had on this machine."""


def package(name: str, version: str) -> Path:
    """The environment that holds the package of PyPI and nothing else; `Missing` when pip cannot get it."""

    def install(folder: Path) -> None:
        venv.create(folder, with_pip=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "-q"]
        _run([*pip, "install", f"{name}=={version}"], folder)

    return _once(f"{name}-{version}", install)


def go(name: str, program: str, version: str) -> Path:
    """The program `name` of a Go package, by `go install`; `Missing` without Go, or when it fails."""

    def install(folder: Path) -> None:
        _run([_go(), "install", f"{program}@{version}"], folder, GOBIN=str(folder))

    return _once(f"{name}-{version}", install) / name


def built_by_builder(config: Path) -> Path:
    """The OpenTelemetry Collector with the parts that `config` lists, by its own builder."""
    builder = go("builder", "go.opentelemetry.io/collector/cmd/builder", COLLECTOR_VERSION)

    def install(folder: Path) -> None:
        _run([str(builder), "--config", str(config)], folder, GOFLAGS="-p=2")

    return _once(f"otelcol-{COLLECTOR_VERSION}", install) / "otelcol" / "otelcol"


def built_from_source(module: str, version: str, program: str) -> Path:
    """A program of a module that `go install` refuses (its go.mod replaces others), built in a copy of the module.

    Its own go.sum vouches for what it needs, the checksum database of Go for the module.
    """
    name = program.rpartition("/")[2]

    def install(folder: Path) -> None:
        said = _run([_go(), "mod", "download", "-json", f"{module}@{version}"], folder)
        source = folder / "source"
        shutil.copytree(json.loads(said)["Dir"], source)
        for each in (source, *source.rglob("*")):
            each.chmod(each.stat().st_mode | 0o200)
        _run([_go(), "build", "-o", str(folder / name), program], source, GOFLAGS=GO_FLAGS)
        shutil.rmtree(source)

    return _once(f"{name}-{version}", install) / name


def _once(name: str, install: Callable[[Path], None]) -> Path:
    folder = INSTALLED / name
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        install(folder)
        (folder / "done").touch()
    return folder


def _go() -> str:
    found = shutil.which("go")
    if found is None:
        raise Missing("go is not installed")
    return found


def _run(command: list[str], folder: Path, **variables: str) -> str:
    with _told_as_missing(command):
        done = subprocess.run(
            ["nice", *command],
            cwd=folder,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=BUILD_S,
            check=True,
        )
    return done.stdout


@contextmanager
def _told_as_missing(command: list[str]) -> Iterator[None]:
    what = " ".join([Path(command[0]).name, *command[1:]])
    try:
        yield
    except subprocess.CalledProcessError as failed:
        raise Missing(f"{what}: {failed.stderr.strip()[-300:]}") from failed
    except subprocess.TimeoutExpired as late:
        raise Missing(f"{what}: not done after {BUILD_S} s") from late

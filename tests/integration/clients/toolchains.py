"""Foreign programs, built once from pinned versions into .isolate/clients: this is what downloads."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

__all__ = [
    "CACHE",
    "GO_VERSION",
    "Missing",
    "collector",
    "go_client",
    "java_client",
    "javascript",
    "telemetrygen",
]

HERE: Final = Path(__file__).parent
CACHE: Final = HERE.parents[2] / ".isolate" / "clients"
GO_VERSION: Final = "v0.161.0"
"""Of the OpenTelemetry Collector, its builder and telemetrygen."""

_BUILD_S: Final = 1500


class Missing(Exception):
    """A toolchain that this machine does not have."""


def _run(command: list[str | Path], folder: Path, **variables: str) -> None:
    """Run a build; what it said is the error when it fails."""
    tool = str(command[0])
    if shutil.which(tool) is None:
        raise Missing(f"{tool} is not installed")
    done = subprocess.run(
        ["nice", *map(str, command)],
        cwd=folder,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_BUILD_S,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}:\n{done.stdout[-4000:]}"


def _is_older(made: Path, *sources: Path) -> bool:
    """The program is not there, or was made from older sources."""
    return not made.exists() or any(
        source.stat().st_mtime > made.stat().st_mtime for source in sources
    )


def _go_install(package: str, name: str) -> Path:
    made = CACHE / "bin" / name
    if not made.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        _run(
            ["go", "install", f"{package}@{GO_VERSION}"],
            CACHE,
            GOBIN=str(made.parent),
            GOFLAGS="-p=1",
        )
    return made


def telemetrygen() -> Path:
    """The load generator of the OpenTelemetry Collector."""
    contrib = "github.com/open-telemetry/opentelemetry-collector-contrib"
    return _go_install(f"{contrib}/cmd/telemetrygen", "telemetrygen")


def collector() -> Path:
    """The OpenTelemetry Collector with the parts that collector/builder.yaml lists."""
    config = HERE / "collector" / "builder.yaml"
    made = CACHE / "otelcol" / "otelcol"
    if _is_older(made, config):
        builder = _go_install("go.opentelemetry.io/collector/cmd/builder", "builder")
        made.parent.mkdir(parents=True, exist_ok=True)
        if shutil.which("go") is None:
            raise Missing("go is not installed")
        _run([builder, "--config", config], CACHE, GOFLAGS="-p=1")
        made.touch()
    return made


def go_client() -> Path:
    """The program in go/, built."""
    source = HERE / "go"
    made = CACHE / "bin" / "go-client"
    if _is_older(made, *source.iterdir()):
        made.parent.mkdir(parents=True, exist_ok=True)
        _run(["go", "build", "-o", made, "."], source, GOFLAGS="-p=1 -mod=readonly")
    return made


def javascript() -> Path:
    """A copy of javascript/ with its packages installed."""
    source = HERE / "javascript"
    folder = CACHE / "javascript"
    made = folder / ".installed"
    if _is_older(made, *source.iterdir()):
        shutil.copytree(source, folder, dirs_exist_ok=True)
        if shutil.which("node") is None:
            raise Missing("node is not installed")
        _run(["npm", "install", "--no-package-lock", "--no-audit", "--no-fund"], folder)
        made.touch()
    return folder


def java_client() -> Path:
    """The program in java/ as a jar; its dependencies stand beside it in lib/."""
    source = HERE / "java"
    folder = CACHE / "java"
    made = folder / "target" / "client.jar"
    if _is_older(made, source / "pom.xml", *source.rglob("*.java")):
        shutil.copytree(source, folder, dirs_exist_ok=True)
        _run(["mvn", "--batch-mode", "--quiet", "package"], folder)
    return made

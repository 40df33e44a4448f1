"""The native decoder is built where cargo is, and nothing else changes where it is not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "scripts/make_native.sh"


def _program(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_without_cargo_it_says_so_and_ends_well(tmp_path):
    """issue #6: the wheel is optional; `make setup` says plainly when cargo is not there."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "env", "cat", "tr"):
        (tools / name).symlink_to(shutil.which(name))
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    done = subprocess.run(
        [SCRIPT, venv],
        cwd=ROOT,
        env={"PATH": str(tools), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "not built, cargo is not installed" in done.stdout
    assert "decodes in Python" in done.stdout


def test_a_build_that_fails_is_said_and_ends_well(tmp_path):
    """issue #6: nor does a broken or offline toolchain stop `make setup`."""
    tools = tmp_path / "bin"
    tools.mkdir()
    builder = tmp_path / "native/target/builder/bin"
    builder.mkdir(parents=True)
    _program(tools / "cargo", "echo cargo 0.0.0")
    _program(builder / "python", 'case "$*" in *install*) exit 1;; esac')
    native = tmp_path / "native"
    (native / "src").mkdir()
    for name in ("Cargo.toml", "Cargo.lock", "pyproject.toml", "stepscope_native.pyi"):
        (native / name).touch()
    (native / "src" / "lib.rs").touch()
    (native / "requirements.txt").write_text("no-such-builder==0\n")
    (tmp_path / "scripts").symlink_to(ROOT / "scripts")
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    done = subprocess.run(
        [SCRIPT, venv],
        cwd=tmp_path,
        env=os.environ
        | {"PATH": f"{tools}:{os.environ['PATH']}", "XDG_CACHE_HOME": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "not built, no-such-builder==0 cannot be installed" in done.stdout

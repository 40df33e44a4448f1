"""Other servers are installed once, in their own folder, or say why they cannot be had."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
INSTALL = """
import sys
from pathlib import Path
from peers import install
install.INSTALLED = Path(sys.argv[1])
try:
    print(install.go("viewer", "example.com/viewer", "v1.2.3"))
except install.Missing as missing:
    print("missing:", missing)
"""
WORKS = '#!/bin/sh\necho "$@" >> "$GOBIN/../calls"; touch "$GOBIN/viewer"\n'
FAILS = '#!/bin/sh\necho "module is not available" >&2; exit 1\n'


def installed(folder: Path, go: str | None) -> str:
    """What an installation with this program as `go` prints."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    (programs / "go").unlink(missing_ok=True)
    for name in ("nice", "touch", "sh"):
        if not (programs / name).exists():
            (programs / name).symlink_to(shutil.which(name) or f"/bin/{name}")
    if go is not None:
        (programs / "go").write_text(go, encoding="utf-8")
        (programs / "go").chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", INSTALL, str(folder / "peers")],
        cwd=BENCHMARKS,
        env={**os.environ, "PATH": str(programs)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("go", "reason"),
    [
        (None, "missing: go is not installed"),
        (FAILS, "missing: go install example.com/viewer@v1.2.3: module is not available"),
    ],
)
def test_a_peer_that_cannot_be_installed_says_why(
    tmp_path: Path, go: str | None, reason: str
) -> None:
    """issue #6: peers in the same run where the machine can install them."""
    assert installed(tmp_path, go) == reason


def test_a_peer_is_installed_once_into_its_own_folder(tmp_path: Path) -> None:
    """issue #6: peers in the same run; never anywhere else on the machine."""
    program = tmp_path / "peers" / "viewer-v1.2.3" / "viewer"
    for _ in range(2):
        assert installed(tmp_path, WORKS) == str(program)
    calls = (tmp_path / "peers" / "calls").read_text(encoding="utf-8")
    assert calls == "install example.com/viewer@v1.2.3\n"


def test_a_peer_that_failed_before_is_tried_again(tmp_path: Path) -> None:
    """ours: a network that was down is no reason for ever."""
    assert installed(tmp_path, FAILS).startswith("missing:")
    assert installed(tmp_path, WORKS).endswith("/viewer")

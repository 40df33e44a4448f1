"""An environment for each engine in .engines/NAME, made from the versions its folder pins: this downloads.

python -m tests.integration.engines.environments ENGINE    # write its constraints.txt anew
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

__all__ = ["CACHE", "HERE", "Missing", "environment", "tool"]

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[2]
CACHE: Final = ROOT / ".engines"

_BUILD_S: Final = 1500


class Missing(Exception):
    """A toolchain that this machine does not have."""


def tool(name: str) -> str:
    """Path of a program of this machine; `Missing` without it."""
    found = shutil.which(name)
    if found is None:
        raise Missing(f"{name} is not installed")
    return found


def environment(engine: str) -> Path:
    """The interpreter of an engine's environment, which is made when its pins are new."""
    folder = HERE / engine
    pins = [folder / "requirements.txt", folder / "constraints.txt"]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in pins)).hexdigest()
    made = CACHE / engine
    stamp = made / "made-from"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != digest:
        shutil.rmtree(made, ignore_errors=True)
        made.parent.mkdir(parents=True, exist_ok=True)
        _run(sys.executable, "-m", "venv", made)
        _pip(made, "install", "-c", pins[1], "-r", pins[0])
        stamp.write_text(digest, encoding="utf-8")
    return made / "bin" / "python"


def _pip(made: Path, *arguments: str | Path) -> str:
    return _run(made / "bin" / "python", "-m", "pip", "--disable-pip-version-check", *arguments)


def _run(*command: str | Path) -> str:
    """What a command of the build said, which is the error when it fails."""
    done = subprocess.run(
        ["nice", *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_BUILD_S,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}:\n{done.stdout[-4000:]}"
    return done.stdout


def _write_constraints(engine: str) -> None:
    """What an empty environment holds after installing the engine's requirements.txt."""
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch)
        _run(sys.executable, "-m", "venv", made)
        _pip(made, "install", "-r", HERE / engine / "requirements.txt")
        frozen = _pip(made, "freeze").splitlines()
    pins = [line for line in frozen if re.fullmatch(r"[A-Za-z0-9._-]+==[\w.+]+", line)]
    text = "\n".join(["# Made by `python -m tests.integration.engines.environments`.", *pins, ""])
    (HERE / engine / "constraints.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    for each in sys.argv[1:]:
        _write_constraints(each)

"""A command line with an empty home, run in this process."""

from typing import NamedTuple

import pytest

from stepscope_collector.cli import main


class Result(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def home(tmp_path, monkeypatch):
    """No settings but the defaults: XDG directories, current directory and variables are empty."""
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    for name in ("STEPSCOPE_CONFIG", "STEPSCOPE_SERVER", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(home, capsys):
    """Runs the command line and gives exit code, stdout and stderr."""

    def run_command(*arguments: str) -> Result:
        code = main(arguments)
        return Result(code, *capsys.readouterr())

    return run_command

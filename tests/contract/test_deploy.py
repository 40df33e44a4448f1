"""The files in deploy/ say what they do, and what they name exists."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from stepscope_collector.cli.app import COMMANDS
from stepscope_collector.config import all_settings
from stepscope_collector.config.setting import Setting
from stepscope_collector.config.tree import Settings

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "stepscope.service"
CONTAINERFILE = ROOT / "deploy" / "Containerfile"


def lines(path: Path) -> list[str]:
    """Lines without comments and empty ones, continued ones put together."""
    text = "\n".join(
        line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")
    )
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def unit() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in lines(UNIT):
        if "=" in line:
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def variables() -> dict[str, Setting]:
    return {setting.variable: setting for setting in all_settings()}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
def test_systemd_takes_the_unit_without_a_warning(tmp_path: Path) -> None:
    """issue #4: systemd unit in deploy/."""
    # it looks for the program, which is not installed here
    here = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8").replace("/opt/stepscope/bin/stepscope", "/bin/true")
    here.write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(here)], capture_output=True, text=True, check=False
    )
    complaints = [line for line in (done.stdout + done.stderr).splitlines() if UNIT.name in line]
    assert (done.returncode, complaints) == (0, [])


def test_the_unit_is_not_root_and_its_file_system_is_read_only() -> None:
    """issue #4: non-root, read-only root."""
    said = unit()
    assert said["DynamicUser"] == ["yes"]
    assert said["ProtectSystem"] == ["strict"]
    assert said["NoNewPrivileges"] == ["yes"]
    assert said["CapabilityBoundingSet"] == [""]
    assert said["StateDirectory"] == ["stepscope"]
    assert "ReadWritePaths" not in said


def test_the_unit_stops_later_than_the_collector_by_itself() -> None:
    """ours: systemd must not kill what is still being committed."""
    shutdown = Settings().shutdown
    limit_s = int(unit()["TimeoutStopSec"][0].removesuffix("s"))
    assert limit_s > shutdown.notice_s + 3 * shutdown.grace_s + 3


def test_what_the_unit_runs_and_sets_exists() -> None:
    """ours: a renamed setting or option must be renamed here."""
    program, command, option, path = shlex.split(unit()["ExecStart"][0])
    assert (program, command, option) == ("/opt/stepscope/bin/stepscope", "serve", "--config")
    assert path in (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
    for pair in unit()["Environment"]:
        assert pair.partition("=")[0] in variables()
    assert unit()["ExecReload"] == ["/bin/kill -HUP $MAINPID"]


def instructions(name: str) -> list[str]:
    return [
        line.partition(" ")[2].strip() for line in lines(CONTAINERFILE) if line.startswith(name)
    ]


def test_the_container_file_has_pinned_images_and_versions() -> None:
    """issue #4: container file with pins."""
    images = instructions("FROM")
    assert len(images) == 2
    for image in images:
        assert re.match(r"docker\.io/library/python:3\.\d+\.\d+-slim-[a-z]+( AS build)?$", image)
    assert len({image.removesuffix(" AS build") for image in images}) == 1
    (build, _) = instructions("RUN")
    assert "-c constraints.txt" in build


def test_the_container_is_not_root_and_needs_no_writable_root() -> None:
    """issue #4: non-root, read-only root."""
    assert instructions("USER") == ["10001:10001"]
    assert instructions("VOLUME") == ["/data"]
    names = [line.split()[0] for line in lines(CONTAINERFILE) if re.match(r"[A-Z]+ ", line)]
    # whatever needs root or writes outside the volume is before USER
    assert not {"RUN", "COPY", "ADD"} & set(names[names.index("USER") :])
    assert "ADD" not in names
    assert not re.search(
        r"curl|wget|sudo|apt-get|latest", CONTAINERFILE.read_text(encoding="utf-8")
    )


def test_what_the_container_file_names_exists() -> None:
    """ours: a renamed setting, command or folder must be renamed here."""
    for copied in instructions("COPY"):
        if not copied.startswith("--from"):
            assert (ROOT / copied.split()[0]).exists(), copied
    known = variables()
    (environment,) = instructions("ENV")
    pairs = dict(pair.split("=", 1) for pair in environment.split())
    for name, value in pairs.items():
        if name.startswith("STEPSCOPE_"):
            known[name].parse(value, base=Path("/"))
    assert pairs["STEPSCOPE_DATA_DIR"] == "/data"
    ports = {pairs[name].rpartition(":")[2] for name in pairs if pairs[name].startswith("0.0.0.0:")}
    assert set(instructions("EXPOSE")[0].split()) == ports
    assert json.loads(instructions("ENTRYPOINT")[0]) == ["stepscope"]
    (check,) = instructions("HEALTHCHECK")
    asked = json.loads(check.partition("CMD ")[2])
    for command in (json.loads(instructions("CMD")[0])[0], asked[1]):
        assert command in COMMANDS


def test_the_shell_of_the_container_file_can_be_read() -> None:
    """ours: there is no engine here to try it."""
    for text in instructions("RUN"):
        done = subprocess.run(["sh", "-n", "-c", text], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")

"""The commands of docs/portable.md, one after the other, as the processes they are."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from stepscope_collector.cli.server import run_server
from tests.integration.cli.conftest import stepscope

pytestmark = pytest.mark.e2e

PAGE = (Path(__file__).parents[3] / "docs" / "portable.md").read_text("utf-8")
COMMANDS = [
    shlex.split(command)[1:]
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S)
    for command in block.splitlines()
    if command.startswith("stepscope ")
]


def run_all(data: Path, place: Path) -> dict[str, bytes]:
    """Every command of the page; the files they left, and what they said on stdout."""
    place.mkdir()
    found = {}
    for number, command in enumerate(COMMANDS):
        words = [
            str(place / word) if command[n - 1] == "-o" else word for n, word in enumerate(command)
        ]
        result = stepscope(*words, "--data", data)
        assert result.code == 0, (command, result.err)
        found[f"stdout {number}"] = result.out.encode()
    return found | {path.name: path.read_bytes() for path in sorted(place.iterdir())}


@pytest.mark.timeout(240)
def test_the_page_is_true_with_and_without_a_server(stored, tmp_path):
    """issue #7: documents with tested commands; online and offline give the same files."""
    data = tmp_path / "data"
    shutil.copytree(stored, data)
    by_file = run_all(data, tmp_path / "file")
    with run_server(data, tmp_path / "log"):
        by_server = run_all(data, tmp_path / "server")
    assert by_file.keys() == by_server.keys()
    assert {"all.json", "one.zip", "failed.ndjson", "steps.csv", "executions.parquet"} <= {*by_file}
    assert not any(name.endswith(".partial") for name in by_file)
    made_when = {"one.zip"}
    same = [name for name in by_file if name not in made_when]
    assert {name: by_file[name] for name in same} == {name: by_server[name] for name in same}


def test_slips_of_the_command_say_the_remedy(ask, tmp_path):
    """R-errors: what was wrong, the value, the remedy."""
    slip = ask("export", "-o", tmp_path / "x.docx")
    assert slip.code == 2
    assert "the ending of x.docx names no format" in slip.err
    slip = ask("export", "--table", "steps", "-o", tmp_path / "x.zip")
    assert "holds whole executions, no table" in slip.err
    assert ask("export", "a,b", "c").code == 2
    assert "no execution with the id 'nobody'" in ask("export", "nobody").err
    slip = ask("export", "-o", tmp_path / "nowhere" / "x.json")
    assert "cannot be written" in slip.err
    assert list(tmp_path.iterdir()) == []

"""`stepscope backup` and `stepscope restore`, as the commands they are."""

import json
import re
import shutil
import stat
import urllib.error
import urllib.request
from pathlib import Path

import duckdb
import pytest

from stepscope_collector.cli.server import run_server
from stepscope_collector.store.engine import is_before_2
from tests.integration.cli.conftest import stepscope

pytestmark = pytest.mark.skipif(is_before_2(), reason="backups need DuckDB 2.0")
NEWEST = ("executions", "--all", "--format", "json")


def names(directory):
    return sorted(path.name for path in directory.iterdir())


@pytest.fixture
def backup(ask, tmp_path):
    """A backup of the history, made without a server."""
    path = tmp_path / "backup.duckdb"
    result = ask("backup", path, "--format", "json")
    assert (result.code, result.err) == (0, "")
    about = json.loads(result.out)
    assert (about["backup"], about["bytes"]) == (str(path), path.stat().st_size)
    assert about["rows"] > 10
    return path


def test_a_backup_holds_the_history_and_is_for_its_owner(backup, ask, stored, tmp_path):
    """issue #4, R086: backup without a server; restore."""
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert names(tmp_path) == [backup.name]
    assert not [file.name for file in stored.iterdir() if "backup" in file.name]
    result = stepscope("restore", backup, "--data", tmp_path / "new")
    assert result.code == 0
    assert result.out.startswith(f"{tmp_path / 'new' / 'stepscope.duckdb'}: ")
    assert stepscope(*NEWEST, "--data", tmp_path / "new").out == ask(*NEWEST).out
    shown = stepscope("sql", "from step_stats order by all", "--data", tmp_path / "new").out
    assert shown == ask("sql", "from step_stats order by all").out
    assert names(tmp_path / "new") == ["stepscope.duckdb"]


def test_a_backup_goes_into_a_directory_under_a_name_with_its_time(ask, tmp_path):
    """ours: a nightly job needs no name of its own."""
    assert ask("backup", tmp_path).code == 0
    (made,) = tmp_path.iterdir()
    assert made.name.startswith("stepscope-")
    assert made.suffix == ".duckdb"


def test_a_backup_never_replaces_a_file(ask, backup, tmp_path):
    """ours: what is overwritten may be the only backup."""
    before = backup.read_bytes()
    result = ask("backup", backup)
    assert (result.code, "exists already" in result.err) == (2, True)
    assert backup.read_bytes() == before
    result = ask("backup", tmp_path / "nowhere" / "x")
    assert (result.code, "there is no directory" in result.err) == (2, True)


def test_a_backup_of_a_server_leaves_nothing_beside_its_database(stored, tmp_path):
    """issue #4: backup through the running server, remote ones included."""
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(stored / "stepscope.duckdb", data)
    with run_server(data, tmp_path / "log") as endpoints:
        url = f"http://{endpoints.web}"
        result = stepscope("backup", tmp_path / "copy", "--server", url)
        assert (result.code, result.err) == (0, "")
        assert "stepscope.duckdb.backup" not in names(data)
        refused = stepscope("restore", tmp_path / "copy", "--data", data)
        assert (refused.code, f"in use by process {endpoints.pid}" in refused.err) == (4, True)
        # a page of another origin can send no application/json
        simple = urllib.request.Request(f"{url}/api/admin/backup", b"{}", method="POST")
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(simple, timeout=10)
        assert caught.value.code == 415
        caught.value.close()
    assert stepscope("restore", tmp_path / "copy", "--data", data).code == 0
    assert [name.partition("-")[0] for name in names(data)] == [
        "stepscope.duckdb", "stepscope.duckdb.replaced", "stepscope.duckdb.replaced",
    ]  # fmt: skip


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def newer(path):
    with duckdb.connect(path) as connection:
        connection.execute("insert into stored.schema_version values (9999, 'x', now())")


def empty(path):
    path.unlink()
    duckdb.connect(path).close()


@pytest.mark.parametrize(
    ("spoil", "code", "said"),
    [
        (flip, 6, "is damaged"),
        (newer, 5, "has schema version 9999"),
        (empty, 7, "holds no history"),
        (lambda path: path.write_bytes(b"text " * 9000), 6, "cannot be opened as a database"),
        (lambda path: path.unlink(), 7, "there is no backup at"),
    ],
)
def test_a_source_that_is_not_whole_changes_nothing(backup, stored, tmp_path, spoil, code, said):
    """issue #4: restore verifies, and refuses a newer schema."""
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(stored / "stepscope.duckdb", data)
    before = (data / "stepscope.duckdb").read_bytes()
    spoil(backup)
    result = stepscope("restore", backup, "--data", data)
    assert (result.code, result.out, said in result.err) == (code, "", True)
    assert names(data) == ["stepscope.duckdb"]
    assert (data / "stepscope.duckdb").read_bytes() == before


def test_the_commands_of_the_guide_work(stored, tmp_path):
    """ours: documents are true."""
    page = (Path(__file__).parents[3] / "docs/durability.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.M | re.S)
    commands = "".join(blocks).replace("/backups", str(tmp_path)).splitlines()
    assert len(commands) == 3
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(stored / "stepscope.duckdb", data)
    for command in commands:
        result = stepscope(*command.split()[1:], "--data", data)
        assert result.code == 0, result.err


def test_the_database_is_no_backup_of_itself(stored):
    """ours: the remedy is said."""
    result = stepscope("restore", stored / "stepscope.duckdb", "--data", stored)
    assert (result.code, "is the database itself" in result.err) == (2, True)

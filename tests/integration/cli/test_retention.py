"""`stepscope prune` and `stepscope delete`, as the commands they are."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from stepscope_collector.cli.server import run_server
from tests.integration.cli import history
from tests.integration.cli.conftest import stepscope

PAGE = Path(__file__).parents[3] / "docs" / "retention.md"


@pytest.fixture
def data(stored, tmp_path):
    """A data directory of its own with the history."""
    return shutil.copytree(stored, tmp_path / "data", ignore=shutil.ignore_patterns("log"))


def ids(data):
    result = stepscope(
        "sql", "select execution_id from executions order by 1", "--data", data, "--format", "csv"
    )
    assert result.code == 0, result.err
    return result.out.split()[1:]


def test_an_execution_is_deleted_with_and_without_a_server(data, tmp_path):
    """R017: deleteExecution(id) removes run and steps; also while a server runs."""
    first, second, *others = ids(data)
    aside = data / "stepscope.duckdb.damaged-20260101T000000Z"
    aside.write_bytes(b"")
    done = stepscope("delete", first, "--data", data)
    assert done.code == 0, done.err
    assert re.match(rf"deleted {first}: \d+ spans, ", done.out)
    assert done.err == f"these files of the data directory may still hold it: {aside.name}\n"
    with run_server(data, tmp_path / "log") as server:
        done = stepscope("delete", second, "--data", data, "--format", "json")
        assert json.loads(done.out)[0]["executions"] == 1
        assert ids(data) == others
        again = stepscope("delete", second, "--data", data)
        assert (again.code, again.err.splitlines()[0]) == (
            7, f"stepscope: there is no execution '{second}'",
        )  # fmt: skip
        history.send_spans(server.otlp_http, history.spans())
        assert ids(data) == others
    assert ids(data) == others


def test_a_prune_does_what_its_dry_run_says(data):
    """R019: `--dry-run` shows counts and bytes by rule and removes nothing."""
    before = ids(data)
    config = data / "own.toml"
    config.write_text('[retention]\nmax_age_s = "1d"\n')
    told = stepscope("prune", "--dry-run", "--data", data, "--config", config)
    assert told.code == 0, told.err
    assert re.match(r"max_age_s: \d+ executions, about .*\nnothing was removed", told.out)
    assert ids(data) == before
    planned = json.loads(
        stepscope("prune", "--dry-run", "--data", data, "--config", config, "--format", "json").out
    )
    done = stepscope("prune", "--data", data, "--config", config, "--format", "json")
    assert json.loads(done.out)["erased"]["executions"] == planned["rules"][0]["executions"] > 0
    assert len(ids(data)) == len(before) - planned["rules"][0]["executions"]


def test_slips_are_told(data):
    """R113: what was wrong, the value, the remedy."""
    for arguments, message in (
        (("prune", "--max-age", "soon"), "max_age is 'soon', not a duration such as 30s"),
        (("prune", "--max-count", "0"), "max_count=0 must be above 0"),
        (("prune", "--max-bytes", "1XB"), "max_bytes has the unknown unit 'XB'"),
        (("delete", "nobody"), "there is no execution 'nobody'"),
    ):
        result = stepscope(*arguments, "--data", data)
        assert message in result.err, result.err
        assert result.code in {2, 7}
    wrong = stepscope("config", "--data", data, STEPSCOPE_RETENTION_RULES="workflow=x ages=1")
    assert (
        "holds 'ages=1'; write workflow, status, max_age, max_count, payload_max_age" in wrong.err
    )


def test_the_page_shows_what_works(data):
    """ours: commands and settings in documents are run by tests."""
    text = PAGE.read_text(encoding="utf-8")
    config = data / "own.toml"
    config.write_text("".join(re.findall(r"```toml\n(.*?)```", text, re.DOTALL)))
    (execution_id, *_) = ids(data)
    commands = re.findall(r"^stepscope (.*)$", text, re.MULTILINE)
    assert len(commands) >= 4
    for number, command in enumerate(commands):
        words = [
            word.replace("EXECUTION_ID", execution_id).replace("ID…", execution_id)
            for word in shlex.split(command)
        ]
        own = shutil.copytree(data, data.with_name(str(number)))
        result = stepscope(*words, "--data", own, "--config", config)
        assert result.code == (7 if "--user" in words else 0), (command, result.err)

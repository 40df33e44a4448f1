"""`stepscope prune` and `stepscope delete`, as the commands they are."""

import json
import re
import shlex
import shutil
from pathlib import Path

import duckdb
import httpx
import pytest

from stepscope_collector.cli.server import run_server
from stepscope_collector.tee import Record
from stepscope_collector.tee.record import packed
from tests.integration.cli import history
from tests.integration.cli.conftest import stepscope
from tests.integration.collector.process import Collector
from tests.strategies.workflows import execution, request

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
    """R017, R046: deleteExecution(id) removes run and steps; also while a server runs."""
    first, second, *others = ids(data)
    aside = data / "stepscope.duckdb.damaged-20260101T000000Z"
    aside.write_bytes(b"")
    done = stepscope("delete", first, "--data", data)
    assert done.code == 0, done.err
    assert re.match(rf"deleted {first}: \d+ spans, ", done.out)
    assert done.err == (
        "its bytes leave the database file with the next compaction: stepscope compact, or delete with --now\n"
        f"these files of the data directory may still hold it: {aside.name}\n"
    )
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


def test_a_workflow_is_deleted_and_no_byte_is_left(data):
    """R017, R045, R046: all executions of a workflow; with --now nothing is left in the file, nor in the queue."""
    rows = stepscope(
        "sql", "select workflow_id, min(execution_id) from executions group by 1 order by 1 limit 1",
        "--data", data, "--format", "csv",
    ).out.split()  # fmt: skip
    workflow, execution_id = rows[1].split(",")
    queue = data / "tee" / "00000000000000000001.requests"
    queue.parent.mkdir()
    sent = request([execution(workflow, execution_id, trace="t")]).SerializeToString()
    queue.write_bytes(b"".join(packed(Record("traces", "protobuf", sent, 1), 1)))
    done = stepscope("delete", "--workflow", workflow, "--now", "--data", data)
    assert (done.code, done.err) == (0, ""), done.err
    assert re.match(rf"deleted [1-9]\d* executions of {workflow}: ", done.out)
    assert execution_id not in ids(data)
    left = [path for path in data.rglob("*") if path.is_file()]
    assert not any(execution_id.encode() in path.read_bytes() for path in left)
    again = stepscope("delete", "--workflow", workflow, "--data", data)
    assert (again.code, again.err.splitlines()[0]) == (
        7, f"stepscope: no execution of workflow '{workflow}'",
    )  # fmt: skip


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


def test_parameters_in_the_body_of_a_prune_are_refused(data):
    """ours: limits that stand where nobody reads them must not look as if they had been heeded."""
    before = ids(data)
    with (
        Collector(data) as collector,
        httpx.Client(base_url=f"http://{collector.endpoints.web}") as client,
    ):
        refused = client.post("/api/admin/prune", json={"max_age": "1d"})
        assert refused.status_code == 400
        message = refused.json()["error"]["message"]
        assert message == '/api/admin/prune takes no body: {"max_age":"1d"}'
        assert client.post("/api/admin/prune?max_age=9999d", json={}).status_code == 200
    assert ids(data) == before


def test_r107_the_doctor_tells_schema_versions_policies_rows_and_disk(data, tmp_path):
    """R107: what a server holds, and which policy is in force there."""
    flags = {"retention_max_age_s": "30d", "retention_rules": "workflow=etl max_count=5"}
    with Collector(data, **flags):
        report = json.loads(stepscope("doctor", "--data", data, "--format", "json").out)
        text = stepscope("doctor", "--data", data).out
    store = report["store"]
    assert (store["executions"], store["log_records"]) == (4, 3)
    assert store["schema_version"] >= 1
    assert store["duckdb_version"].startswith("v")
    assert store["database_bytes"] > 0
    policy = report["retention"]
    assert (policy["max_age_s"], policy["max_bytes"]) == (30 * 86400, 20_000_000_000)
    assert policy["rule_1"] == "workflow=etl max_count=5"
    assert policy["complaint"] is None
    assert "workflow=etl max_count=5" in text


def test_r095_a_selection_is_previewed_archived_and_removed_and_stays_queryable(data, tmp_path):
    """R095: select, see count and bytes, move to a file of its own, which can still be asked."""
    before = set(ids(data))
    preview = stepscope("prune", "--dry-run", "--max-age", "1d", "--data", data, "--format", "json")
    (rule,) = json.loads(preview.out)["rules"]
    assert rule["executions"] == len(before)
    assert rule["bytes"] > 0
    archive, parquet = tmp_path / "etl.zip", tmp_path / "etl.parquet"
    chosen = ("-f", 'workflow = "etl"', "--data", data)
    assert stepscope("export", *chosen, "-o", archive).code == 0
    table = ("--table", "executions", "-o", parquet)
    assert stepscope("export", *chosen, *table).code == 0
    done = stepscope("delete", "--workflow", "etl", "--data", data)
    assert done.out.startswith("deleted 2 executions of etl: 4 spans, "), done.err
    again = stepscope("delete", "--workflow", "etl", "--data", data)
    assert (again.code, again.out) == (7, "")
    left = set(ids(data))
    gone = before - left
    assert gone == {"exec-b2-failed", "exec-d4-bare"}
    asked = duckdb.sql(f"select execution_id from '{parquet}'").fetchall()
    assert {execution_id for (execution_id,) in asked} == gone
    assert stepscope("import", archive, "--data", tmp_path / "archive").code == 0
    assert set(ids(tmp_path / "archive")) == gone
    step = stepscope("show", "exec-b2-failed", "--data", tmp_path / "archive")
    assert "bad row" in step.out


def test_r039_the_directory_copied_elsewhere_is_the_whole_history(data, tmp_path):
    """R039, R040: one file, nothing beside it, no network: copied, it answers the same."""
    assert [each.name for each in data.iterdir() if each.name.startswith("stepscope.duckdb")] == [
        "stepscope.duckdb"
    ]
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(data / "stepscope.duckdb", tmp_path / "elsewhere")
    for arguments in (("executions",), ("show", "exec-b2-failed"), ("logs", "exec-a1-ok")):
        here = stepscope(*arguments, "--data", data, "--format", "json")
        there = stepscope(*arguments, "--data", tmp_path / "elsewhere", "--format", "json")
        assert here.code == there.code == 0
        assert here.out == there.out != ""


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

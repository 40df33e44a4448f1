"""Saved queries on the command line, over REST and as tools, with and without a server."""

import json
import shutil
from pathlib import Path

import httpx
import pytest

from stepscope_collector.cli.server import run_server
from tests.integration.cli.conftest import stepscope
from tests.integration.mcp.conftest import ToolError, command, talk

pytestmark = pytest.mark.e2e

BY_STATUS = "select execution_id from executions where status = $status and duration_ns >= $least order by 1"


@pytest.fixture
def data(stored: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "data"
    shutil.copytree(stored, copy)
    return copy


@pytest.mark.timeout(120)
def test_a_saved_query_is_asked_by_its_name_everywhere(data: Path, tmp_path: Path) -> None:
    """issue #7: saved queries, reusable as endpoint and MCP tool, parameters bound."""
    at = ("--data", data)
    saved = stepscope(
        "query", "save", "by_status", BY_STATUS, "--description", "Executions of a status", *at
    )
    assert (saved.code, saved.err) == (0, "")
    run = ("query", "run", "by_status", "-p", "status=failed", "-p", "least=200000000")
    by_file = stepscope(*run, "--format", "csv", *at)
    assert by_file.out == "execution_id\nexec-b2-failed\n"
    with run_server(data, tmp_path / "log") as endpoints:
        assert stepscope(*run, "--format", "csv", *at).out == by_file.out
        table = stepscope("query", "list", *at).out
        assert "least, status" in table
        with httpx.Client(base_url=f"http://{endpoints.web}") as client:
            found = client.get("/api/queries/by_status", params={"status": "failed", "least": 0})
            assert found.json()["rows"] == [["exec-b2-failed"], ["exec-d4-bare"]]
            assert client.get("/api/queries").json()["queries"][0]["params"] == ["least", "status"]
            for query, says in (
                ("status=failed", "needs least"),
                ("status=failed&least=1&leest=2", "unknown parameter 'leest'"),
                ("status=failed&status=x&least=1", "status is given twice"),
            ):
                refused = client.get(f"/api/queries/by_status?{query}")
                assert refused.status_code == 400
                assert says in refused.json()["error"]["message"]
            missing = client.get("/api/queries/by_statos")
            assert missing.status_code == 404
            assert missing.json()["error"]["hint"] == "did you mean 'by_status'?"
            injected = {"status": "x' or 1=1 --", "least": 0}
            assert client.get("/api/queries/by_status", params=injected).json()["rows"] == []
        call = ("query_by_status", {"status": "failed", "least": 0})
        (answer,) = talk(f"http://{endpoints.web}/mcp", call)
        assert answer["rows"] == [["exec-b2-failed"], ["exec-d4-bare"]]
        assert talk(command(*at), call)[0]["rows"] == answer["rows"]
        with pytest.raises(ToolError, match="argument least is missing"):
            talk(command(*at), ("query_by_status", {"status": "failed"}))
    # kept across restarts, replaced and deleted without a server
    assert stepscope("query", "save", "by_status", "select 1 as one", *at).code == 0
    assert stepscope(
        "query", "run", "by_status", "--format", "json", *at
    ).out == '[{"one": 1}]\n' or (
        json.loads(stepscope("query", "run", "by_status", "--format", "json", *at).out)
        == [{"one": 1}]
    )
    assert stepscope("query", "delete", "by_status", *at).code == 0
    assert stepscope("query", "run", "by_status", *at).code == 7


@pytest.mark.parametrize(
    ("name", "statement", "says"),
    [
        ("a", "delete from stored.spans", "DELETE statements are not allowed"),
        ("a", "select nothing from executions", 'column "nothing" not found'),
        ("a", "select 1; select 2", "2 statements, limit 1"),
        ("a", "select ?", "parameters of a saved query have names"),
        ("a", "explain select 1", "EXPLAIN cannot be saved"),
        ("A b", "select 1", "'A b' cannot name a query"),
    ],
)
def test_what_cannot_be_asked_is_not_saved(
    data: Path, name: str, statement: str, says: str
) -> None:
    """issue #7: saved queries go through the guard when they are saved, and when they are asked."""
    refused = stepscope("query", "save", name, statement, "--data", data)
    assert refused.code == 2
    assert says.lower() in refused.err.lower()
    assert stepscope("query", "list", "--data", data, "--format", "json").out.strip() == "[]"

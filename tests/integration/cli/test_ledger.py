"""Rows of the ledger about what people see: the same history on the command line, over REST, as MCP tools."""

import json
import subprocess
import sys

import httpx
import pytest

from stepscope_collector.cli.server import run_server
from tests.integration.cli.conftest import stepscope
from tests.integration.collector.process import Collector
from tests.integration.mcp.conftest import ToolError, talk
from tests.strategies.workflows import execution, request, step

pytestmark = pytest.mark.e2e


def post(endpoints, *sent):
    answer = httpx.post(
        f"http://{endpoints.otlp_http}/v1/traces", content=request(sent).SerializeToString(),
        headers={"content-type": "application/x-protobuf"}, timeout=30,
    )  # fmt: skip
    assert answer.status_code == 200


def test_r062_r098_r099_program_user_and_output_are_shown_and_found(tmp_path):
    """R062: exit code and program; R098: the user; R099: the output of the whole, apart from that of its last step."""
    told = {
        "process.exit.code": 3, "process.executable.path": "/opt/etl", "enduser.id": "zoë",
        "stepscope.output": '"of the whole"',
    }  # fmt: skip
    with run_server(tmp_path, tmp_path / "log") as endpoints:
        post(
            endpoints,
            execution("etl", "mine", outcome="failure", end=9, attributes=told),
            step("last", "mine", start=1, end=8, parent="etl", attributes={"stepscope.output": '"of a step"'}),
            execution("etl", "other", end=9, trace="o", attributes={"enduser.id": "bob", "process.exit.code": 0}),
        )  # fmt: skip
        data = ("--data", tmp_path)
        listed = stepscope("executions", "--user", "zoë", "--columns", "user,exit_code", *data).out
        assert [line.split() for line in listed.splitlines()[1:]] == [["mine", "zoë", "3"]]
        found = stepscope("executions", "-f", "exit_code<>0", "--format", "json", *data).out
        assert [row["execution_id"] for row in json.loads(found)] == ["mine"]
        program = "attributes.process.executable.path = '/opt/etl'"
        found = stepscope("executions", "-f", program, "--format", "json", *data).out
        assert [row["execution_id"] for row in json.loads(found)] == ["mine"]
        shown = stepscope("show", "mine", *data).out
        with httpx.Client(base_url=f"http://{endpoints.web}") as web:
            whole = web.get("/api/executions/mine?include=payloads,steps").json()
            page = web.get("/api/executions/mine/export?format=html").text
    assert "user          zoë" in shown
    assert "exit code     3" in shown
    assert "program       /opt/etl" in shown
    assert whole["program"] == "/opt/etl"
    assert "<dt>program</dt><dd>/opt/etl</dd>" in page
    assert '\nOutput\n  "of the whole"\n' in shown
    assert '\nStep last: output\n  "of a step"\n' in shown
    step_span = whole["steps"][0]["span_id"]
    bodies = {row["body"]: row["span_id"] == step_span for row in whole["payloads"]}
    assert bodies == {'"of the whole"': False, '"of a step"': True}
    assert "<dt>user</dt><dd>zoë</dd>" in page
    assert "<dt>exit code</dt><dd>3</dd>" in page


def test_r066_colours_of_a_program_are_left_out_and_its_streams_are_told(tmp_path):
    """R066: lines of both streams in one order; sequences of the terminal stripped, none is carried out."""
    script = (
        r"printf '\033[1;31mred\033[0m plain\n\033]0;title\007x\033[2K\n'; printf 'odd \033\n' >&2"
    )
    with run_server(tmp_path / "data", tmp_path / "log") as endpoints:
        done = subprocess.run(
            [sys.executable, "-m", "stepscope._exec", "--name", "etl", "--", "sh", "-c", script],
            env={"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{endpoints.otlp_grpc}", "PATH": "/bin:/usr/bin"},
            capture_output=True, timeout=40, check=True,
        )  # fmt: skip
        assert done.stdout == b"\x1b[1;31mred\x1b[0m plain\n\x1b]0;title\x07x\x1b[2K\n"
        data = ("--data", tmp_path / "data")
        ((row),) = json.loads(stepscope("executions", "--format", "json", *data).out)
        told = stepscope("logs", row["execution_id"], *data).out
        stored = json.loads(stepscope("logs", row["execution_id"], "--format", "json", *data).out)
        page = stepscope("export", row["execution_id"], "--format", "html", *data).out
    lines = sorted(line.partition("INFO  ")[2] for line in told.splitlines())
    assert lines == ["red plain", r"stderr: odd \x1b", "x"]
    assert "<td>process.output red plain</td>" in page
    assert r'<span class="note">stderr</span> odd \u001b</td>' in page
    assert "\x1b[1;31mred\x1b[0m plain" in {line["body"] for line in stored}


def test_r046_the_four_calls_of_001_mean_the_same_on_every_face(tmp_path):
    """R046: history, details, delete, clear: over REST, as commands and as tools; errors name the id."""
    with Collector(tmp_path / "data", mcp_allow_delete="true") as collector:
        collector.may_mention = " deleted "
        names = [f"{face}-{what}" for face in ("rest", "cli", "mcp") for what in "abc"]
        for number, name in enumerate(names):
            post(
                collector.endpoints,
                execution(name.partition("-")[0], name, start=number, end=50, trace=name),
            )
        data = ("--data", collector.data)
        url = f"http://{collector.endpoints.web}"
        tools = f"{url}/mcp"
        with httpx.Client(base_url=url, timeout=30) as web:
            history = {
                "rest": [row["id"] for row in web.get("/api/executions?workflowId=rest").json()],
                "cli": [
                    row["execution_id"]
                    for row in json.loads(
                        stepscope("executions", "--workflow", "cli", "--format", "json", *data).out
                    )
                ],
                "mcp": [
                    row["handle_id"]
                    for row in talk(tools, ("list_execution_history", {"workflow_id": "mcp"}))[0]["executions"]
                ],
            }  # fmt: skip
            assert history == {
                face: [f"{face}-{what}" for what in "cba"] for face in ("rest", "cli", "mcp")
            }
            assert web.get("/api/compat/001/executions/rest-a").json()["status"] == "success"
            assert "status        success" in stepscope("show", "cli-a", *data).out
            assert talk(tools, ("get_status", {"handle_id": "mcp-a"}))[0]["status"] == "success"
            assert web.delete("/api/compat/001/executions/rest-a").json() == {"success": True}
            assert stepscope("delete", "cli-a", *data).code == 0
            talk(tools, ("delete_execution", {"handle_id": "mcp-a"}))
            assert (
                web.get("/api/compat/001/executions/rest-a").json()["error"]["code"] == "not_found"
            )
            assert "there is no execution 'cli-a'" in stepscope("delete", "cli-a", *data).err
            with pytest.raises(ToolError, match="mcp-a"):
                talk(tools, ("get_status", {"handle_id": "mcp-a"}))
            cleared = web.delete("/api/compat/001/workflows/rest/executions").json()
            assert cleared == {"success": True, "deleted": 2}
            assert stepscope("delete", "--workflow", "cli", *data).out.startswith("deleted 2 ")
            talk(tools, ("clear_workflow", {"workflow_id": "mcp"}))
            assert web.get("/api/executions").json()["executions"] == []


def test_r038_histories_of_two_collectors_go_into_one(tmp_path):
    """R038: bundles of two, taken in by a third: every execution once; the id of its trace finds it."""
    both: dict[str, str] = {}
    for name in ("a", "b"):
        with run_server(tmp_path / name, tmp_path / f"{name}.log") as endpoints:
            for number in range(3):
                own = f"{name}{number}"
                post(endpoints, execution("etl", own, start=number, trace=own))
            with httpx.Client(base_url=f"http://{endpoints.web}") as web:
                rows = web.get("/api/executions").json()["executions"]
                bundle = web.get("/api/export?format=bundle").content
        (tmp_path / f"{name}.zip").write_bytes(bundle)
        both |= {row["execution_id"]: row["trace_id"] for row in rows}
    assert len(both) == 6
    with run_server(tmp_path / "c", tmp_path / "c.log") as endpoints:
        bundles = [tmp_path / f"{name}.zip" for name in ("a", "b")]
        assert stepscope("import", *bundles, "--data", tmp_path / "c").code == 0
        with httpx.Client(base_url=f"http://{endpoints.web}") as web:
            rows = web.get("/api/executions").json()["executions"]
            found = web.get(f"/api/executions/{both['b1']}").json()
    assert {row["execution_id"]: row["trace_id"] for row in rows} == both
    assert len(rows) == 6
    assert found["execution"]["execution_id"] == "b1"

"""The graph of one execution over REST, of a history and of a program instrumented in three lines."""

import subprocess
import sys
import textwrap
import xml.etree.ElementTree as ET
from pathlib import Path

import httpx
import pytest

from stepscope_collector.cli.server import run_server, wait_for


@pytest.mark.parametrize("number", range(12))
def test_every_step_is_a_node_with_what_went_in_and_out(client: httpx.Client, number: int) -> None:
    """R030: the graph as JSON; the document is about these answers."""
    path = f"/api/executions/whole-{number}"
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    steps = client.get(path, params={"include": "steps"}).json()["steps"]
    whole = client.get(f"{path}/graph", params={"max_chars": 100}).json()
    top, *nodes = whole["nodes"]
    assert (top["node"], top["above"], top["name"]) == (0, None, f"w{number % 2}")
    assert {node["step_id"]: node["status"] for node in nodes} == {
        step["step_id"]: step["status"] for step in steps
    }
    assert all(set(node) == set(schemas["GraphNode"]["properties"]) for node in whole["nodes"])
    assert all(set(edge) == set(schemas["GraphEdge"]["properties"]) for edge in whole["edges"])
    assert {edge["target"] for edge in whole["edges"]} == {node["node"] for node in nodes}
    told = {}
    kinds = {"kind": "input,output", "max_chars": 100}
    for row in client.get(f"{path}/payloads", params=kinds).json()["payloads"]:
        told.setdefault(row["step_id"], []).append((row["kind"], row["span_id"], row["body"]))
    shown = {
        node["step_id"]: [(p["kind"], p["span_id"], p["body"]) for p in node["payloads"]]
        for node in whole["nodes"]
        if node["payloads"]
    }
    assert shown == told


def test_a_picture_may_be_embedded_and_does_nothing(client: httpx.Client) -> None:
    """R030: image/svg+xml, shown where it is opened, under a policy that forbids all but its style."""
    answer = client.get("/api/executions/whole-1/graph?format=svg")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["content-disposition"].startswith("inline")
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert ET.fromstring(answer.content).tag == "{http://www.w3.org/2000/svg}svg"


def test_slips_about_graphs_are_told(client: httpx.Client) -> None:
    """R030: unknown execution, form and size."""
    assert client.get("/api/executions/nobody/graph").status_code == 404
    assert (
        client.get("/api/executions/nobody/graph?format=svg").json()["error"]["code"] == "not_found"
    )
    assert client.get("/api/executions/whole-1/graph?format=png").status_code == 400
    for wrong in (-1, 100_001):
        answer = client.get(f"/api/executions/whole-1/graph?max_chars={wrong}")
        assert answer.status_code == 400
        assert answer.json()["error"]["hint"] == "0 to 100000"


PROGRAM = """
    {import_}
    {configure}

    def price(items):
        return sum(items.values())

    def charge(total):
        raise ValueError(f"{{total}} is over the limit")

    {workflow}
    def checkout(items):
        {price}
        {charge}

    try:
        checkout({{"tea": 4, "cup": 9}})
    except ValueError as error:
        print(error)
"""


@pytest.mark.e2e
def test_three_lines_in_a_program_give_a_graph_coloured_by_status(tmp_path: Path) -> None:
    """R030: import, configure, decorate; each step is then a node with its input, output and colour."""
    program = tmp_path / "shop.py"
    program.write_text(
        textwrap.dedent(PROGRAM).format(
            import_="import stepscope", configure="stepscope.configure()", workflow="@stepscope.workflow",
            price="total = stepscope.step(price)(items)", charge="stepscope.step(charge)(total)",
        )
    )  # fmt: skip
    with run_server(tmp_path / "data", tmp_path / "log") as endpoints:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{endpoints.otlp_grpc}", "PATH": ""}
        done = subprocess.run(
            [sys.executable, program], env=environ, capture_output=True, text=True, timeout=40, check=True
        )  # fmt: skip
        assert (done.stdout, done.stderr) == ("13 is over the limit\n", "")
        with httpx.Client(base_url=f"http://{endpoints.web}", timeout=30) as web:

            def ended() -> str | None:
                rows = web.get("/api/executions?status=failed").json()["executions"]
                return rows[0]["execution_id"] if rows else None

            execution_id = wait_for(ended, 30)
            whole = web.get(f"/api/executions/{execution_id}/graph?max_chars=100").json()
            picture = web.get(f"/api/executions/{execution_id}/graph?format=svg&max_chars=100")
    told = [
        (n["name"], n["status"], n["error_type"], [p["body"] for p in n["payloads"]])
        for n in whole["nodes"]
    ]
    assert told == [
        ("checkout", "failed", "ValueError", ['{"items":{"tea":4,"cup":9}}']),
        ("price", "success", None, ['{"items":{"tea":4,"cup":9}}', "13"]),
        ("charge", "failed", "ValueError", ['{"total":13}']),
    ]
    assert [(e["source"], e["target"], e["kind"]) for e in whole["edges"]] == [
        (0, 1, "into"), (1, 2, "then"),
    ]  # fmt: skip
    groups = ET.fromstring(picture.content).findall("{http://www.w3.org/2000/svg}g")
    assert [group.get("class") for group in groups] == [
        "node failed",
        "node success",
        "node failed",
    ]

"""/mcp on the web port of a running collector."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import httpx2
import mcp
import pytest
from mcp.client.streamable_http import streamable_http_client

from stepscope_collector.access.tokens import create_token
from tests.integration.collector.process import Collector
from tests.integration.mcp.conftest import command, talk, text_of

pytestmark = pytest.mark.e2e

CALLS = (
    ("list_execution_history", {}),
    ("get_status", {"handle_id": "etl-bad"}),
    ("get_logs", {"handle_id": "etl-ok", "limit": 3}),
    ("get_execution", {"execution_id": "etl-ok"}),
    ("explain_failure", {"workflow": "etl"}),
    ("run_sql", {"sql": "select execution_id from executions order by 1"}),
)
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
ACCEPT = {"accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module")
def collector(stored: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    data = tmp_path_factory.mktemp("mcp-http") / "data"
    shutil.copytree(stored, data)
    with Collector(data) as running:
        yield running


def url_of(collector: Collector) -> str:
    return f"http://{collector.endpoints.web}/mcp"


def answers(found: list[Any]) -> list[Any]:
    """Without the time a statement took."""
    return [{key: value for key, value in one.items() if key != "elapsed_ms"} for one in found]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_http_answers_as_stdio_does(collector: Collector, stored: Path, mode: str) -> None:
    """issue #7: streamable HTTP and stdio, driven by the SDK's own client; R080."""
    over_http = talk(url_of(collector), *CALLS, mode=mode)
    assert answers(over_http) == answers(talk(command("--data", stored), *CALLS))


def test_many_calls_at_once_are_answered(collector: Collector) -> None:
    """ours: a tool waits for the read API of its own process, which must not wait for the tool."""

    async def run() -> list[str]:
        async with mcp.Client(url_of(collector)) as client:
            calls = [
                client.call_tool("run_sql", {"sql": f"select {n}, count(*) from range(100000)"})
                for n in range(60)
            ]
            return [text_of(result) for result in await asyncio.gather(*calls)]

    rows = [json.loads(text)["rows"] for text in anyio.run(run)]
    assert rows == [[[n, 100_000]] for n in range(60)]


def test_the_check_of_hosts_holds_and_so_does_that_of_origins(collector: Collector) -> None:
    """issue #7: Host check as the web port; MCP: servers must validate Origin."""
    with httpx.Client(base_url=f"http://{collector.endpoints.web}") as client:

        def post(**headers: str) -> httpx.Response:
            return client.post("/mcp", json=PING, headers={**ACCEPT, **headers})

        assert post().status_code == 200
        assert post(host="evil.example").status_code == 421
        refused = post(origin="https://evil.example")
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "permission_denied")
        assert post(origin="http://localhost:6274").status_code == 200
        assert client.get("/mcp", headers=ACCEPT).status_code == 405
        assert client.delete("/mcp").status_code == 405
        large = client.post("/mcp", content=b" " * 2_000_000, headers={"content-type": "application/json"})  # fmt: skip
        assert large.status_code == 413


def test_the_tokens_of_the_read_api_let_in(stored: Path, tmp_path: Path) -> None:
    """issue #7: the same tokens as REST."""
    data = tmp_path / "data"
    shutil.copytree(stored, data)
    reader = create_token(data / "tokens.json", "assistant", ("read",))
    sender = create_token(data / "tokens.json", "sender", ("ingest",))
    with Collector(data) as running:
        url = url_of(running)
        with httpx.Client(headers=ACCEPT) as client:
            assert client.post(url, json=PING).status_code == 401
            denied = client.post(url, json=PING, headers={"authorization": f"Bearer {sender}"})
            assert denied.status_code == 403

        async def run() -> str:
            headers = {"authorization": f"Bearer {reader}"}
            async with (
                httpx2.AsyncClient(headers=headers) as http,
                mcp.Client(streamable_http_client(url, http_client=http)) as client,
            ):
                return text_of(await client.call_tool("get_status", {"handle_id": "etl-bad"}))

        assert json.loads(anyio.run(run))["status"] == "failed"
        # a command of the owner of the data directory needs no token of its own
        (found,) = talk(command("--data", data), ("get_status", {"handle_id": "etl-bad"}))
        assert found["status"] == "failed"


def test_r046_deleting_is_a_tool_only_where_it_is_switched_on(stored: Path, tmp_path: Path) -> None:
    """R046: delete and clear-workflow over MCP answer {success: true}; off by default, admin over HTTP."""
    data = tmp_path / "data"
    shutil.copytree(stored, data)
    reader = create_token(data / "tokens.json", "assistant", ("read",))
    admin = create_token(data / "tokens.json", "keeper", ("admin",))
    gone = {"handle_id": "etl-bad"}
    with Collector(data, mcp_allow_delete="true") as running:
        url = url_of(running)

        async def run(token: str, name: str, given: dict[str, Any]) -> Any:
            async with (
                httpx2.AsyncClient(headers={"authorization": f"Bearer {token}"}) as http,
                mcp.Client(streamable_http_client(url, http_client=http)) as client,
            ):
                tools = {tool.name: tool for tool in (await client.list_tools()).tools}
                assert tools["delete_execution"].annotations.destructive_hint is True
                assert tools["delete_execution"].annotations.read_only_hint is False
                return await client.call_tool(name, given)

        denied = anyio.run(run, reader, "delete_execution", gone)
        assert denied.is_error
        assert "assistant has the scope read; this needs admin" in denied.content[0].text
        assert text_of(anyio.run(run, reader, "get_status", gone))
        answer = json.loads(text_of(anyio.run(run, admin, "delete_execution", gone)))
        assert answer == {"success": True, "handle_id": "etl-bad"}
        again = anyio.run(run, admin, "delete_execution", gone)
        assert again.is_error
        assert "not_found: " in again.content[0].text
    (rows,) = talk(command("--data", data), ("list_execution_history", {"workflow_id": "etl"}))
    assert len(rows["executions"]) == 3


def test_r046_deleting_works_without_a_server(stored: Path, tmp_path: Path) -> None:
    """R046: the same over stdio, on the file itself; the setting is that of `stepscope mcp`."""
    data = tmp_path / "data"
    shutil.copytree(stored, data)
    settings = tmp_path / "stepscope.toml"
    settings.write_text("[mcp]\nallow_delete = true\n")
    cleared, nothing, left = talk(
        command("--data", data, "--config", settings),
        ("clear_workflow", {"workflow_id": "etl"}),
        ("clear_workflow", {"workflow_id": "etl"}),
        ("list_execution_history", {"workflow_id": "etl"}),
    )
    assert cleared == {"success": True, "deleted": 4, "workflow_id": "etl"}
    assert nothing == {"success": True, "deleted": 0, "workflow_id": "etl"}
    assert left["executions"] == []

"""The tools, asked with the SDK's own client."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import mcp
import pytest

from stepscope_collector.cli.client import Client
from stepscope_collector.cli.local import FileTransport
from stepscope_collector.cli.server import run_server
from stepscope_collector.config import McpConfig, Settings
from stepscope_collector.config.tree import DataConfig
from stepscope_collector.present.mcp.server import mcp_server
from tests.integration.cli import history

Ask = Callable[..., Any]


class ToolError(Exception):
    """What a tool said instead of an answer."""


def text_of(result: Any) -> str:
    """The only text of a result; ToolError when it is an error."""
    (content,) = result.content
    if result.is_error:
        raise ToolError(content.text)
    return content.text


def command(*arguments: str | Path) -> mcp.StdioServerParameters:
    """`stepscope mcp`, started by the client in a place without settings."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("STEPSCOPE_")}
    return mcp.StdioServerParameters(
        command=sys.executable,
        args=["-m", "stepscope_collector", "mcp", *map(str, arguments)],
        env={**clean, "XDG_CONFIG_HOME": "/nonexistent"},
    )


def talk(server: Any, *calls: tuple[str, dict[str, Any]], mode: str = "auto") -> list[Any]:
    """The answers of a server to calls of tools in one session."""

    async def run() -> list[Any]:
        with anyio.fail_after(50):
            async with mcp.Client(server, mode=mode) as client:
                return [await client.call_tool(name, given) for name, given in calls]

    return [json.loads(text_of(result)) for result in anyio.run(run)]


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with the history and no server."""
    data = tmp_path_factory.mktemp("mcp")
    with run_server(data, data.with_name("mcp.log")) as endpoints:
        history.send_spans(endpoints.otlp_http, history.spans())
        history.send_spans(endpoints.otlp_http, more_spans())
        history.send_logs(endpoints.otlp_http, history.logs())
        history.send_logs(
            endpoints.otlp_http,
            [history.log(0xE5, "etl-ok", 2, 3000 + n, f"row {n} " + "ж" * 300) for n in range(300)],
        )
    return data


def more_spans() -> list[dict[str, Any]]:
    """A success of workflow etl before its failures, with other input and another version."""
    return [
        history.execution(
            0xE5, "etl-ok", "etl", 3000, 4000, workflow__version="2",
            stepscope__input='{"day":"2026-02-27","customer":{"id":7,"tier":"gold"}}',
        ),
        history.step(0xE5, "etl-ok", 2, "import", 3000, 3500),
        history.step(0xE5, "etl-ok", 3, "publish", 3500, 4000, stepscope__output='{"n":[1,2,3]}'),
        history.execution(
            0xE6, "etl-bad", "etl", 8000, 9000, workflow__version="3",
            stepscope__input='{"day":"2026-02-28","customer":{"id":8,"tier":"gold"}}',
            error=("ValueError", "bad row"),
        ),
        history.step(
            0xE6, "etl-bad", 2, "import", 8000, 8200, workflow__task__id="i",
            stepscope__step__attempt=1, error=("TimeoutError", "no answer"),
        ),
        history.step(
            0xE6, "etl-bad", 3, "import", 8300, 9000, workflow__task__id="i",
            stepscope__step__attempt=2, error=("ValueError", "bad row"), stack=history.STACK,
            stepscope__input='{"file":"a.csv"}',
        ),
    ]  # fmt: skip


@pytest.fixture(scope="session")
def ask(stored: Path) -> Iterator[Ask]:
    """Calls a tool over the database file, in this process; ToolError."""
    client = Client(FileTransport(Settings(data=DataConfig(stored))))

    class Kept(Client):
        """Stays open between calls."""

        def __init__(self) -> None:
            self.get, self.sql = client.get, client.sql

        def __exit__(self, *_: object) -> None:
            pass

    def call(name: str, /, **given: Any) -> Any:
        return talk(mcp_server(lambda *_: Kept(), McpConfig()), (name, given))[0]

    yield call
    client.close()

"""`stepscope mcp` as a client starts it: a process of its own, on stdin and stdout."""

import shutil
import subprocess
import sys
from pathlib import Path

import anyio
import mcp
import pytest

from stepscope_collector.cli.server import run_server
from tests.integration.cli import history
from tests.integration.mcp.conftest import ToolError, command, talk, text_of

pytestmark = pytest.mark.e2e

STATUS = ("get_status", {"handle_id": "etl-bad"})
LOGS = ("get_logs", {"handle_id": "exec-a1-ok"})
HISTORY = ("list_execution_history", {})


def test_the_command_answers_over_a_file_and_over_a_server_alike(
    stored: Path, tmp_path: Path
) -> None:
    """issue #7: stdio works against a running server and against a file; R080: after a restart, too."""
    data = tmp_path / "data"
    shutil.copytree(stored, data)
    by_file = talk(command("--data", data), HISTORY, STATUS, LOGS)
    assert by_file[1]["status"] == "failed"
    assert [row["log_data"] for row in by_file[2]["logs"]] == ["line 0", "line 1", "line 2"]
    with run_server(data, tmp_path / "log") as endpoints:
        assert talk(command("--data", data), HISTORY, STATUS, LOGS) == by_file
        url = f"http://{endpoints.web}"
        assert talk(command("--server", url), HISTORY, STATUS, LOGS, mode="legacy") == by_file
        again = history.execution(0xF7, "later", "etl", 9000, 9500)
        history.send_spans(endpoints.otlp_http, [again])
    with run_server(data, tmp_path / "log"):
        now = talk(command("--data", data), HISTORY, STATUS, LOGS)
    assert now[0]["executions"][0]["handle_id"] == "later"
    assert now[1:] == by_file[1:]


def test_a_session_outlives_the_collector(stored: Path, tmp_path: Path) -> None:
    """ours: a client's session lasts days; the collector is started and stopped meanwhile."""

    data = tmp_path / "data"
    shutil.copytree(stored, data)

    async def session() -> list[str]:
        said = []
        async with mcp.Client(command("--data", data)) as client:
            said.append(text_of(await client.call_tool(*STATUS)))
            for _ in range(2):  # the file is not held, or the server could not start
                with run_server(data, tmp_path / "log"):
                    said.append(text_of(await client.call_tool(*STATUS)))
            said.append(text_of(await client.call_tool(*STATUS)))
        return said

    assert len(set(anyio.run(session))) == 1


def test_without_a_history_the_error_says_how_to_begin(tmp_path: Path) -> None:
    """issue #7: errors are clear."""
    with pytest.raises(ToolError, match=r"not_found: no history in .*\nhint: start one with"):
        talk(command("--data", tmp_path), STATUS)


def test_without_the_sdk_the_command_names_the_extra(tmp_path: Path) -> None:
    """ours: the SDK comes with an extra."""
    hidden = "import sys; sys.modules['mcp_types'] = None; from stepscope_collector.cli import main; sys.exit(main(['mcp']))"
    done = subprocess.run(
        [sys.executable, "-c", hidden],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 2
    assert "hint: pip install 'stepscope-collector[mcp]'" in done.stderr

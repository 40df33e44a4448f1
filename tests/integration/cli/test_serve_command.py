"""`stepscope serve` as a process: its one line, its end, and why it may not start."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from stepscope_collector.cli.server import run_server, wait_for
from stepscope_collector.cli.source import read_endpoints
from tests.integration.cli import history
from tests.integration.cli.conftest import stepscope

pytestmark = pytest.mark.e2e

PORTS = ["--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0", "--web", "127.0.0.1:0"]


def start(data: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "stepscope_collector", "serve", "--data", str(data), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_line_says_where_and_a_signal_ends_it_in_order(tmp_path, number):
    """issue #2: one line with the addresses when ready; SIGTERM drains and checkpoints."""
    data = tmp_path / "new" / "data"
    with start(data, *PORTS) as server:
        line = server.stdout.readline()
        document = json.loads((data / "endpoints.json").read_text())
        history.send_spans(document["otlp_http"], history.spans())
        server.send_signal(number)
        rest, errors = server.communicate(timeout=40)
    assert (server.returncode, rest, errors) == (0, "", "")
    for name in ("otlp_grpc", "otlp_http", "web"):
        assert document[name].removeprefix("http://") in line
    assert document["pid"] == server.pid
    assert not re.search(r":0\b", line)
    assert sorted(path.name for path in data.iterdir()) == ["stepscope.duckdb"]
    assert data.stat().st_mode & 0o777 == 0o700
    result = stepscope("sql", "select count(*) from executions", "--format", "csv", "--data", data)
    assert result.out.split()[-1] == "4"


def test_a_port_that_is_taken_is_told(tmp_path):
    """issue #2, R056: helpful errors, port taken."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        address = f"127.0.0.1:{held.getsockname()[1]}"
        for flag in ("--otlp-grpc", "--otlp-http", "--web"):
            ports = list(PORTS)
            ports[ports.index(flag) + 1] = address
            result = stepscope("serve", "--data", tmp_path, *ports)
            assert (result.code, result.out) == (3, "")
            assert result.err == (
                f"stepscope: another process listens on {address}\n"
                f"  hint: stop it or choose a port by {flag}\n"
            )


def test_a_second_server_on_the_same_data_names_the_first(tmp_path):
    """issue #2: helpful errors, file locked by PID."""
    with run_server(tmp_path, tmp_path / "log") as endpoints:
        result = stepscope("serve", "--data", tmp_path, *PORTS)
        assert result.code == 4
        assert str(endpoints.pid) in result.err
        # The first one still answers, and its addresses were not overwritten.
        assert stepscope("executions", "--data", tmp_path).code == 0


def test_a_file_held_by_another_program_is_told_with_its_pid(stored, tmp_path):
    """issue #2: helpful errors, file locked by PID."""
    (tmp_path / "stepscope.duckdb").write_bytes((stored / "stepscope.duckdb").read_bytes())
    holder = subprocess.Popen(
        [sys.executable, "-c", "import duckdb, sys; c = duckdb.connect(sys.argv[1]);"
         "print('held', flush=True); sys.stdin.read()", str(tmp_path / "stepscope.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    with holder:
        assert holder.stdout.readline() == b"held\n"
        result = stepscope("executions", "--data", tmp_path)
        assert result.code == 4
        assert str(holder.pid) in result.err
        holder.stdin.close()


def test_a_newer_file_is_refused_with_the_remedy(stored, tmp_path):
    """issue #2: helpful errors, newer schema."""
    path = tmp_path / "stepscope.duckdb"
    path.write_bytes((stored / "stepscope.duckdb").read_bytes())
    with duckdb.connect(str(path)) as connection:
        columns = [
            row[0] for row in connection.execute("describe stored.schema_version").fetchall()
        ]
        values = ", ".join(
            "max(version) + 1" if c == "version" else f"any_value({c})" for c in columns
        )
        connection.execute(
            f"insert into stored.schema_version select {values} from stored.schema_version"
        )
    for command in (["serve", *PORTS], ["executions"]):
        result = stepscope(*command, "--data", tmp_path)
        assert result.code == 5
        assert "has schema version" in result.err
        assert "hint: upgrade" in result.err


def test_a_file_that_is_no_database_is_told(tmp_path):
    """ours: exit codes that scripts can use."""
    (tmp_path / "stepscope.duckdb").write_bytes(b"not a database" * 1000)
    result = stepscope("executions", "--data", tmp_path)
    assert result.code == 6
    assert len(result.err.splitlines()) <= 2


def test_a_damaged_history_is_set_aside_and_told(tmp_path):
    """issue #4, R086: set aside, reported by stepscope doctor and in the log, service continues."""
    with run_server(tmp_path, tmp_path / "log"):
        pass
    path = tmp_path / "stepscope.duckdb"
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)
    with run_server(tmp_path, tmp_path / "log"):
        (aside,) = tmp_path.glob("*.damaged-*Z")
        told = stepscope("doctor", "--data", tmp_path)
        assert told.code == 0
        assert aside.name in told.out
        assert "checksum" in told.out
        assert stepscope("executions", "--data", tmp_path).code == 0
    assert aside.read_bytes() == content
    said = (tmp_path / "log").read_text()
    assert "database damaged, set aside" in said
    assert str(aside) in said


def test_settings_come_from_file_variables_and_flags(tmp_path):
    """issue #2: defaults < TOML file < STEPSCOPE_* < flags."""
    (tmp_path / "s.toml").write_text('[otlp]\ngrpc = "127.0.0.1:99999"\n')
    result = stepscope("serve", "--config", tmp_path / "s.toml")
    assert (result.code, result.out) == (2, "")
    assert "otlp.grpc in" in result.err
    assert "has port 99999" in result.err
    result = stepscope("serve", *PORTS, "--store-threads", "many")
    assert result.err.startswith("stepscope: --store-threads is 'many', not a whole number")
    result = stepscope("serve", *PORTS, STEPSCOPE_STORE_THREADS="-1")
    assert result.err.startswith("stepscope: STEPSCOPE_STORE_THREADS is '-1'")


def test_after_a_kill_commands_read_what_was_acknowledged(tmp_path):
    """issue #2: a killed collector leaves endpoints.json and a write-ahead log behind."""
    with start(tmp_path, *PORTS) as server:
        server.stdout.readline()
        endpoints = read_endpoints(tmp_path / "endpoints.json")
        history.send_spans(endpoints.otlp_http, history.spans())
        server.kill()
        server.communicate(timeout=40)
    assert (tmp_path / "endpoints.json").exists()
    result = stepscope("executions", "--data", tmp_path, "--format", "csv")
    assert (result.code, len(result.out.splitlines())) == (0, 5)
    with run_server(tmp_path, tmp_path / "log"):
        again = stepscope("executions", "--data", tmp_path, "--format", "csv")
    assert again.out == result.out


@pytest.mark.timeout(120)
def test_logs_are_followed_until_the_execution_has_ended(tmp_path):
    """issue #2: logs -f."""
    with run_server(tmp_path, tmp_path / "log") as endpoints:
        now = history.START_NS
        marker = history.execution(0xF1, "live", "nightly", 0, 0, number=2, parent=1,
                                   stepscope__live__phase="started",
                                   stepscope__live__start_time_unix_nano=now)  # fmt: skip
        import time

        marker["startTimeUnixNano"] = marker["endTimeUnixNano"] = str(time.time_ns())
        history.send_spans(endpoints.otlp_http, [marker])
        history.send_logs(endpoints.otlp_http, [history.log(0xF1, "live", 1, 0, "first")])
        command = [sys.executable, "-m", "stepscope_collector", "logs", "live", "-f"]
        with subprocess.Popen(
            [*command, "--format", "ndjson", "--data", str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as follower:
            assert json.loads(follower.stdout.readline())["body"] == "first"
            history.send_logs(endpoints.otlp_http, [history.log(0xF1, "live", 1, 5, "second")])
            assert json.loads(follower.stdout.readline())["body"] == "second"
            history.send_spans(
                endpoints.otlp_http, [history.execution(0xF1, "live", "nightly", 0, 10)]
            )
            rest, errors = follower.communicate(timeout=40)
    assert (follower.returncode, rest, errors) == (0, "", "execution has ended: success\n")


def test_a_pipe_closed_by_head_is_quiet(stored):
    """issue #2: broken pipe quiet."""
    command = (
        f"{sys.executable} -m stepscope_collector sql --data {stored} --format csv "
        "'from range(1000000)' | head -n 2"
    )
    done = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        env=dict(os.environ),
    )
    assert done.stdout == "range\n0\n"
    assert (done.returncode, done.stderr) == (141, "")


def test_a_server_that_does_not_get_ready_is_reported(tmp_path):
    """ours: what demo says when its collector cannot start."""
    from stepscope_collector.errors import StepscopeError

    (tmp_path / "stepscope.duckdb").mkdir()
    with (
        pytest.raises(StepscopeError, match="the collector ended with exit code 1") as caught,
        run_server(tmp_path, tmp_path / "log"),
    ):
        pass
    assert caught.value.hint == f"see {tmp_path / 'log'}"
    assert wait_for(lambda: None, 0.01) is None

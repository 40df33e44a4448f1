"""`stepscope-exec`: any program as an execution, and nothing about the program changes."""

import json
import os
import pathlib
import pty
import signal
import subprocess
import sys
import time

import pytest

from tests.integration.exporter.receiver import attributes, running_receiver

EXEC = [sys.executable, "-m", "stepscope._exec"]


@pytest.fixture
def receiver():
    with running_receiver() as running:
        yield running


def environment(receiver, **more):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
    return {**kept, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, **more}


def run(receiver, *arguments, stdin="", **more):
    return subprocess.run(
        [*EXEC, *arguments], capture_output=True, text=True, timeout=60, check=False, input=stdin,
        env=environment(receiver, **more),
    )  # fmt: skip


def execution(receiver):
    (found,) = [
        (span, attributes(span)) for span in receiver.spans
        if attributes(span).get("stepscope.span.role") == "execution"
        and "stepscope.live.phase" not in attributes(span)
    ]  # fmt: skip
    return found


def lines(receiver):
    records = [
        record
        for request in receiver.log_requests
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]
    return [(attributes(r)["log.iostream"], r.body.string_value) for r in records], records


def test_output_and_exit_code_are_those_of_the_command(receiver):
    """issue #3: exit code returned; R066: lines with stream name; R062: exit code and path."""
    done = run(
        receiver, "--name", "etl", "--project", "p", "--tag", "a", "--param", "day=1", "--env", "REGION",
        "--trigger", "schedule", "--", "sh", "-c", "echo out; echo err >&2; cat; exit 3",
        stdin="typed", REGION="eu", SECRET_THING="x",
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\ntyped", "err\n")
    span, found = execution(receiver)
    assert span.name == "etl"
    assert found["process.exit.code"] == 3
    assert found["process.executable.path"].endswith("/sh")
    assert found["workflow.execution.outcome"] == "failure"
    assert found["error.type"] == "process.exit"
    assert span.status.message == "exit code 3"
    assert found["workflow.trigger.type"] == "schedule"
    assert found["stepscope.tags"] == ["a"]
    assert json.loads(found["stepscope.params"]) == {"day": "1"}
    given = json.loads(found["stepscope.input"])
    assert given["environment"] == {"REGION": "eu"}
    assert given["command"][:2] == ["sh", "-c"]
    assert found["stepscope.process.memory_peak"] > 100_000
    assert found["stepscope.process.cpu_user_s"] >= 0
    streams, records = lines(receiver)
    assert sorted(streams) == [("stderr", "err"), ("stdout", "out"), ("stdout", "typed")]
    assert {record.span_id for record in records} == {span.span_id}
    sequence = [attributes(record)["stepscope.log.sequence"] for record in records]
    assert sorted(sequence) == [0, 1, 2]


@pytest.mark.parametrize(
    ("command", "code", "outcome"),
    [
        (["true"], 0, "success"),
        (["sh", "-c", "kill -9 $$"], 137, "failure"),
        (["sh", "-c", "kill -15 $$"], 143, "cancellation"),
        (["no-such-command-anywhere"], 127, "failure"),
        (["/etc/passwd"], 127, "failure"),
    ],
)
def test_every_end_has_its_code_and_outcome(receiver, command, code, outcome):
    """issue #3: exit code, signals."""
    done = run(receiver, "--", *command)
    expected = {code, 126} if command == ["/etc/passwd"] else {code}
    assert done.returncode in expected
    assert execution(receiver)[1]["workflow.execution.outcome"] == outcome


def test_secrets_on_the_command_line_are_hidden(receiver):
    """R057: arguments are values with names."""
    run(
        receiver, "--", "echo", "--password", "hunter2", "--api-key=k3y-canary", "--user", "ada",
        "postgres://ada:hunter2@db/x",
    )  # fmt: skip
    sent = b"".join(request.SerializeToString() for request in receiver.requests)
    assert b"hunter2" not in sent
    assert b"k3y-canary" not in sent
    assert "--user" in execution(receiver)[1]["stepscope.input"]


def test_an_instrumented_command_continues_the_execution(receiver):
    """issue #3: traceparent handed down."""
    program = """
import stepscope
stepscope.configure()
with stepscope.workflow("inner"):
    pass
with stepscope.step("joined"):
    pass
"""
    assert run(receiver, "--name", "outer", "--", sys.executable, "-c", program).returncode == 0
    found = {
        span.name: attributes(span)
        for span in receiver.spans
        if "stepscope.live.phase" not in attributes(span)
    }
    outer = found["outer"]["workflow.execution.id"]
    assert found["inner"]["stepscope.execution.parent_id"] == outer
    assert found["joined"]["workflow.execution.id"] == outer
    assert len({span.trace_id for span in receiver.spans}) == 1


def test_a_signal_to_the_wrapper_reaches_the_command(receiver):
    """issue #3: signals."""
    process = subprocess.Popen(
        [*EXEC, "--", sys.executable, "-c",
         "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(7)); print('in', flush=True); time.sleep(60)"],
        stdout=subprocess.PIPE, text=True, env=environment(receiver),
    )  # fmt: skip
    assert process.stdout.readline() == "in\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 7
    process.stdout.close()


def test_a_background_process_does_not_hold_the_wrapper(receiver):
    """issue #3: works under cron; a shell does not wait for background processes either."""
    started = time.monotonic()
    done = run(receiver, "--", "sh", "-c", "echo now; sleep 30 & exit 0")
    assert done.returncode == 0
    assert time.monotonic() - started < 20


def test_a_command_whose_reader_goes_away_ends_as_without_us(receiver):
    """issue #3: signals; `| head` ended the wrapper's patience only, and `yes` ran for ever."""
    with subprocess.Popen(
        [*EXEC, "--", "yes"], stdout=subprocess.PIPE, env=environment(receiver)
    ) as process:
        assert process.stdout.readline() == b"y\n"
        process.stdout.close()
        assert process.wait(20) == 128 + signal.SIGPIPE


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_change_nothing(receiver, tmp_path, closed):
    """issue #3: works under cron; daemons start their jobs with streams closed."""
    script = f'"$0" -m stepscope._exec -- sh -c "echo a; echo b >&2; touch $1; exit 3" {closed}'
    done = subprocess.run(
        ["sh", "-c", script, sys.executable, str(tmp_path / "ran")], capture_output=True, text=True,
        timeout=60, check=False, env=environment(receiver),
    )  # fmt: skip
    assert done.returncode == 3
    assert (tmp_path / "ran").exists()
    assert done.stdout == ("" if ">&- " in f" {closed} ".replace("2>&- ", "") else "a\n")
    assert done.stderr == ("" if "2>&-" in closed else "b\n")
    assert sorted(lines(receiver)[0]) == [("stderr", "b"), ("stdout", "a")]


def test_output_that_cannot_be_written_is_said_once_and_recorded(receiver):
    """issue #3: never in the way; a full disk under the log of a job does not end the job."""
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [*EXEC, "--", "sh", "-c", "echo a; sleep 0.1; echo b; exit 3"],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
            env=environment(receiver),
        )  # fmt: skip
    assert done.returncode == 3
    assert done.stderr == "stepscope-exec: output is lost: No space left on device\n"
    assert lines(receiver)[0] == [("stdout", "a"), ("stdout", "b")]


def test_on_a_terminal_a_redirected_standard_error_stays_redirected(receiver, tmp_path):
    """issue #3: terminal behaviour kept; in a pipeline of the command SIGPIPE does its work."""
    command = "yes | head -1; echo wrong >&2; test -t 1 && echo terminal"
    pid, master = pty.fork()
    if pid == 0:
        os.dup2(os.open(tmp_path / "errors", os.O_CREAT | os.O_WRONLY), 2)
        os.execve(sys.executable, [*EXEC, "--", "sh", "-c", command], environment(receiver))
    seen = b""
    try:
        while data := os.read(master, 1000):
            seen += data
    except OSError:
        pass
    _, status = os.waitpid(pid, 0)
    os.close(master)
    assert os.waitstatus_to_exitcode(status) == 0
    assert seen.split() == [b"y", b"terminal"]
    assert (tmp_path / "errors").read_text("utf-8") == "wrong\n"
    assert ("stderr", "wrong") in lines(receiver)[0]


@pytest.mark.slow
def test_much_output_is_passed_on_whole_and_bounded_in_memory(receiver):
    """issue #3: large output does not exhaust memory (200 MB here; 1 GB in the benchmark)."""
    program = "import sys\nfor _ in range(2000): sys.stdout.write('x' * 99_999 + '\\n')"
    with subprocess.Popen(
        [*EXEC, "--", sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        env=environment(receiver),
    ) as process:
        total = 0
        peak = 0
        status = pathlib.Path(f"/proc/{process.pid}/status")
        while data := process.stdout.read1(1 << 20):
            total += len(data)
            for line in status.read_text("utf-8").splitlines():
                if line.startswith("VmRSS"):
                    peak = max(peak, int(line.split()[1]))
        assert process.wait(20) == 0
    assert total == 2000 * 100_000
    assert 0 < peak < 200_000
    streams, _ = lines(receiver)
    assert sum(len(text) for _, text in streams) < 11 << 20
    assert "not recorded" in streams[-1][1]


@pytest.mark.timeout(180)
def test_on_a_terminal_the_command_has_a_terminal(receiver):
    """issue #3: terminal behaviour kept (interactive, colours, Ctrl-C)."""
    program = """
import sys
print(sys.stdin.isatty(), sys.stdout.isatty(), flush=True)
import time
name = input("name? ")
try:
    print("hello", name, flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print("stopped", flush=True)
    sys.exit(5)
"""
    pid, master = pty.fork()
    if pid == 0:
        os.execve(
            sys.executable, [*EXEC, "--", sys.executable, "-c", program], environment(receiver)
        )
    seen = b""

    def until(text):
        nonlocal seen
        while text not in seen:
            try:
                seen += os.read(master, 1000)
            except OSError:
                pytest.fail(f"the command has ended before {text!r}: {seen!r}")

    until(b"True True")
    until(b"name? ")
    os.write(master, b"ada\r")
    until(b"hello ada\r\n")  # whole: Ctrl-C throws away what the terminal has not shown yet
    os.write(master, b"\x03")
    until(b"stopped")
    try:
        while os.read(master, 1000):
            pass
    except OSError:
        pass
    _, status = os.waitpid(pid, 0)
    os.close(master)
    assert os.waitstatus_to_exitcode(status) == 5
    streams, _ = lines(receiver)
    assert ("stdout", "hello ada") in streams


def test_without_a_command_the_usage_is_shown(receiver):
    """ours: helpful errors."""
    done = run(receiver, "--name", "x")
    assert done.returncode == 2
    assert "stepscope-exec [OPTIONS] -- COMMAND" in done.stderr
    assert run(receiver, "--name", "x", "echo", "-n", "hi").stdout == "hi"

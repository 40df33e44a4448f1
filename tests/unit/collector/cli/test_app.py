"""The command group and its boundary of errors."""

import importlib
import json
import os
import subprocess
import sys

import click
import pytest

from stepscope_collector import __version__, errors
from stepscope_collector.cli import app
from stepscope_collector.cli.app import COMMANDS, module_of

# Prints what the command line loads when its arguments are run.
PROBE = """
import json, sys
from stepscope_collector.cli import main
code = main(json.loads(sys.argv[1]))
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""
HEAVY = {"grpc", "duckdb", "starlette", "uvicorn", "google", "arro3", "opentelemetry", "stepscope"}


def probe(*arguments: str) -> tuple[int, set[str]]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(arguments)],
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    return code, set(modules)


@pytest.mark.parametrize(
    "arguments",
    [["--help"], [], ["--version"], *([name, "--help"] for name in COMMANDS), ["config"]],
    ids=" ".join,
)
def test_help_loads_no_server_and_no_database_engine(arguments):
    """issue #2: `stepscope --help` imports no grpc, duckdb, starlette."""
    code, modules = probe(*arguments)
    assert code == 0
    assert {name.partition(".")[0] for name in modules} & HEAVY == set()


def test_help_loads_no_command():
    """issue #2: commands are loaded lazily."""
    _, modules = probe("--help")
    assert not {module_of(name) for name in COMMANDS} & modules


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_the_group_is_the_help_of_the_command(name):
    """ours: the list of commands holds the texts a second time, so that it need not import them."""
    command = importlib.import_module(module_of(name)).command
    assert command.name == name
    assert (command.help or "").partition("\n")[0] == COMMANDS[name]


def test_serve_takes_no_option_of_commands_that_ask():
    """ours: a server that runs asks no other, and prints no result in a format."""
    asking = {"--server", "--token-file", "--ca", "--client-cert", "--client-key", "--format"}
    options = {}
    for name in ("serve", "doctor"):
        command = importlib.import_module(module_of(name)).command
        options[name] = {word for option in command.params for word in option.opts}
    assert asking <= options["doctor"]
    assert not asking & options["serve"]
    assert {"--data", "--config", "--debug"} <= options["serve"]


def test_without_arguments_the_help_is_printed(run):
    """ours: the first thing people type."""
    result = run()
    assert (result.code, result.err) == (0, "")
    assert all(name in result.out for name in COMMANDS)
    assert run("--version").out == f"stepscope {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["executons"], "no such command 'executons'; did you mean executions?",
         "stepscope --help lists what there is"),
        (["xyzzy"], "no such command 'xyzzy'", "stepscope --help lists what there is"),
        (["executions", "--workflw", "a"], "--workflw", "stepscope executions --help"),
        (["executions", "--limit", "0"], "0 is not in the range", "stepscope executions --help"),
        (["show"], "missing argument 'ID'", "stepscope show --help lists what there is"),
        (["--format", "xml", "stats"], "'xml' is not one of", "stepscope --help"),
        (["--format", "arrow", "stats"], "this command has no arrow form", "use one of table"),
        (["config", "--config", "no.toml"], "no.toml does not exist", "check --config"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_two_lines_and_ends_with_2(run, arguments, message, hint):
    """issue #2: helpful errors, in one or two lines, without traceback."""
    result = run(*arguments)
    assert result.code == 2
    assert result.out == ""
    first, second = result.err.splitlines()
    assert first.startswith("stepscope: ")
    assert message in first
    assert second.startswith("  hint: ")
    assert hint in second


def failing(monkeypatch, error: BaseException) -> None:
    @click.command("stats")
    def command() -> None:
        raise error

    monkeypatch.setattr(
        importlib.import_module("stepscope_collector.cli.stats"), "command", command
    )


@pytest.mark.parametrize("name", sorted(set(errors.__all__) - {"StepscopeError"}))
def test_every_error_ends_with_its_own_exit_code(run, monkeypatch, name):
    """issue #2: exit codes that scripts can use."""
    kind = getattr(errors, name)
    failing(monkeypatch, kind("what was wrong", hint="the\nremedy"))
    assert run("stats") == (
        kind.exit_code, "", "stepscope: what was wrong\n  hint: the remedy\n"
    )  # fmt: skip


def test_a_message_of_several_lines_keeps_them(run, monkeypatch):
    """ours: DuckDB points with a caret at what it does not understand."""
    failing(
        monkeypatch,
        errors.QueryRefused("wrong near x\n\nLINE 1: select x\x1b[0m\n               ^"),
    )
    assert run("stats").err == (
        "stepscope: wrong near x\n  LINE 1: select x\\x1b[0m\n                 ^\n"
    )


def test_a_bug_of_ours_shows_its_traceback_only_when_asked(run, monkeypatch):
    """issue #2: no tracebacks at users, unless --debug."""
    failing(monkeypatch, RuntimeError("oops"))
    result = run("stats")
    assert result.code == 70
    assert result.err.startswith("stepscope: internal error: RuntimeError: oops\n  hint: this is a")
    assert "Traceback" not in result.err
    assert "Traceback" in run("--debug", "stats").err


def test_an_expected_error_shows_its_traceback_when_asked(run, monkeypatch):
    """ours: --debug shows where any error comes from."""
    failing(monkeypatch, errors.PortTaken("port 1 is taken"))
    result = run("--debug", "stats")
    assert result.code == 3
    assert "Traceback" in result.err
    assert result.err.endswith("stepscope: port 1 is taken\n")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interruption_is_quiet(run, monkeypatch, error):
    """ours: Ctrl-C ends with 130, as a shell reports SIGINT."""
    failing(monkeypatch, error)
    result = run("stats")
    assert result.code == 130
    assert result.err.strip() == ""


def test_an_error_of_click_itself_becomes_ours(run, monkeypatch):
    """ours: one form of messages."""
    failing(monkeypatch, click.ClickException("Could not do it."))
    assert run("stats") == (1, "", "stepscope: could not do it\n")


def test_a_closed_pipe_is_quiet():
    """issue #2: broken pipe quiet."""
    # The reading end is closed before the command writes; -c '' would close it too late.
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "stepscope_collector", "config"],
            stdout=write,
            stderr=subprocess.PIPE,
            check=False,
            timeout=50,
        )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_pipe_closed_while_a_command_writes_is_quiet(run, monkeypatch):
    """issue #2: broken pipe quiet, whether the buffer was full or flushed at the end."""
    failing(monkeypatch, BrokenPipeError())
    assert run("stats") == (141, "", "")


def test_text_the_terminal_cannot_show_is_escaped():
    """ours: a name with an emoji must not end a command on an ASCII terminal."""
    done = subprocess.run(
        [sys.executable, "-m", "stepscope_collector", "sql", "--param", "\u00fc"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        check=False,
        timeout=50,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 2
    assert b"\\xfc" in done.stderr


def test_main_is_what_the_entry_point_names():
    """ours: collector/pyproject.toml, stepscope_collector.cli:main."""
    assert importlib.import_module("stepscope_collector.cli").main is app.main

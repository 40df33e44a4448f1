"""The command group and the boundary at which errors become messages and exit codes."""

import difflib
import importlib
import keyword
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from stepscope_collector import __version__
from stepscope_collector.cli.hints import in_commands
from stepscope_collector.cli.interrupt import interruptible
from stepscope_collector.cli.session import Session, shared_options
from stepscope_collector.errors import StepscopeError
from stepscope_collector.present.text.values import clean

__all__ = ["COMMANDS", "main", "module_of", "stepscope"]

COMMANDS: Final = {
    "serve": "Run the collector: receive OTLP, answer questions.",
    "demo": "Start a collector, run example workflows, print their history.",
    "executions": "List executions, newest first.",
    "show": "Show one execution in full.",
    "logs": "Print the log records of an execution.",
    "compare": "Say what differs between two executions.",
    "stats": "Counts, durations and more per workflow, step, day and so on.",
    "cohorts": "Say which params, tags, versions and hosts go with failure.",
    "dialects": "List profiles, what they do not emit, and what they mapped.",
    "explain-span": "Say which profile and rule decided each field of a span.",
    "sql": "Run one SQL statement against the history.",
    "query": "Save statements under names, ask them again.",
    "mcp": "Serve the Model Context Protocol on stdin and stdout.",
    "doctor": "Check the collector and its database.",
    "token": "Make, list and revoke the tokens that clients need.",
    "backup": "Write a checked copy of the history to a file.",
    "export": "Write executions to a file: JSON, CSV, Parquet, OTLP, a bundle.",
    "import": "Take files in: bundles, OTLP, databases of older designs.",
    "restore": "Put a backup in the place of the history.",
    "prune": "Remove executions whose time is up.",
    "compact": "Make the database file as small as what is in it.",
    "pin": "Keep executions whatever retention says.",
    "unpin": "Keep executions no longer than retention says.",
    "delete": "Remove every trace of executions.",
    "remap": "Map the history anew after a profile changed.",
    "config": "Show the effective settings and where they come from.",
}
"""Commands in the order of the help; each is `command` in the module of its name, _ for - and after keywords. The text stands
here because reading it from the modules would import them all: a test compares the two."""

# 128 + SIGINT and 128 + SIGPIPE, what a shell reports for a process these signals ended.
_INTERRUPTED = 130
_PIPE_CLOSED = 141
_INTERNAL = 70
"""EX_SOFTWARE of sysexits.h: a bug of ours."""


def module_of(name: str) -> str:
    """The module that holds the command of this name."""
    return f"stepscope_collector.cli.{name.replace('-', '_')}" + "_" * keyword.iskeyword(name)


class _PipeClosedError(Exception):
    """Whoever read stdout has stopped."""


class _LazyGroup(click.Group):
    """Imports the module of a command when that command is run or asked for its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(module_of(cmd_name))
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        # click would look for a similar name among commands it has not imported.
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], list(COMMANDS), n=1)
            suggestion = f"; did you mean {near[0]}?" if near else ""
            raise click.UsageError(f"no such command {args[0]!r}{suggestion}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        # click itself ends a process whose pipe was closed, with exit code 1.
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _PipeClosedError from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="stepscope", message="%(prog)s %(version)s")
@shared_options(has_arrow=True)
@click.pass_context
def stepscope(ctx: click.Context) -> None:
    """The history of workflow executions: collect it, ask it.

    Commands ask the server that runs on the data directory, or the one named by --server; when
    none runs they open the database file themselves. Results go to stdout, everything else to
    stderr.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code: 0, or what the error that ended it has as its own.

    Args:
        arguments: None: those of the process.
    """
    session = Session()
    # Text of senders may hold what the encoding of the terminal has not.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(arguments, session)
        sys.stdout.flush()
        if arguments is None:
            _leave_behind(code)
    except (BrokenPipeError, _PipeClosedError):
        _silence_stdout()
        return _PIPE_CLOSED
    return code


def _leave_behind(code: int) -> None:
    """End the process here, when a statement that nothing ends still runs in it: Python would trip over that."""
    # Where nobody has imported it, none runs; to import it would cost every command its time.
    worker = sys.modules.get("stepscope_collector.present.rest.worker")
    if worker is not None and worker.is_any_left():
        sys.stderr.flush()
        os._exit(code)


def _run(arguments: Sequence[str] | None, session: Session) -> int:
    try:
        with interruptible():
            result: Any = stepscope.main(
                args=None if arguments is None else list(arguments),
                prog_name="stepscope",
                standalone_mode=False,
                obj=session,
            )
    except StepscopeError as error:
        if session.is_debug:
            traceback.print_exc()
        # Here and not in the client, which tools of models ask through, too.
        _complain(error.message, error.hint and in_commands(error.hint))
        return error.exit_code
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "stepscope"
        _complain(_as_message(error.format_message()), f"{where} --help lists what there is")
        return error.exit_code
    except click.ClickException as error:
        _complain(_as_message(error.format_message()), None)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return _INTERRUPTED
    except _PipeClosedError:
        raise
    except Exception as error:  # noqa: BLE001 the outermost boundary: users see no traceback
        if session.is_debug:
            traceback.print_exc()
        _complain(
            f"internal error: {type(error).__name__}: {error}",
            "this is a bug in stepscope; --debug shows where it happened",
        )
        return _INTERNAL
    return result if isinstance(result, int) else 0


def _complain(message: str, hint: str | None) -> None:
    # Further lines are kept: the engine points with a caret at what it does not understand.
    first, *further = [line.rstrip() for line in clean(message).splitlines() if line.strip()] or [
        ""
    ]
    lines = [f"stepscope: {first.strip()}", *(f"  {line}" for line in further)]
    if hint:
        lines.append(f"  hint: {' '.join(hint.split())}")
    print("\n".join(lines), file=sys.stderr)


def _as_message(text: str) -> str:
    """Our messages begin with a lower-case letter and end without full stop; click's do not."""
    text = text.rstrip(".")
    return text[:1].lower() + text[1:]


def _silence_stdout() -> None:
    """Nobody reads stdout any more: what is still buffered must not raise at exit."""
    try:
        os.dup2(os.open(Path(os.devnull), os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        pass  # not a real file, as in tests

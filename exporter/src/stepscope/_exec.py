"""`stepscope-exec`: run any program as an execution.

    stepscope-exec [OPTIONS] -- COMMAND [ARGUMENTS]
    stepscope-exec flush

The command behaves as without the wrapper: same input, same output, same exit code, and on a
terminal it still talks to a terminal. Its lines are recorded as log records beside.
"""

import argparse
import importlib.util
import pathlib
import sys
from collections.abc import Sequence

from stepscope._child import open_standard_streams
from stepscope._configure import configure, environment, flush, shutdown, spool_path, status
from stepscope._decorators import workflow
from stepscope._frames import Execution
from stepscope._redact import MARKER
from stepscope._runner import Outcome, run
from stepscope._state import state

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; the exit code is that of the command (128 + number when a signal ended it)."""
    open_standard_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["flush"]:
        return _flush(given[1:])
    parser = _parser()
    own, command = _split(given)
    options = parser.parse_args(own)
    if not command:
        parser.error("no command; write: stepscope-exec [OPTIONS] -- COMMAND [ARGUMENTS]")
    configure(
        options.endpoint, service_name=options.name or pathlib.Path(command[0]).name,
        project=options.project, handle_sigterm=False,
        **({"spool_dir": options.spool} if options.spool else {}),
    )  # fmt: skip
    outcome = _record(options, command)
    shutdown()
    return outcome.exit_code


def _record(options: argparse.Namespace, command: list[str]) -> Outcome:
    name = options.name or pathlib.Path(command[0]).name
    execution = workflow(
        name, version=options.version, trigger=options.trigger, tags=options.tag, user=options.user,
        params=dict(_pair(text) for text in options.param),
    )  # fmt: skip
    with execution as frame:
        inherited = environment()
        shown = {key: inherited[key] for key in options.env if key in inherited}
        frame.set_input(command=_hide(command), **({"environment": shown} if shown else {}))
        outcome = run(command, inherited, frame, is_recorded=not options.no_output)
        _describe(frame, outcome)
        frame.conclude(outcome.word, outcome.reason, "process.exit")
    return outcome


def _describe(frame: Execution, outcome: Outcome) -> None:
    facts = {
        "process.exit.code": outcome.exit_code,
        "process.executable.path": outcome.path,
        "stepscope.process.signal": outcome.signal,
        "stepscope.process.cpu_user_s": outcome.cpu_user_s,
        "stepscope.process.cpu_system_s": outcome.cpu_system_s,
        "stepscope.process.memory_peak": outcome.memory_peak_bytes,
    }
    frame.annotate(**{key: value for key, value in facts.items() if value is not None})


def _hide(command: list[str]) -> list[str]:
    """Arguments without secrets: `--password x`, `--token=x` and what looks like one."""
    redactor = state.settings.redactor
    shown: list[str] = []
    is_secret_next = False
    for text in command:
        option, is_assigned, _ = text.partition("=")
        if is_secret_next and not text.startswith("-"):
            shown.append(MARKER)
        elif text.startswith("-") and is_assigned and redactor.hides(option, text):
            shown.append(f"{option}={MARKER}")
        else:
            shown.append(redactor.clean_text(text))
        is_secret_next = text.startswith("-") and not is_assigned and redactor.hides(text, text)
    return shown


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="stepscope-exec",
        usage="stepscope-exec [OPTIONS] -- COMMAND [ARGUMENTS]\n       stepscope-exec flush [--endpoint URL] [--spool DIR]",
        description="Run a program as an execution; `flush` sends what is kept on disk.",
    )
    add = parser.add_argument
    add("--name", help="name of the workflow; default: the command")
    add("--endpoint", help="where to send; default: OTEL_EXPORTER_OTLP_ENDPOINT")
    add("--project", help="project of the workflow")
    add("--version", help="version of the workflow")
    add("--trigger", help="what starts it: schedule, manual, …")
    add("--user", help="who it runs for")
    add("--tag", action="append", default=[], metavar="TEXT", help="may be repeated")
    add("--param", action="append", default=[], metavar="NAME=VALUE", help="may be repeated")
    add(
        "--env",
        action="append",
        default=[],
        metavar="NAME",
        help="record this variable; may be repeated",
    )
    add("--no-output", action="store_true", help="record no lines of output")
    add(
        "--spool", metavar="DIR", help="keep here what cannot be sent; default: STEPSCOPE_SPOOL_DIR"
    )
    return parser


def _flush(given: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="stepscope-exec flush")
    parser.add_argument("--endpoint")
    parser.add_argument("--spool", metavar="DIR")
    parser.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS")
    options = parser.parse_args(given)
    folder = options.spool or spool_path()
    if folder is None:
        parser.error("no folder; pass --spool DIR or set STEPSCOPE_SPOOL_DIR")
    if importlib.util.find_spec("opentelemetry.sdk") is None:
        parser.error("the OpenTelemetry SDK is missing; install stepscope[otlp-grpc]")
    configure(options.endpoint, spool_dir=folder, live_delay_s=0, handle_sigterm=False)
    flush(options.timeout)
    counters = status().counters
    left = sum(1 for path in pathlib.Path(folder).glob("*.otlp"))
    shutdown()
    sys.stdout.write(f"{counters.sent} spans and log records sent; {left} requests left\n")
    return 1 if left else 0


def _split(given: list[str]) -> tuple[list[str], list[str]]:
    """Our options and the command; `--` may be left out where the command is no option."""
    if "--" in given:
        at = given.index("--")
        return given[:at], given[at + 1 :]
    takes_value = {
        action.option_strings[0] for action in _parser()._actions  # noqa: SLF001 - no public list
        if action.option_strings and action.nargs is None
    }  # fmt: skip
    at = 0
    while at < len(given) and given[at].startswith("-"):
        at += 2 if given[at] in takes_value else 1
    return given[:at], given[at:]


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


if __name__ == "__main__":
    sys.exit(main())

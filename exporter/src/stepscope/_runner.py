"""Starts one child process, passes its streams on and reads them along the way.

Without a terminal the child writes into pipes of ours; standard input is simply inherited. On a
terminal the child gets a terminal of its own (`_terminal`), because programs look for one before
they colour, prompt or draw. Lines are cut at 8 KiB and recorded up to 10 MiB per execution;
everything is passed on.
"""

import contextlib
import logging
import os
import resource
import selectors
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from stepscope._frames import Frame, guarded
from stepscope._logs import emit
from stepscope._outcome import Outcome

__all__ = ["LineReader", "Outcome", "run"]

_CHUNK: Final = 65536
_LINE_LIMIT: Final = 8192
_TOTAL_LIMIT: Final = 10 << 20
_FORWARDED: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126


class LineReader:
    """Cuts one stream into lines and records them with the stream's name."""

    def __init__(self, stream: str, frame: Frame, budget: list[int]) -> None:
        self._stream = stream
        self._frame = frame
        self._budget = budget
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take a piece of the stream."""
        if self._budget[0] <= 0:
            return
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._record(line)
        while len(rest) >= _LINE_LIMIT:
            self._record(rest[:_LINE_LIMIT])
            rest = rest[_LINE_LIMIT:]
        self._rest = rest

    def end(self) -> None:
        """The stream is at its end; what has no line end is a line too."""
        if self._rest:
            self._record(self._rest)
            self._rest = b""

    def _record(self, line: bytes) -> None:
        budget = self._budget
        if budget[0] <= 0:
            return
        budget[0] -= len(line) + 1
        attributes: dict[str, object] = {"log.iostream": self._stream}
        text = line[:_LINE_LIMIT].decode("utf-8", "replace").rstrip("\r")
        if budget[0] <= 0:
            text = f"(output over {_TOTAL_LIMIT >> 20} MiB is passed on and not recorded)"
        try:
            emit(text, logging.INFO, attributes, event_name="process.output", frame=self._frame)
        except Exception as error:  # noqa: BLE001 - the command goes on
            guarded(error)


def run(
    command: Sequence[str], environment: Mapping[str, str], frame: Frame, is_recorded: bool = True
) -> Outcome:
    """Run the command to its end. A command that cannot start is an outcome too (126, 127)."""
    path = shutil.which(command[0], path=environment.get("PATH"))
    budget = [_TOTAL_LIMIT if is_recorded else 0]
    try:
        if sys.stdin.isatty() and sys.stdout.isatty() and is_recorded:
            from stepscope._terminal import run_on_terminal

            return run_on_terminal(command, environment, LineReader("stdout", frame, budget), path)
        return _run_on_pipes(command, environment, frame, budget, path)
    except FileNotFoundError:
        sys.stderr.write(f"stepscope-exec: {command[0]}: command not found\n")
        return Outcome(_NOT_FOUND, None, f"{command[0]}: command not found", path)
    except OSError as error:
        sys.stderr.write(f"stepscope-exec: {command[0]}: {error.strerror}\n")
        return Outcome(_NOT_EXECUTABLE, None, f"{command[0]}: {error.strerror}", path)


def _run_on_pipes(
    command: Sequence[str], environment: Mapping[str, str], frame: Frame, budget: list[int],
    path: str | None,
) -> Outcome:  # fmt: skip
    is_piped = budget[0] > 0
    stream = subprocess.PIPE if is_piped else None
    process = subprocess.Popen(  # noqa: S603 - running the given command is the purpose
        list(command), env=dict(environment), stdout=stream, stderr=stream, bufsize=0
    )
    with forwarding(process.pid):
        if is_piped:
            _pump(process, frame, budget)
        return finished(process.pid, path, process)


def _pump(process: subprocess.Popen[bytes], frame: Frame, budget: list[int]) -> None:
    """Pass both streams on until both are closed, or the process has ended and they are empty.

    A background process may hold the streams open for ever; a shell would not wait for it either.
    """
    with selectors.DefaultSelector() as selector, _end_of(process.pid) as ended:
        for source, target, name in ((process.stdout, 1, "stdout"), (process.stderr, 2, "stderr")):
            assert source is not None
            reader = LineReader(name, frame, budget)
            selector.register(source, selectors.EVENT_READ, (target, reader))
        if ended is not None:
            selector.register(ended, selectors.EVENT_READ, None)
        timeout: float | None = None
        while len(selector.get_map()) > (ended is not None and timeout is None):
            ready = selector.select(timeout)
            if not ready:
                return
            for key, _ in ready:
                if key.data is None:
                    selector.unregister(key.fileobj)
                    timeout = 0.05
                elif not _pass_on(key):
                    selector.unregister(key.fileobj)


def _pass_on(key: selectors.SelectorKey) -> bool:
    """Pass one piece on; False at the end of the stream."""
    target, reader = key.data
    data = os.read(key.fd, _CHUNK)
    if not data:
        reader.end()
        return False
    write_all(target, data)
    reader.feed(data)
    return True


@contextlib.contextmanager
def _end_of(pid: int) -> Iterator[int | None]:
    """A descriptor that is ready when the process ends; None where there is none (macOS)."""
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def write_all(target: int, data: bytes) -> None:
    """Pass data on; a reader that has gone away (`| head`) is not an error of the command."""
    view = memoryview(data)
    with contextlib.suppress(BrokenPipeError):
        while view:
            view = view[os.write(target, view) :]


@contextlib.contextmanager
def forwarding(pid: int) -> Any:
    """Signals meant for the command reach it; Ctrl-C does so by itself and must not stop us."""

    def forward(number: int, _frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    before: dict[int, Callable[..., Any] | int | None] = {}
    for each in _FORWARDED:
        before[each] = signal.signal(each, forward)
    before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.SIG_IGN)
    before[signal.SIGQUIT] = signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def finished(pid: int, path: str | None, process: subprocess.Popen[bytes] | None = None) -> Outcome:
    """Wait for the process and read what it used."""
    _, wait_status, usage = os.wait4(pid, 0)
    code = os.waitstatus_to_exitcode(wait_status)
    if process is not None:
        process.returncode = code
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
    return _outcome(code, path, usage)


def _outcome(code: int, path: str | None, usage: resource.struct_rusage) -> Outcome:
    scale = 1 if sys.platform == "darwin" else 1024
    number = -code if code < 0 else None
    return Outcome(
        exit_code=128 + number if number is not None else code,
        signal=number,
        reason=_reason(code, number),
        path=path,
        cpu_user_s=usage.ru_utime,
        cpu_system_s=usage.ru_stime,
        memory_peak_bytes=usage.ru_maxrss * scale,
    )


def _reason(code: int, number: int | None) -> str | None:
    if number is None:
        return f"exit code {code}" if code else None
    try:
        return f"ended by {signal.Signals(number).name}"
    except ValueError:
        return f"ended by signal {number}"

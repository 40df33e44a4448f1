"""A terminal for a command that is run on one: colours, prompts, window size and Ctrl-C stay.

The command gets a pseudo-terminal; ours is put into raw mode, so every key, Ctrl-C included,
reaches the command's terminal and has there the meaning the command gives it.
"""

import contextlib
import fcntl
import os
import pty
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stepscope._child import CHUNK, finished, forwarding, write_all
from stepscope._lines import LineReader
from stepscope._outcome import Outcome

__all__ = ["run_on_terminal"]


def run_on_terminal(
    command: Sequence[str], environment: Mapping[str, str], reader: LineReader,
    error_reader: LineReader, path: str | None,
) -> Outcome:  # fmt: skip
    """Run the command on a pseudo-terminal to its end.

    Its lines are one stream, `stdout`; only where standard error is no terminal, that is another.
    """
    if path is None:
        raise FileNotFoundError(command[0])
    # Where only standard error is redirected (`2> file`), it must not end up on the terminal.
    errors = None if os.isatty(2) else os.pipe()
    pid, master = pty.fork()
    if pid == 0:
        try:
            # Python ignores these, and what is ignored stays so in the command.
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            if errors is not None:
                os.dup2(errors[1], 2)
            os.execve(path, list(command), dict(environment))  # noqa: S606 - the purpose
        finally:
            os._exit(126)
    if errors is not None:
        os.close(errors[1])
    with forwarding(pid), _raw(0), _window_size(master):
        _pump(master, reader, errors[0] if errors is not None else None, error_reader)
    os.close(master)
    if errors is not None:
        os.close(errors[0])
    return finished(pid, path)


def _pump(master: int, reader: LineReader, errors: int | None, error_reader: LineReader) -> None:
    inputs = [master, 0] if errors is None else [master, 0, errors]
    while True:
        ready, _, _ = select.select(inputs, [], [])
        if 0 in ready:
            data = os.read(0, CHUNK)
            if data:
                write_all(master, data)
            else:
                inputs.remove(0)
        if errors in ready:
            assert errors is not None
            data = os.read(errors, CHUNK)
            if data:
                write_all(2, data)
                error_reader.feed(data)
            else:
                error_reader.end()
                inputs.remove(errors)
        elif master in ready:
            try:
                data = os.read(master, CHUNK)
            except OSError:  # Linux: the other end is closed
                data = b""
            if not data:
                reader.end()
                error_reader.end()
                return
            write_all(1, data)
            reader.feed(data)


@contextlib.contextmanager
def _raw(terminal: int) -> Iterator[None]:
    before = termios.tcgetattr(terminal)
    tty.setraw(terminal)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)


@contextlib.contextmanager
def _window_size(master: int) -> Iterator[None]:
    def copy(*_: Any) -> None:
        with contextlib.suppress(OSError):
            size = fcntl.ioctl(sys.stdout.fileno(), termios.TIOCGWINSZ, b"\0" * 8)
            fcntl.ioctl(master, termios.TIOCSWINSZ, size)

    copy()
    before = signal.signal(signal.SIGWINCH, copy)
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)

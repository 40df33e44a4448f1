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
    command: Sequence[str], environment: Mapping[str, str], reader: LineReader, path: str | None
) -> Outcome:
    """Run the command on a pseudo-terminal to its end; its lines are one stream, `stdout`."""
    if path is None:
        raise FileNotFoundError(command[0])
    pid, master = pty.fork()
    if pid == 0:
        try:
            os.execve(path, list(command), dict(environment))  # noqa: S606 - the purpose
        finally:
            os._exit(126)
    with forwarding(pid), _raw(0), _window_size(master):
        _pump(master, reader)
    os.close(master)
    return finished(pid, path)


def _pump(master: int, reader: LineReader) -> None:
    inputs = [master, 0]
    while True:
        ready, _, _ = select.select(inputs, [], [])
        if 0 in ready:
            data = os.read(0, CHUNK)
            if data:
                write_all(master, data)
            else:
                inputs.remove(0)
        if master in ready:
            try:
                data = os.read(master, CHUNK)
            except OSError:  # Linux: the other end is closed
                data = b""
            if not data:
                reader.end()
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

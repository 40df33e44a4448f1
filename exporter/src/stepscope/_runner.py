"""Starts one child process, passes its streams on and reads them along the way.

Without a terminal the child writes into pipes of ours; standard input is simply inherited. On a
terminal the child gets a terminal of its own (`_terminal`), because programs look for one before
they colour, prompt or draw. Everything is passed on, whatever of it is recorded.
"""

import contextlib
import os
import selectors
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence

from stepscope._child import CHUNK, finished, forwarding, write_all
from stepscope._frames import Frame
from stepscope._lines import TOTAL_LIMIT, LineReader
from stepscope._outcome import Outcome

__all__ = ["Outcome", "run"]

_NOT_FOUND, _NOT_EXECUTABLE = 127, 126


def run(
    command: Sequence[str], environment: Mapping[str, str], frame: Frame, is_recorded: bool = True
) -> Outcome:
    """Run the command to its end. A command that cannot start is an outcome too (126, 127)."""
    path = shutil.which(command[0], path=environment.get("PATH"))
    budget = [TOTAL_LIMIT if is_recorded else 0]
    try:
        if os.isatty(0) and os.isatty(1) and is_recorded:
            from stepscope._terminal import run_on_terminal

            return run_on_terminal(
                command, environment, LineReader("stdout", frame, budget),
                LineReader("stderr", frame, budget), path,
            )  # fmt: skip
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
                    # A command whose reader has gone away must notice it, as without us.
                    key.fileobj.close()  # type: ignore[union-attr]  # a stream of Popen


def _pass_on(key: selectors.SelectorKey) -> bool:
    """Pass one piece on; False at the end of the stream, or when nobody reads it any more."""
    target, reader = key.data
    data = os.read(key.fd, CHUNK)
    if not data:
        reader.end()
        return False
    is_read = write_all(target, data)
    reader.feed(data)
    return is_read


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

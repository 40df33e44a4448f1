"""What a child process needs of its starter: its output passed on, its signals, its end."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any, Final

from stepscope._outcome import Outcome

__all__ = ["CHUNK", "finished", "forwarding", "open_standard_streams", "write_all"]

CHUNK: Final = 65536
"""Bytes read from a stream at a time."""
_unwritable: set[int] = set()
_FORWARDED: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def write_all(target: int, data: bytes) -> bool:
    """Pass data on; False when the reader has gone away (`| head`).

    Where it cannot be written for another reason (a full disk), standard error says so once and
    the command goes on.
    """
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(target, view) :]
    except BrokenPipeError:
        return False
    except OSError as error:
        if target not in _unwritable:
            _unwritable.add(target)
            with contextlib.suppress(OSError):
                os.write(2, f"stepscope-exec: output is lost: {error.strerror}\n".encode())
    return True


def open_standard_streams() -> None:
    """Open what of 0, 1 and 2 is closed, as some daemons start their jobs, on the null device.

    Otherwise the next file to be opened would take the number, and be read or written as one.
    """
    for number, name in ((0, "stdin"), (1, "stdout"), (2, "stderr")):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))


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

"""SIGTERM: end what is open as cancelled, send it, and die of the signal as before.

Only a process that had no handler of its own gets this one. Its exit status stays that of a
process killed by SIGTERM; what it could not do before is say so.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterable
from typing import Any

from stepscope._frames import Frame, guarded

__all__ = ["watch_sigterm"]


class Terminated(BaseException):
    """The process was asked to end by SIGTERM."""

    __module__ = "stepscope"


def watch_sigterm(open_frames: Callable[[], Iterable[Frame]], finish: Callable[[], Any]) -> bool:
    """Install the handler; False when another one is there or this is not the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return False
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return False

    def on_sigterm(_number: int, _frame: object) -> None:
        try:
            for frame in reversed(list(open_frames())):
                frame.cancel(Terminated("terminated by SIGTERM"))
            finish()
        except Exception as error:  # noqa: BLE001 - the process must still die
            guarded(error)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)

    try:
        signal.signal(signal.SIGTERM, on_sigterm)
    except ValueError:  # sub-interpreters
        return False
    return True

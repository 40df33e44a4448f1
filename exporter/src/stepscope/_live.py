"""Live markers: what runs now, told by zero-length spans from one background thread.

OpenTelemetry sends a span when it ends. For a span that stays open this thread sends a child of
zero length that repeats its name and attributes: `started` once, `heartbeat` from then on. A step
that ends before the delay costs one dict entry and no marker; an execution is marked at once.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

from opentelemetry.trace import format_span_id, get_current_span

from stepscope._forks import in_every_fork
from stepscope._frames import Execution, Frame, guarded
from stepscope._ids import source
from stepscope._settings import Settings

__all__ = ["Live"]

_STOP_S = 0.2
_GRACE_S = 0.02
"""An execution that ends within this time needs no marker."""


class Live:
    """Knows the open frames. `hurry` asks the sender to send markers without its usual delay."""

    def __init__(self, settings: Settings, hurry: Callable[[], None] | None) -> None:
        self._delay_ns = int(settings.live_delay_s * 1e9)
        self._heartbeat_ns = int(settings.heartbeat_s * 1e9)
        self._tick_s = max(min(settings.live_delay_s / 4, settings.heartbeat_s / 4, 0.25), 0.005)
        self._hurry = hurry
        self._start_lock = threading.Lock()
        self.after_fork()
        in_every_fork(self)

    def after_fork(self) -> None:
        """Begin empty: in a child the open frames belong to its parent."""
        self._open: dict[int, Frame] = {}
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._is_stopped = False

    def opened(self, frame: Frame) -> None:
        """Watch a frame from now on."""
        self._open[id(frame)] = frame
        if self._thread is None:
            self._start()
        if isinstance(frame, Execution) and not self._wake.is_set():
            self._wake.set()

    def closed(self, frame: Frame) -> None:
        """Watch it no longer."""
        self._open.pop(id(frame), None)

    def open_frames(self) -> list[Frame]:
        """What is open now, innermost last."""
        return list(self._open.values())

    def stop(self) -> None:
        """End the thread; open frames stay without a further sign of life."""
        self._is_stopped = True
        self._wake.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_STOP_S)

    def _start(self) -> None:
        with self._start_lock:
            if self._thread is None and not self._is_stopped:
                thread = threading.Thread(target=self._run, name="stepscope-live", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the interpreter is ending
                    return
                self._thread = thread

    def _run(self) -> None:
        pause = threading.Event()
        while not self._is_stopped:
            if not self._open:
                self._wake.wait()
            elif self._wake.wait(self._tick_s) is False:
                self._look()
                continue
            self._wake.clear()
            pause.wait(_GRACE_S)
            self._look()

    def _look(self) -> None:
        """Send the markers that are due."""
        monotonic = time.monotonic_ns()
        is_urgent = False
        try:
            frames = list(self._open.values())
        except RuntimeError:  # changed while it was copied; the next look will do
            return
        for frame in frames:
            try:
                is_urgent |= self._mark_if_due(frame, monotonic)
            except Exception as error:  # noqa: BLE001 - one odd frame must not end the thread
                guarded(error)
        if is_urgent and self._hurry is not None:
            self._hurry()

    def _mark_if_due(self, frame: Frame, monotonic: int) -> bool:
        marked = frame.marked_ns
        if marked is None:
            age = source.current.now_ns() - frame.start_ns
            if age < self._delay_ns and not isinstance(frame, Execution):
                return False
            phase = "started"
        elif monotonic - marked >= self._heartbeat_ns:
            phase = "heartbeat"
        else:
            return False
        frame.marked_ns = monotonic
        send_marker(frame, phase)
        return True


def send_marker(frame: Frame, phase: str) -> None:
    """Record one marker of an open frame, through whatever recorded the frame."""
    attributes: dict[str, Any] = {
        **frame.live_attributes(),
        "stepscope.live.phase": phase,
        "stepscope.live.start_time_unix_nano": frame.start_ns,
    }
    parent = parent_span_id(frame)
    if parent is not None:
        attributes["stepscope.live.parent_span_id"] = parent
    context = frame.context
    if not frame.is_open:
        return
    now = source.current.now_ns()
    frame.recorder.start(frame.name, context, attributes, now).end(now)


def parent_span_id(frame: Frame) -> str | None:
    """Hex id of the open span's parent; None for a root span."""
    parent = get_current_span(frame.base).get_span_context()
    return format_span_id(parent.span_id) if parent.is_valid else None

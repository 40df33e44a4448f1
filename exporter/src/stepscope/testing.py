"""For tests of instrumented programs: record in memory, with a fixed clock and fixed ids.

with stepscope.testing.capture() as recorded:
checkout(7)
assert recorded.execution("checkout").outcome == "success"
"""

import contextlib
import dataclasses
import itertools
import json
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any, Literal

from opentelemetry import trace

from stepscope._capture import Content
from stepscope._ids import Source, source
from stepscope._live import Live
from stepscope._logs import LEVELS, Installed, LogLine, capture_logging
from stepscope._redact import Redactor
from stepscope._settings import LogLevel, Settings
from stepscope._spans import LightRecorder, LightSpan
from stepscope._state import state

__all__ = ["FixedSource", "Recorded", "RecordedSpan", "capture"]


@dataclasses.dataclass(frozen=True)
class RecordedSpan:
    """One ended span. Ids are lower-case hex, times nanoseconds since the epoch."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str | None
    start_ns: int
    end_ns: int
    attributes: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]]
    status: Literal["UNSET", "OK", "ERROR"]
    message: str | None

    @property
    def role(self) -> str | None:
        """`execution` or `step`."""
        return self.attributes.get("stepscope.span.role")

    @property
    def outcome(self) -> str | None:
        """How it ended: success, failure, timeout, cancellation or skip."""
        attributes = self.attributes
        return attributes.get("workflow.execution.outcome") or attributes.get(
            "workflow.task.outcome"
        )

    @property
    def input(self) -> Any:
        """The recorded input as Python values; None when there is none."""
        return _json(self.attributes.get("stepscope.input"))

    @property
    def output(self) -> Any:
        """The recorded output as Python values; None when there is none."""
        return _json(self.attributes.get("stepscope.output"))

    @property
    def is_marker(self) -> bool:
        """Whether it is a live marker of another span."""
        return "stepscope.live.phase" in self.attributes


class Recorded:
    """What was recorded, in order of end."""

    def __init__(self) -> None:
        self._spans: list[RecordedSpan] = []
        self._arrived = threading.Condition()
        self.logs: list[LogLine] = []
        """Log records inside executions, in order."""

    @property
    def spans(self) -> list[RecordedSpan]:
        """All ended spans but live markers."""
        return [span for span in list(self._spans) if not span.is_marker]

    @property
    def markers(self) -> list[RecordedSpan]:
        """All live markers."""
        return [span for span in list(self._spans) if span.is_marker]

    @property
    def executions(self) -> list[RecordedSpan]:
        """Ended executions."""
        return [span for span in self.spans if span.role == "execution"]

    @property
    def steps(self) -> list[RecordedSpan]:
        """Ended attempts of steps, in order of end."""
        return [span for span in self.spans if span.role == "step"]

    def execution(self, name: str | None = None) -> RecordedSpan:
        """The one execution (of this name)."""
        return _one(self.executions, name)

    def step(self, name: str | None = None) -> RecordedSpan:
        """The one attempt of a step (of this name)."""
        return _one(self.steps, name)

    def wait_for_markers(self, count: int, timeout_s: float = 5.0) -> list[RecordedSpan]:
        """The markers, once there are this many; fewer after the timeout."""
        self.wait_for(lambda: len(self.markers) >= count, timeout_s)
        return self.markers

    def wait_for(self, is_there: Callable[[], bool], timeout_s: float = 5.0) -> bool:
        """Whether this became true within the time; asked after every span."""
        with self._arrived:
            return self._arrived.wait_for(is_there, timeout_s)

    def add(self, span: LightSpan) -> None:
        """Take an ended span."""
        recorded = RecordedSpan(
            name=span.name,
            trace_id=trace.format_trace_id(span.trace_id),
            span_id=trace.format_span_id(span.span_id),
            parent_id=None if span.parent_id is None else trace.format_span_id(span.parent_id),
            start_ns=span.start_ns,
            end_ns=span.end_ns,
            attributes=dict(span.attributes),
            events=[(name, dict(attributes)) for name, _, attributes in span.events or ()],
            status=("UNSET", "OK", "ERROR")[span.status_code],
            message=span.status_message,
        )
        with self._arrived:
            self._spans.append(recorded)
            self._arrived.notify_all()


class FixedSource(Source):
    """A clock that advances 1 ms per reading, and ids that count from 1."""

    def __init__(self, start_ns: int = 1_700_000_000_000_000_000) -> None:
        self._clock = itertools.count(start_ns, 1_000_000)
        self._numbers = itertools.count(1)

    def now_ns(self) -> int:  # type: ignore[override]  # needs its own state
        """The next reading."""
        return next(self._clock)

    def span_id(self) -> int:  # type: ignore[override]
        """The next number."""
        return next(self._numbers)

    def trace_id(self) -> int:  # type: ignore[override]
        """The next number."""
        return next(self._numbers)

    def execution_id(self) -> str:  # type: ignore[override]
        """`00000000-0000-7000-8000-` and the next number."""
        return f"00000000-0000-7000-8000-{next(self._numbers):012x}"


@contextlib.contextmanager
def capture(  # noqa: PLR0913 - the settings of configure
    *,
    is_fixed: bool = True,
    project: str | None = None,
    capture_input: bool = True,
    capture_output: bool = True,
    content: Content = "full",
    payload_limit_bytes: int = 65536,
    live_delay_s: float = 0.0,
    heartbeat_s: float = 10.0,
    logs: LogLevel = "info",
    redactor: Redactor | None = None,
) -> Iterator[Recorded]:
    """Record in memory inside the block; afterwards everything is as before.

    Args:
        is_fixed: Fixed clock and ids, so that two runs record the same.
        project: As in `configure`.
        capture_input: As in `configure`.
        capture_output: As in `configure`.
        content: As in `configure`.
        payload_limit_bytes: As in `configure`.
        live_delay_s: As in `configure`; 0, the default here, sends no live markers.
        heartbeat_s: As in `configure`.
        logs: As in `configure`.
        redactor: What hides secrets; default: the built-in rules.
    """
    settings = Settings(
        project=project,
        capture_input=capture_input,
        capture_output=capture_output,
        content=content,
        payload_limit_bytes=payload_limit_bytes,
        live_delay_s=live_delay_s,
        heartbeat_s=heartbeat_s,
        redactor=redactor or Redactor(),
    )
    recorded = Recorded()
    before = (state.settings, state.recorder, state.live)
    source_before = source.current
    live = Live(settings, None) if live_delay_s > 0 else None
    state.use(settings, LightRecorder(recorded.add), live)
    log_sink_before = (Installed.sink, Installed.level)
    capture_logging(recorded.logs.append, LEVELS[logs] or logging.CRITICAL + 1)
    if is_fixed:
        source.current = FixedSource()
    try:
        yield recorded
    finally:
        if live is not None:
            live.stop()
        source.current = source_before
        capture_logging(*log_sink_before)
        state.use(*before)


def _one(spans: list[RecordedSpan], name: str | None) -> RecordedSpan:
    found = [span for span in spans if name is None or span.name == name]
    if len(found) != 1:
        names = sorted(span.name for span in spans)
        raise AssertionError(f"{len(found)} spans are named {name!r}; recorded were {names}")
    return found[0]


def _json(text: str | None) -> Any:
    return None if text is None else json.loads(text)

"""Log records inside an execution, as OTLP logs linked to their step (R065).

`logging.Logger.callHandlers` is wrapped instead of adding a handler: a handler on the root logger
would silence `logging.lastResort` and make a later `logging.basicConfig` do nothing. What the
program's own handlers do and print stays the same.
"""

import dataclasses
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from stepscope import _encode
from stepscope._exceptions import describe
from stepscope._frames import Frame, current_frame, guarded
from stepscope._ids import source
from stepscope._sender import Limits, Sender
from stepscope._settings import LogLevel
from stepscope._state import state

__all__ = [
    "LEVELS",
    "Installed",
    "LogEncoder",
    "LogLine",
    "LogSink",
    "both",
    "capture_logging",
    "emit",
    "queue_sink",
    "seen",
    "severity",
]

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_SEVERITIES: Final = ((10, 5, "DEBUG"), (20, 9, "INFO"), (30, 13, "WARN"), (40, 17, "ERROR"))
LEVELS: Final[Mapping[LogLevel, int | None]] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "off": None,
}
_OWN_LOGGER: Final = "stepscope"


@dataclasses.dataclass(frozen=True, slots=True)
class LogLine:
    """One log record. `severity` is OTLP's number (1 to 24), times are ns since the epoch."""

    time_ns: int
    severity: int
    severity_text: str
    body: str
    attributes: dict[str, Any]
    trace_id: int
    span_id: int
    event_name: str = ""


LogSink = Callable[[LogLine], None]


class Installed:
    """The wrap, once per process; `sink` None lets everything pass."""

    sink: LogSink | None = None
    level: int = logging.INFO
    is_wrapped = False
    already_seen: tuple[int, str] | None = None


def capture_logging(sink: LogSink | None, level: int = logging.INFO) -> None:
    """Send records of at least `level` to `sink` from now on; None stops it."""
    Installed.sink = sink
    Installed.level = level
    if sink is None or Installed.is_wrapped:
        return
    Installed.is_wrapped = True
    original = logging.Logger.callHandlers

    def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
        if Installed.sink is not None and record.levelno >= Installed.level:
            frame = current_frame()
            if frame is not None and frame.is_recording and record.name != _OWN_LOGGER:
                try:
                    _from_logging(frame, record)
                except Exception as error:  # noqa: BLE001 - never into the watched program
                    guarded(error)
        original(self, record)

    logging.Logger.callHandlers = call_handlers  # type: ignore[method-assign]


def emit(
    body: str,
    level: int,
    attributes: Mapping[str, object] | None = None,
    time_ns: int | None = None,
    event_name: str = "",
    frame: Frame | None = None,
) -> None:
    """Record one log line on the current step (or `frame`); nothing outside any.

    Secrets are hidden: attributes by key, the body by what it looks like.
    """
    frame = frame or current_frame()
    sink = Installed.sink
    if frame is None or sink is None or not frame.is_recording:
        return
    capture = state.capture
    number, text = severity(level)
    clean: dict[str, Any] = {
        "workflow.execution.id": frame.execution.id,
        "stepscope.log.sequence": frame.execution.next_log_sequence(),
    }
    clean |= {key: capture.attribute(key, value) for key, value in (attributes or {}).items()}
    context = frame.span.get_span_context()
    line = LogLine(
        time_ns or source.current.now_ns(), number, text, capture.text(body),
        {key: value for key, value in clean.items() if value is not None},
        context.trace_id, context.span_id, event_name,
    )  # fmt: skip
    sink(line)


def seen(event: str) -> None:
    """Say that the next record with this text in it has been recorded already (structlog)."""
    Installed.already_seen = (threading.get_ident(), event)


def severity(level: int) -> tuple[int, str]:
    """OTLP severity number and text of a level of the logging module (OTLP logs data model)."""
    for limit, number, text in _SEVERITIES:
        if level <= limit:
            return number, text
    return 21, "FATAL"


def _from_logging(frame: Frame, record: logging.LogRecord) -> None:
    message = record.getMessage()
    if _is_repeated(message):
        return
    extra = {key: value for key, value in vars(record).items() if key not in _STANDARD}
    attributes: dict[str, object] = {"stepscope.log.logger": record.name, **extra}
    if record.exc_info and record.exc_info[1] is not None:
        attributes |= describe(record.exc_info[1], state.capture)
    time_ns = int(record.created * 1e9)
    emit(message, record.levelno, attributes, time_ns, frame=frame)


def _is_repeated(message: str) -> bool:
    known, Installed.already_seen = Installed.already_seen, None
    return known is not None and known[0] == threading.get_ident() and known[1] in message


class LogEncoder:
    """Export requests of the logs service from queued lines."""

    def __init__(self, resource: Mapping[str, Any], scope: tuple[str, str]) -> None:
        self._resource = _encode.resource(resource)
        self._scope = _encode.scope(*scope)

    def __call__(self, take: Callable[[], Any], limits: Limits) -> tuple[bytes, int]:
        """One request; lines are taken until the queue or the request's limits end."""
        bodies: list[bytes] = []
        size = 0
        while len(bodies) < limits.batch_items and size < limits.batch_bytes:
            try:
                line = take()
            except IndexError:
                break
            body = log_record(line)
            bodies.append(body)
            size += len(body) + 4
        if not bodies:
            return b"", 0
        return _encode.request(self._resource, [(self._scope, bodies, b"")]), len(bodies)


def log_record(line: LogLine) -> bytes:
    """The body of a LogRecord message (opentelemetry-proto logs/v1/logs.proto)."""
    time = (line.time_ns & 0xFFFFFFFFFFFFFFFF).to_bytes(8, "little")
    return b"".join([
        b"\x09", time, b"\x10", bytes([line.severity]),
        _encode.text_field(b"\x1a", line.severity_text),
        _encode.message(b"\x2a", _encode.any_value(line.body)),
        _encode.attributes_field(b"\x32", line.attributes),
        b"\x45\x01\x00\x00\x00",  # flags: sampled
        b"\x4a\x10", line.trace_id.to_bytes(16, "big"),
        b"\x52\x08", line.span_id.to_bytes(8, "big"),
        b"\x59", time,
        _encode.text_field(b"\x62", line.event_name) if line.event_name else b"",
    ])  # fmt: skip


def queue_sink(sender: Sender) -> LogSink:
    """A sink that queues lines for the sender."""
    return lambda line: sender.put_item("logs", sender.queue_of("logs"), line, len(line.body))


def both(first: LogSink, second: LogSink | None) -> LogSink:
    """A sink that gives each line to two."""
    if second is None:
        return first

    def sink(line: LogLine) -> None:
        first(line)
        second(line)

    return sink

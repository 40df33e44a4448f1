"""The exporters that `OTEL_TRACES_EXPORTER` and `OTEL_LOGS_EXPORTER` name, beside or instead of ours.

`otlp` is ours. Other names are entry points of the OpenTelemetry SDK (`console`, `otlp_proto_grpc`,
`zipkin_json`, …): stock exporters behind the stock batch processors. Imported only when one is named.
"""

import importlib.metadata
import logging
import os
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    set_span_in_context,
)

from stepscope._frames import guarded
from stepscope._logs import LogLine, LogSink

__all__ = ["Stock", "log_sink", "span_processors"]

logger = logging.getLogger("stepscope")


class Stock:
    """The processors in use. Stock ones may block for as long as a collector is silent; this does not."""

    def __init__(self, processors: Iterable[Any]) -> None:
        self._processors = tuple(processors)
        self._start()

    def ask(self, method: str) -> threading.Event:
        """Call `force_flush` or `shutdown` of all processors; the event is set when they are done."""
        if self._pid != os.getpid():  # threads do not survive a fork
            self._start()
        done = threading.Event()
        self._asked.put((method, done))
        return done

    def _start(self) -> None:
        # At exit no thread can be started any more, so it waits from the beginning.
        self._pid = os.getpid()
        self._asked: queue.SimpleQueue[tuple[str, threading.Event]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="stepscope-stock", daemon=True).start()

    def _run(self) -> None:
        method = ""
        while method != "shutdown":
            method, done = self._asked.get()
            for processor in self._processors:
                try:
                    getattr(processor, method)()
                except Exception as error:  # noqa: BLE001 - one exporter must not cost the others
                    guarded(error)
            done.set()


def span_processors(names: Sequence[str]) -> list[SpanProcessor]:
    """A batch processor per exporter of `OTEL_TRACES_EXPORTER`; a warning for each that cannot be."""
    return [BatchSpanProcessor(made) for made in _make("traces", names)]


def log_sink(
    names: Sequence[str], resource: Resource, scope: tuple[str, str]
) -> tuple[LogSink | None, list[Any]]:
    """Where log lines go for the exporters of `OTEL_LOGS_EXPORTER`, and the processors behind it.

    The sink is None where none can be used; a warning says why.
    """
    exporters = _make("logs", names)
    if not exporters:
        return None, []
    try:
        # Its names change from version to version while OpenTelemetry calls it experimental.
        from opentelemetry._logs import LogRecord, SeverityNumber
        from opentelemetry.sdk._logs import LoggerProvider, ReadWriteLogRecord  # noqa: F401
        from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    except ImportError as error:
        logger.warning(
            "stepscope: OTEL_LOGS_EXPORTER=%s needs a newer opentelemetry-sdk (%s); no logs go there",
            ",".join(names), error,
        )  # fmt: skip
        return None, []
    provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
    processors = [BatchLogRecordProcessor(made) for made in exporters]
    for processor in processors:
        provider.add_log_record_processor(processor)
    target = provider.get_logger(*scope)

    def sink(line: LogLine) -> None:
        try:
            target.emit(
                LogRecord(
                    timestamp=line.time_ns, observed_timestamp=line.time_ns, context=_context(line),
                    severity_text=line.severity_text, severity_number=SeverityNumber(line.severity),
                    body=line.body, attributes=line.attributes, event_name=line.event_name or None,
                )
            )  # fmt: skip
        except Exception as error:  # noqa: BLE001 - never into the watched program
            guarded(error)

    return sink, processors


def _context(line: LogLine) -> Context:
    of = SpanContext(line.trace_id, line.span_id, False, TraceFlags(TraceFlags.SAMPLED))
    return set_span_in_context(NonRecordingSpan(of), Context())


def _make(signal: str, names: Sequence[str]) -> list[Any]:
    variable = f"OTEL_{signal.upper()}_EXPORTER"
    known = {
        entry.name: entry
        for entry in importlib.metadata.entry_points(group=f"opentelemetry_{signal}_exporter")
    }
    made = []
    for name in dict.fromkeys(names):
        if name not in known:
            logger.warning(
                "stepscope: %s: exporter %s is unknown and left out; known are otlp, none%s. "
                "Install the package that brings it",
                variable, name, "".join(f", {each}" for each in sorted(known)),
            )  # fmt: skip
            continue
        try:
            make: Callable[[], Any] = known[name].load()
            made.append(make())
        except Exception as error:  # noqa: BLE001 - a variable must not end the program
            logger.warning(
                "stepscope: %s: exporter %s cannot be used and is left out (%s: %s)",
                variable, name, type(error).__name__, error,
            )  # fmt: skip
    return made

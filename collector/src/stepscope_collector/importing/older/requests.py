"""Records of older designs as OTLP requests of about a thousand rows. Pure."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from stepscope_collector.compat.record import ExecutionRecord, span_id_of, trace_id_of
from stepscope_collector.compat.spans import execution_span_id, request_of
from stepscope_collector.importing.older.rows import Extras, Line
from stepscope_collector.importing.piece import Piece

__all__ = ["Requests", "line_of"]

_ROWS: Final = 1000
_SCOPE: Final = "stepscope"
_SEVERITIES: Final = {
    "trace": 1, "debug": 5, "info": 9, "warn": 13, "warning": 13, "error": 17, "fatal": 21,
}  # fmt: skip


@dataclass(slots=True)
class Requests:
    """Gathers executions until a request is full."""

    place: str = ""
    _traces: ExportTraceServiceRequest = field(default_factory=ExportTraceServiceRequest)
    _logs: ExportLogsServiceRequest = field(default_factory=ExportLogsServiceRequest)
    _spans: int = 0
    _lines: int = 0

    def add(
        self,
        record: ExecutionRecord,
        extras: Extras,
        place: str,
        done_bytes: int,
        revision: int = 0,
    ) -> Iterator[Piece]:
        """Take an execution in; the requests that are full then. Revision: see `request_of`."""
        own = ExportTraceServiceRequest.FromString(
            request_of(record, seen_ns=extras.seen_ns, revision=revision)
        )
        for span in own.resource_spans[0].scope_spans[0].spans:
            if _is_of_execution(span):
                _add(span, extras)
        self.place = self.place or place
        self._spans += len(own.resource_spans[0].scope_spans[0].spans)
        self._traces.MergeFrom(own)
        yield from self.add_lines(record.execution_id, extras.lines, done_bytes)
        if self._spans >= _ROWS:
            yield from self.end(done_bytes)

    def add_lines(
        self, execution_id: str, lines: Iterable[Line], done_bytes: int
    ) -> Iterator[Piece]:
        """Take log lines of an execution in; the requests that are full then."""
        for line in lines:
            self._add_line(execution_id, line)
            if self._lines >= _ROWS:
                yield from self.end(done_bytes)

    def end(self, done_bytes: int) -> Iterator[Piece]:
        """What is left."""
        if self._spans:
            yield Piece("traces", self._traces.SerializeToString(), self.place, done_bytes)
        if self._lines:
            yield Piece("logs", self._logs.SerializeToString(), self.place, done_bytes)
        self._traces, self._logs = ExportTraceServiceRequest(), ExportLogsServiceRequest()
        self._spans = self._lines = 0
        self.place = ""

    def _add_line(self, execution_id: str, line: Line) -> None:
        if not self._lines:
            self._logs.resource_logs.add().scope_logs.add().scope.name = _SCOPE
        told = (
            self._logs.resource_logs[0]
            .scope_logs[0]
            .log_records.add(
                time_unix_nano=line.at_ns,
                observed_time_unix_nano=line.at_ns,
                severity_number=_SEVERITIES.get((line.level or "").lower(), 0),
                severity_text=_text(line.level or ""),
                event_name=_text(line.event_name or ""),
                trace_id=trace_id_of(execution_id),
                span_id=execution_span_id(execution_id),
            )
        )
        told.body.string_value = _text(line.body)
        _attribute(told, "workflow.execution.id", execution_id)
        _attribute(told, "stepscope.log.sequence", line.sequence)
        _attribute(told, "log.iostream", line.stream)
        self._lines += 1


def _is_of_execution(span: Span) -> bool:
    return any(
        each.key == "stepscope.span.role" and each.value.string_value == "execution"
        for each in span.attributes
    )


def _add(span: Span, extras: Extras) -> None:
    if any(each.key == "stepscope.live.phase" for each in span.attributes):
        # a marker that says something else is another one
        told = (extras.exit_code, extras.binary_path, extras.output, extras.params)
        span.span_id = span_id_of(span.span_id.hex(), *(str(each) for each in told))
    _attribute(span, "process.exit.code", extras.exit_code)
    _attribute(span, "process.executable.path", extras.binary_path)
    _attribute(span, "enduser.id", extras.user_id)
    _attribute(span, "stepscope.project", extras.project)
    _attribute(span, "stepscope.output", extras.output)
    _attribute(span, "stepscope.params", extras.params)


def _attribute(message: Span | LogRecord, key: str, value: str | int | None) -> None:
    if value is None:
        return
    attribute = message.attributes.add(key=key)
    if isinstance(value, int):
        attribute.value.int_value = value
    else:
        attribute.value.string_value = _text(value)


def _text(value: str) -> str:
    """The text without lone surrogates, which protobuf takes for no text."""
    return value.encode("utf-8", "replace").decode()


def line_of(sequence: int | None, at_ns: int, kind: str | None, data: object) -> Line:
    """The log record of a type and data as design 002 has them.

    A line of output is `RawOutput`, its data {message, level?, stream?} or the line itself; all else is
    an event, its data JSON.
    """
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, default=str)
    if kind not in (None, "RawOutput"):
        return Line(sequence, at_ns, text, event_name=kind)
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or not isinstance(told.get("message"), str):
        return Line(sequence, at_ns, text)
    level, stream = told.get("level"), told.get("stream")
    return Line(
        sequence, at_ns, told["message"],
        level=level if isinstance(level, str) else None,
        stream=stream if isinstance(stream, str) else None,
    )  # fmt: skip

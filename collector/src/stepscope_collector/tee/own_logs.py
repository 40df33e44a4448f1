"""The collector's own log lines as OTLP, kept until they are sent."""

import logging
from collections import deque
from collections.abc import Iterable
from itertools import groupby
from typing import Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from stepscope_collector import __version__

__all__ = ["LogBuffer", "attribute", "encode_logs", "resource_of"]

_MAX_LINES: Final = 2000
"""Of an endpoint that is away the newest are kept."""

_SEVERITIES: Final = ((50, 21), (40, 17), (30, 13), (20, 9), (0, 5))
"""Least level of Python's logging → SeverityNumber of OTLP (logs data model, appendix B)."""

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class LogBuffer(logging.Handler):
    """Takes every line of the process that the setting log.level lets through."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[logging.LogRecord] = deque(maxlen=_MAX_LINES)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line."""
        self._lines.append(record)

    def take(self) -> list[logging.LogRecord]:
        """The lines so far; they are not kept any longer."""
        taken = []
        while self._lines:
            taken.append(self._lines.popleft())
        return taken

    def give_back(self, lines: Iterable[logging.LogRecord]) -> None:
        """Keep lines that could not be sent, as far as there is space before newer ones."""
        space = _MAX_LINES - len(self._lines)
        kept = list(lines)[-space:] if space else []
        self._lines.extendleft(reversed(kept))


def encode_logs(lines: Iterable[logging.LogRecord], *, instance: str) -> bytes:
    """An ExportLogsServiceRequest; the name of the logger is the scope, fields are attributes."""
    request = ExportLogsServiceRequest()
    held = request.resource_logs.add(resource=resource_of(instance))
    for name, of_logger in groupby(lines, key=lambda line: line.name):
        scope = held.scope_logs.add()
        scope.scope.name = name
        for line in of_logger:
            level = line.levelno
            record = scope.log_records.add(
                time_unix_nano=round(line.created * 1e9),
                observed_time_unix_nano=round(line.created * 1e9),
                severity_number=next(n for least, n in _SEVERITIES if level >= least),
                severity_text=line.levelname,
                body=AnyValue(string_value=_encodable(line.getMessage())),
            )
            fields = {k: v for k, v in vars(line).items() if k not in _STANDARD}
            record.attributes.extend(attribute(key, str(value)) for key, value in fields.items())
            if line.exc_info and line.exc_info[0] is not None:
                text = logging.Formatter().formatException(line.exc_info)
                record.attributes.extend(
                    [
                        attribute("exception.type", line.exc_info[0].__qualname__),
                        attribute("exception.message", str(line.exc_info[1])),
                        attribute("exception.stacktrace", text),
                    ]
                )
    return request.SerializeToString()


def resource_of(instance: str) -> Resource:
    """Who this collector is; `instance` becomes service.instance.id."""
    return Resource(
        attributes=[
            attribute("service.name", "stepscope-collector"),
            attribute("service.version", __version__),
            attribute("service.instance.id", instance),
        ]
    )


def attribute(key: str, value: str) -> KeyValue:
    """A string attribute."""
    return KeyValue(key=key, value=AnyValue(string_value=_encodable(value)))


def _encodable(text: str) -> str:
    """The text with lone surrogates replaced: UTF-8 has no bytes for them."""
    return text.encode("utf-8", "replace").decode()

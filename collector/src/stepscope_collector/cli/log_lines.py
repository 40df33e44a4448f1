"""What the server says on stderr: one line per event, its fields as name=value or as JSON."""

import json
import logging
import sys
import time
from typing import Any

__all__ = ["JsonFormatter", "LineFormatter", "log_to_stderr"]

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# Their infos are about their own start and stop; ours say the same once. uvicorn warns of every broken
# request, with which a stranger could fill the log.
_CHATTY = {"uvicorn": logging.ERROR, "asyncio": logging.WARNING, "grpc": logging.WARNING}


class LineFormatter(logging.Formatter):
    """`2026-03-01T13:05:09.120Z warning stepscope_collector.ingest: event name=value`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; the traceback of an exception follows it."""
        moment = self.formatTime(record, "%Y-%m-%dT%H:%M:%S")
        head = f"{moment}.{int(record.msecs):03d}Z {record.levelname.lower()} {record.name}: "
        fields = [
            f" {name}={value!r}" if isinstance(value, str) else f" {name}={value}"
            for name, value in vars(record).items()
            if name not in _STANDARD
        ]
        text = head + record.getMessage() + "".join(fields)
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return text


class JsonFormatter(logging.Formatter):
    """`{"time", "level", "logger", "message", …}`: one object on one line, traceback included.

    The fields of the event stand in `fields`, so that none can be taken for another.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        moment = self.formatTime(record, "%Y-%m-%dT%H:%M:%S")
        event: dict[str, Any] = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if fields:
            event["fields"] = fields
        if record.exc_info:
            event["traceback"] = self.formatException(record.exc_info)
        return (
            json.dumps(event, default=str, ensure_ascii=False).encode("utf-8", "replace").decode()
        )


def log_to_stderr(level: str, form: str = "text") -> None:
    """Write events from now on.

    Args:
        level: the least severity, setting log.level.
        form: `text` or `json`, setting log.format.
    """
    handler = logging.StreamHandler(sys.stderr)
    formatter = JsonFormatter() if form == "json" else LineFormatter()
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    if level != "debug":
        for name, least in _CHATTY.items():
            logging.getLogger(name).setLevel(least)

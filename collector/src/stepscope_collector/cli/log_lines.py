"""What the server says on stderr: one line per event, its fields as name=value."""

import logging
import sys
import time

__all__ = ["LineFormatter", "log_to_stderr"]

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# Their infos are about their own start and stop; ours say the same once.
_CHATTY = ("uvicorn", "asyncio", "grpc")


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


def log_to_stderr(level: str) -> None:
    """Write events of `level` (setting log.level) and above to stderr, from now on."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = LineFormatter()
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    if level != "debug":
        for name in _CHATTY:
            logging.getLogger(name).setLevel(logging.WARNING)

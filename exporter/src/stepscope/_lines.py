"""Lines of a command's output as log records of its execution.

Lines are cut at 8 KiB and recorded up to 10 MiB per execution, so that any amount of output takes
bounded memory.
"""

import logging
from typing import Final

from stepscope._frames import Frame, guarded
from stepscope._logs import emit

__all__ = ["TOTAL_LIMIT", "LineReader"]

TOTAL_LIMIT: Final = 10 << 20
"""Bytes of output that are recorded per execution."""
_LINE_LIMIT: Final = 8192


class LineReader:
    """Cuts one stream into lines and records them with the stream's name."""

    def __init__(self, stream: str, frame: Frame, budget: list[int]) -> None:
        self._stream = stream
        self._frame = frame
        self._budget = budget
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take a piece of the stream."""
        if self._budget[0] <= 0:
            return
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._record(line)
        while len(rest) >= _LINE_LIMIT:
            self._record(rest[:_LINE_LIMIT])
            rest = rest[_LINE_LIMIT:]
        self._rest = rest

    def end(self) -> None:
        """The stream is at its end; what has no line end is a line too."""
        if self._rest:
            self._record(self._rest)
            self._rest = b""

    def _record(self, line: bytes) -> None:
        budget = self._budget
        if budget[0] <= 0:
            return
        budget[0] -= len(line) + 1
        attributes: dict[str, object] = {"log.iostream": self._stream}
        text = line[:_LINE_LIMIT].decode("utf-8", "replace").rstrip("\r")
        if budget[0] <= 0:
            text = f"(output over {TOTAL_LIMIT >> 20} MiB is passed on and not recorded)"
        try:
            emit(text, logging.INFO, attributes, event_name="process.output", frame=self._frame)
        except Exception as error:  # noqa: BLE001 - the command goes on
            guarded(error)

"""What `configure` decided, in one frozen value."""

import dataclasses
from typing import Final, Literal

from stepscope._capture import Capture, Content
from stepscope._redact import Redactor

__all__ = ["VERSION", "LogLevel", "Protocol", "Settings"]

LogLevel = Literal["debug", "info", "warning", "error", "off"]
VERSION: Final = "0.1.0"
Protocol = Literal["grpc", "http/protobuf"]


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """Effective settings. Durations are seconds, sizes bytes."""

    project: str | None = None
    capture_input: bool = True
    capture_output: bool = True
    content: Content = "full"
    logs: LogLevel = "info"
    """The lowest level of log records that are sent; the program's own levels apply first."""
    payload_limit_bytes: int = 65536
    live_delay_s: float = 1.0
    """A step open for this long sends a live marker; executions at once. 0 turns live off."""
    heartbeat_s: float = 10.0
    flush_timeout_s: float = 2.0
    redactor: Redactor = dataclasses.field(default_factory=Redactor)

    def capture(self) -> Capture:
        """The capture these settings ask for."""
        return Capture(self.payload_limit_bytes, self.redactor, self.content)

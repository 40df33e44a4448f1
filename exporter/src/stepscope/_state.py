"""The one piece of process-wide state: what records spans, and under which settings."""

from typing import Any, Protocol

from opentelemetry import trace
from opentelemetry.context import Context

from stepscope._capture import Capture
from stepscope._redact import Hidden
from stepscope._settings import VERSION, Settings
from stepscope._spans import Recorder, TracerRecorder
from stepscope_schema.attributes import SCOPE_NAME

__all__ = ["LiveKeeper", "State", "state"]


class LiveKeeper(Protocol):
    """Told of frames that open and close; sends live markers for those that stay open."""

    def opened(self, frame: Any) -> None:
        """A frame opened."""
        ...

    def closed(self, frame: Any) -> None:
        """A frame closed."""
        ...


class State:
    """Mutable, replaced field by field by `configure` and `stepscope.testing`.

    Until `configure` runs, spans go to the global tracer provider: nowhere, unless the program
    set one, as OpenTelemetry asks of instrumentation.
    """

    __slots__ = ("ambient", "capture", "hidden", "live", "recorder", "settings")

    def __init__(self) -> None:
        self.hidden = Hidden()
        """Counts of the redactor in use, or of the last one."""
        self.reset()

    def reset(self) -> None:
        """Back to the unconfigured state."""
        self.settings = Settings()
        self.capture: Capture = self.settings.capture()
        self.recorder: Recorder = TracerRecorder(trace.get_tracer(SCOPE_NAME, VERSION))
        self.live: LiveKeeper | None = None
        self.ambient: Context | None = None
        """What this process continues, told by its environment; None: nothing."""

    def use(self, settings: Settings, recorder: Recorder, live: LiveKeeper | None) -> None:
        """Switch to these; frames that are open end where they began."""
        self.settings = settings
        self.capture = settings.capture()
        self.hidden = settings.redactor.hidden
        self.recorder = recorder
        self.live = live


state = State()

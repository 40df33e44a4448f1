"""Found by `opentelemetry-instrument`: configures the exporter without a line in the program.

The launcher sets a tracer provider first, so executions and steps go through it; without one our
own sender is started. The launcher asks for a class with `instrument`; that it need not derive
from one of opentelemetry-instrumentation keeps that package out of our dependencies.
"""

from typing import Any

from stepscope._configure import configure, shutdown
from stepscope._frames import guarded

__all__ = ["Instrumentor"]


class Instrumentor:
    """What the entry point `opentelemetry_instrumentor` names."""

    def instrument(self, **_options: Any) -> None:
        """Configure from the environment."""
        try:
            configure()
        except Exception as error:  # noqa: BLE001 - the launcher's program must start
            guarded(error)

    def uninstrument(self, **_options: Any) -> None:
        """Stop recording."""
        shutdown()

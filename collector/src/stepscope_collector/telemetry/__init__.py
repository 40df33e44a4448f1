"""The collector's own numbers: what came in, what became of it, how long it took."""

from stepscope_collector.telemetry.counts import Settled, Telemetry

__all__ = ["Settled", "Telemetry"]

"""Everything this collector sends to others: the tee, and its own metrics."""

import logging
from collections.abc import Callable, Iterable

from stepscope_collector.config import Settings
from stepscope_collector.tee.itself import instance_id, refuse_itself
from stepscope_collector.tee.own_logs import LogBuffer
from stepscope_collector.tee.own_metrics import OwnMetrics
from stepscope_collector.tee.tee import Tee
from stepscope_collector.telemetry import Telemetry
from stepscope_collector.telemetry.values import Reading, Sample

__all__ = ["Outgoing"]


class Outgoing:
    """What the settings ask to send. Without any, it costs nothing and makes no file.

    Raises:
        ConfigError: a certificate file cannot be read.
    """

    def __init__(self, settings: Settings, telemetry: Telemetry) -> None:
        self._settings = settings
        self._telemetry = telemetry
        self.tee: Tee | None = None
        self.own_id: str | None = None
        self._own_metrics: OwnMetrics | None = None
        self._logs: LogBuffer | None = None
        folder = settings.data.tee_dir
        if settings.tee.targets() or settings.telemetry.target():
            self.own_id = instance_id(folder)
        if self.own_id is not None and settings.tee.targets():
            self.tee = Tee(settings.tee, folder, self.own_id, telemetry)

    def start(self, own: Iterable[str], read: Callable[[], Iterable[Reading]]) -> None:
        """Begin to send.

        Args:
            own: HOST:PORT of every port of this process.
            read: all metrics of this process.

        Raises:
            ConfigError: an endpoint is one of them, or a certificate cannot be used.
        """
        target = self._settings.telemetry.target()
        targets = [*self._settings.tee.targets(), *([target] if target else [])]
        refuse_itself(targets, own)
        if self.tee is not None:
            self.tee.start()
        if target is not None and self.own_id is not None:
            interval_s = self._settings.telemetry.interval_s
            if self._settings.telemetry.logs:
                self._logs = LogBuffer()
                logging.getLogger().addHandler(self._logs)
            self._own_metrics = OwnMetrics(
                target, interval_s, self.own_id, self._telemetry, read, self._logs
            )
            self._own_metrics.start()

    def stop(self, timeout_s: float) -> None:
        """End; the writer has stopped before."""
        if self._own_metrics is not None:
            self._own_metrics.stop(timeout_s)
        if self._logs is not None:
            logging.getLogger().removeHandler(self._logs)
        if self.tee is not None:
            self.tee.stop(timeout_s)

    def samples(self) -> dict[str, list[Sample]]:
        """The metrics that describe the queue of the tee."""
        return {} if self.tee is None else self.tee.samples()

    def report(self) -> dict[str, object]:
        """What `stepscope doctor` tells; nothing without a tee."""
        return {} if self.tee is None else {"tee": self.tee.status()}
